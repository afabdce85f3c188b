import type { BackoffRule } from '../domain/backoff.ts'
import { backoffMs } from '../domain/backoff.ts'
import { SignetError } from '../errors.ts'
import type { Exchange } from '../https/exchange.ts'
import { shownUrl } from '../https/exchange.ts'
import { sleep } from '../runtime/clock.ts'

export interface RecipientOptions {
  readonly exchange: Exchange
  readonly url: URL
  /** How long a recipient that cannot be reached is waited for, in milliseconds. */
  readonly patienceMs?: number
  readonly retry?: BackoffRule
}

/** A service beside us that starts takes so long, and a while more. */
const PATIENCE_MS = 60_000
const RETRY: BackoffRule = { firstMs: 400, mostMs: 4_500 }
/** An answer that is no success is asked for so often (wire 3.3). */
const MOST_ANSWERS = 4

/** The integration that events are posted to, as structured CloudEvents. */
export class Recipient {
  readonly #options: RecipientOptions

  constructor(options: RecipientOptions) {
    this.#options = options
  }

  /**
   * Posts an event until it is taken. Rejects where it is not: after four answers that are no success, after
   * a minute in which nobody listens, and at once where it may have been taken without an answer, for a
   * service that runs a task twice is worse than one that says nothing.
   */
  async post(event: string, signal: AbortSignal): Promise<void> {
    const { exchange, url, patienceMs = PATIENCE_MS, retry = RETRY } = this.#options
    const headers = { 'content-type': 'application/cloudevents+json; charset=UTF-8' }
    const until = performance.now() + patienceMs
    let answers = 0
    for (let attempt = 1; ; attempt += 1) {
      const exchanged = await exchange.send({ method: 'POST', url, headers, body: event }, signal)
      if (exchanged.kind === 'answered') {
        const { status } = exchanged.answer
        if (status >= 200 && status < 300) return
        answers += 1
        if (answers >= MOST_ANSWERS) throw refused(url, status)
      } else if (exchanged.kind === 'unclear' || performance.now() >= until) throw exchanged.error
      await sleep(backoffMs(retry, attempt, Math.random()), signal)
    }
  }
}

function refused(url: URL, status: number): SignetError {
  return new SignetError('SIGNET_RECIPIENT_FAILED', `${shownUrl(url)} answers with ${status}.`, {
    details: { status },
  })
}
