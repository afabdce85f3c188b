import { SignetError } from '../errors.ts'
import type { ShipyardControllerOptions } from './shipyard-controller.ts'
import { ShipyardController } from './shipyard-controller.ts'

/** Which sequence: that of a context, as far as it concerns a stage. */
export interface SequenceScope {
  readonly project: string
  readonly context: string
  readonly stage: string
}

/** How long an answer may take, in milliseconds. */
const TIMEOUT_MS = 2_000
/** What one context's state may weigh: it names every stage with its latest events. */
const MOST_BYTES = 1_048_576

/** shipyard-controller's view of sequences (wire 5.3, 6.7). */
export class KeptnSequences {
  readonly #controller: ShipyardController

  constructor(options: ShipyardControllerOptions) {
    const limits = { timeoutMs: TIMEOUT_MS, maxAnswerBytes: MOST_BYTES }
    this.#controller = new ShipyardController(options, limits)
  }

  /**
   * Whether somebody has paused the sequence in Keptn, altogether or in this stage. A context that Keptn
   * does not know is not paused. Rejects with SIGNET_API_UNREACHABLE or SIGNET_API_BAD_ANSWER where Keptn
   * does not say.
   */
  async isPaused({ project, context, stage }: SequenceScope): Promise<boolean> {
    const path = `/v1/sequence/${encodeURIComponent(project)}`
    const { body } = await this.#controller.get(path, { keptnContext: context })
    return isPausedIn(statesOf(body), context, stage)
  }

  /** Ends its connections. */
  close(): Promise<void> {
    return this.#controller.close()
  }
}

interface SequenceState {
  readonly shkeptncontext?: string
  readonly state?: string
  readonly stages?: readonly { readonly name?: string; readonly state?: string }[] | null
}

/** Go writes an empty list as null. */
function statesOf(body: Buffer): readonly SequenceState[] {
  try {
    const { states } = JSON.parse(body.toString('utf8')) as { readonly states?: unknown }
    if (states === null) return []
    if (Array.isArray(states)) return states as readonly SequenceState[]
  } catch {
    // Said below.
  }
  const message = 'What answers as shipyard-controller has no states of sequences.'
  throw new SignetError('SIGNET_API_BAD_ANSWER', message)
}

function isPausedIn(states: readonly SequenceState[], context: string, stage: string): boolean {
  const found = states.find((each) => each.shkeptncontext === context)
  const ofStage = found?.stages?.find(({ name }) => name === stage)
  return found?.state === 'paused' || ofStage?.state === 'paused'
}
