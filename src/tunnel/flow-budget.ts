import { CHUNK_BYTES, MOST_WINDOW } from './body-flow.ts'

/** What all bodies on their way in may hold in one agent, in bytes. */
const BUDGET_BYTES = 33_554_432

/**
 * Shares the memory for bodies among the flows of an agent: a few get a full window each, hundreds one part
 * each.
 */
export class FlowBudget {
  #open = 0

  /** How many parts each flow may have under way now. */
  readonly window = (): number =>
    Math.max(
      1,
      Math.min(MOST_WINDOW, Math.floor(BUDGET_BYTES / CHUNK_BYTES / Math.max(1, this.#open))),
    )

  /** Counts a flow until the returned function is called; it may be called twice. */
  open(): () => void {
    this.#open += 1
    let isOpen = true
    return () => {
      if (isOpen) this.#open -= 1
      isOpen = false
    }
  }
}
