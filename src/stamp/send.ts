import { setMaxListeners } from 'node:events'
import type { BackoffRule } from '../domain/backoff.ts'
import { backoffMs } from '../domain/backoff.ts'
import type { KeptnEvent } from '../domain/event.ts'
import { isSignetError, SignetError } from '../errors.ts'
import type { DeadLetters, SetAside } from '../flow/dead-letters.ts'
import { Arrivals } from '../https/arrivals.ts'
import type { ApiResult, KeptnApi } from '../https/keptn-api.ts'
import type { Right } from '../links/term.ts'
import { mustHold } from '../links/term.ts'
import type { Log } from '../observe/log.ts'
import type { Metrics } from '../observe/metrics.ts'
import { following } from '../runtime/abort.ts'
import { sleep } from '../runtime/clock.ts'

/** An event as it is posted. */
export interface Posting {
  readonly event: KeptnEvent
  readonly body: Uint8Array
}

export interface ApiSenderOptions {
  readonly api: KeptnApi
  /** The right to act: looked at when a post is written to its connection, and not before. */
  readonly term: Right
  readonly deadLetters: () => DeadLetters
  /**
   * When to ask whether an event has arrived whose sending ended unclear: waits after each other, in
   * milliseconds. After the last one it counts as lost, so together they are to be longer than a gateway
   * and a server take to carry out what somebody has given up waiting for.
   */
  readonly settleWaitsMs?: readonly number[]
  readonly retry?: BackoffRule
  readonly log: Log
  readonly metrics: Metrics
}

type Failed = Extract<ApiResult, { ok: false }>

const SETTLE_WAITS_MS = [500, 1_500, 3_000, 5_000, 10_000]
const RETRY: BackoffRule = { firstMs: 500, mostMs: 30_000 }
const TOO_LARGE = 413
/** How often is looked whether the lease is renewed. */
const PAUSE_MS = 50

/**
 * Sends events to Keptn with `POST /v1/event` (DESIGN 7.9). The API gives every post a new id (wire 5.2), so
 * that nothing after it can tell a copy; so each event has one try in flight, and after one whose end is
 * unclear the datastore is asked whether it is there before it is sent again.
 */
export class ApiSender {
  readonly #options: ApiSenderOptions
  readonly #stopping = new AbortController()
  readonly #arrivals: Arrivals
  #trouble: string | undefined

  constructor(options: ApiSenderOptions) {
    this.#options = options
    this.#arrivals = new Arrivals(options.api)
    // As many events as are under way may wait.
    setMaxListeners(0, this.#stopping.signal)
  }

  /** Why sending does not work, or undefined. */
  get trouble(): string | undefined {
    return this.#trouble
  }

  /**
   * Sends an event, trying for as long as it takes. Resolves when Keptn has it, or when `message` is set aside
   * because Keptn will never take it. `mayHaveArrived`: it was on its way before, and how that ended is not
   * known. Rejects with `SIGNET_STOPPED`, or with the reason of `signal` between two tries.
   */
  async send(
    message: SetAside,
    posting: Posting,
    mayHaveArrived: boolean,
    signal: AbortSignal,
  ): Promise<void> {
    const { metrics, term } = this.#options
    using end = following({ signals: [this.#stopping.signal, signal] })
    // It is somebody else's trouble from then on.
    end.signal.addEventListener('abort', () => (this.#trouble = undefined), { once: true })
    let isUnclear = mayHaveArrived
    for (let attempt = 1; ; attempt += 1) {
      // What is handed back on a stop must not be overtaken by what follows it in its context.
      end.signal.throwIfAborted()
      if (isUnclear && (await this.#hasArrived(posting.event, end.signal))) {
        this.#sent(posting.event, 'found')
        return
      }
      const result = await this.#post(posting)
      if (result.ok) {
        this.#sent(posting.event, 'sent')
        return
      }
      if (isHopeless(result)) {
        await this.#setAside(message, result)
        return
      }
      isUnclear = result.mayHaveArrived
      if (isSignetError(result.error, 'SIGNET_NOT_LEADING')) {
        // Of the same term: whoever leads in between has another one, and this one then never goes on.
        while (term.leftMs <= 0) await sleep(PAUSE_MS, end.signal)
        continue
      }
      metrics.apiSends.inc({ result: 'retried' })
      this.#fails(result.error)
      await this.#wait(attempt, result, end.signal)
    }
  }

  /** Lets go of what waits. What is under way ends by itself. */
  stop(): void {
    this.#stopping.abort(new SignetError('SIGNET_STOPPED', 'Sending to the Keptn API stops.'))
  }

  #post({ body }: Posting): Promise<ApiResult> {
    const { api, term } = this.#options
    // An agent that was stopped meanwhile must not post what the next one has posted.
    const before = (): void => {
      mustHold(term)
    }
    // Not stopped in the middle: an end that is unclear costs the next agent a question and a wait.
    const call = { method: 'POST', path: '/v1/event', body, before } as const
    return api.call(call, new AbortController().signal)
  }

  async #setAside(message: SetAside, { status, error }: Failed): Promise<void> {
    const deadLetters = this.#options.deadLetters()
    const { message: words } = error
    if (status === TOO_LARGE) await deadLetters.store('up', message, 'oversize', words)
    else await deadLetters.store('up', message, 'refused-by-api', words)
  }

  async #hasArrived(event: KeptnEvent, signal: AbortSignal): Promise<boolean> {
    const { settleWaitsMs = SETTLE_WAITS_MS } = this.#options
    for (const wait of settleWaitsMs) {
      await sleep(wait, signal)
      for (let attempt = 1; ; attempt += 1) {
        const found = await this.#arrivals.look(event, signal)
        if (found === true) return true
        if (found === false) break
        this.#fails(found.error)
        await this.#wait(attempt, found, signal)
      }
    }
    return false
  }

  #sent(event: KeptnEvent, result: 'sent' | 'found'): void {
    this.#arrivals.note(event)
    this.#options.metrics.apiSends.inc({ result })
    this.#trouble = undefined
  }

  #fails(error: SignetError): void {
    const trouble = `sending: ${error.message}`
    if (trouble !== this.#trouble)
      this.#options.log.warn({ error }, 'Sending to the Keptn API waits.')
    this.#trouble = trouble
  }

  #wait(attempt: number, { retryAfterMs }: Failed, signal: AbortSignal): Promise<void> {
    const { retry = RETRY } = this.#options
    const wait = Math.max(backoffMs(retry, attempt, Math.random()), retryAfterMs ?? 0)
    return sleep(wait, signal)
  }
}

/** An address that is not there is the endpoint's fault, and no event's. */
function isHopeless({ status, error }: Failed): boolean {
  const isAddress = status === 404 || status === 405 || (status >= 300 && status < 400)
  return error.code === 'SIGNET_API_REFUSED' && !isAddress
}
