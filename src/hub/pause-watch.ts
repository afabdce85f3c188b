import type { FanOut } from '../domain/fanout.ts'
import type { Log } from '../observe/log.ts'
import type { Metrics } from '../observe/metrics.ts'

export interface PauseWatchOptions {
  /** Whether somebody has paused a sequence in Keptn; rejects where Keptn does not say. */
  readonly isPaused: (scope: FanOut) => Promise<boolean>
  readonly now: () => number
  readonly log: Log
  readonly metrics: Metrics
}

/** What is known of a sequence. `unknown`: Keptn has not answered, and is worth waiting for. */
export type PauseState = 'going' | 'paused' | 'unknown'

/** An answer is taken for the truth for so long, in milliseconds. */
const FRESH_MS = 2_000
/** How often to ask while a sequence is paused, or Keptn does not answer. */
export const ASK_AGAIN_MS = 3_000
/**
 * A Keptn that is silent for so long holds nothing up any more: rather a rollout that goes on within its
 * limits than one that hangs because of a wrong URL. What was paused when Keptn fell silent stays paused.
 */
const PATIENCE_MS = 60_000

/**
 * Keptn tells nobody that a sequence is paused (wire 6.7), so it is asked before targets begin, and while it
 * is paused: by fan-outs that have targets yet to begin, and by no others.
 */
export class PauseWatch {
  readonly #options: PauseWatchOptions
  /** When Keptn last said that a sequence goes on, by fan-out. */
  readonly #goingAt = new Map<string, number>()
  #silentSince: number | undefined
  #askedAt = 0

  constructor(options: PauseWatchOptions) {
    this.#options = options
  }

  async ask(head: FanOut): Promise<PauseState> {
    const { now, isPaused } = this.#options
    const at = now()
    // It sends no task of a sequence that is paused.
    const goingAt = this.#goingAt.get(head.id) ?? head.storedAt ?? 0
    if (head.paused?.keptn === undefined && Math.abs(at - goingAt) < FRESH_MS) return 'going'
    if (this.#silentSince !== undefined && at - this.#askedAt < ASK_AGAIN_MS)
      return this.#whileSilent(head, at, this.#silentSince)
    this.#askedAt = at
    try {
      const paused = await isPaused(head)
      this.#silentSince = undefined
      if (paused) return 'paused'
      this.#goingAt.set(head.id, now())
      return 'going'
    } catch (error) {
      return this.#silent(head, at, error)
    }
  }

  forget(id: string): void {
    this.#goingAt.delete(id)
  }

  #silent(head: FanOut, at: number, error: unknown): PauseState {
    const { log, metrics } = this.#options
    metrics.pauseChecksFailed.inc()
    if (this.#silentSince === undefined)
      log.warn({ error }, 'Keptn does not say which sequences are paused; waves wait for a minute.')
    this.#silentSince ??= at
    return this.#whileSilent(head, at, this.#silentSince)
  }

  #whileSilent({ paused }: FanOut, at: number, since: number): PauseState {
    if (paused?.keptn !== undefined) return 'paused'
    return at - since < PATIENCE_MS ? 'unknown' : 'going'
  }
}
