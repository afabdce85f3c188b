import { SignetError } from '../errors.ts'
import { Exchange } from './exchange.ts'

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

/** Where shipyard-controller answers: itself, or behind Keptn's public API. */
export interface KeptnSequencesOptions {
  /** What `/v1/sequence` follows: `http://shipyard-controller:8080`, `https://keptn.example/api/controlPlane`. */
  readonly url: string
  /** For the public API. */
  readonly token?: string | undefined
  readonly verifyTls?: boolean
}

/** shipyard-controller's view of sequences, which it tells nobody unasked (wire 5.3, 6.7). */
export class KeptnSequences {
  readonly #options: KeptnSequencesOptions
  readonly #exchange: Exchange

  constructor(options: KeptnSequencesOptions) {
    this.#options = options
    this.#exchange = new Exchange({
      proxies: {},
      verifyTls: options.verifyTls ?? true,
      timeoutMs: TIMEOUT_MS,
      maxAnswerBytes: MOST_BYTES,
    })
  }

  /**
   * Whether somebody has paused the sequence in Keptn, altogether or in this stage. A context that Keptn
   * does not know is not paused. Rejects with SIGNET_API_UNREACHABLE or SIGNET_API_BAD_ANSWER where Keptn
   * does not say.
   */
  async isPaused({ project, context, stage }: SequenceScope): Promise<boolean> {
    const { url: base, token } = this.#options
    const url = new URL(`${base}/v1/sequence/${encodeURIComponent(project)}`)
    url.searchParams.set('keptnContext', context)
    const headers = token === undefined ? {} : { 'x-token': token }
    const request = { method: 'GET', url, headers } as const
    const exchanged = await this.#exchange.send(request, new AbortController().signal)
    if (exchanged.kind !== 'answered') throw exchanged.error
    const { status, body } = exchanged.answer
    if (status !== 200)
      throw new SignetError('SIGNET_API_UNREACHABLE', `shipyard-controller answers ${status}.`)
    return isPausedIn(statesOf(body), context, stage)
  }

  /** Ends its connections. */
  close(): Promise<void> {
    return this.#exchange.close()
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
