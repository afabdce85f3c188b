import { pollWaitMs } from '../domain/poll-pace.ts'
import { SignetError } from '../errors.ts'
import type { Log } from '../observe/log.ts'
import type { Metrics } from '../observe/metrics.ts'
import { sleep } from '../runtime/clock.ts'
import type { Failed, PollRoundOptions } from './poll-round.ts'
import { NO_DATASTORE, PollRound } from './poll-round.ts'

export interface PollOptions extends PollRoundOptions {
  readonly intervalMs: number
  readonly log: Log
  readonly metrics: Metrics
}

/** A poller that fails comes again after so many intervals at most: a minute, as they are by default. */
const MOST_INTERVALS = 6

/** Polls round after round, at its own pace, from `start` to `stop`. */
export class Poll {
  readonly #options: PollOptions
  readonly #round: PollRound
  #isAnswered = false
  #trouble: string | undefined
  #stopping: AbortController | undefined
  #loop: Promise<void> | undefined

  constructor(options: PollOptions) {
    this.#options = options
    this.#round = new PollRound(options)
  }

  /** Why it does not work, or undefined. */
  get trouble(): string | undefined {
    return this.#isAnswered ? this.#trouble : 'polling: the Keptn API has not answered yet'
  }

  /** What is weaker than it should be, or undefined. */
  get warning(): string | undefined {
    return this.#round.hasDatastore ? undefined : NO_DATASTORE
  }

  /** Begins to poll, at once. May be called again after `stop`. */
  start(): void {
    if (this.#stopping !== undefined) return
    this.#stopping = new AbortController()
    this.#isAnswered = false
    this.#round.startOver()
    this.#loop = this.#run(this.#stopping.signal)
  }

  /** Gives up the round that is under way, and begins no other. May be called twice. */
  async stop(): Promise<void> {
    this.#stopping?.abort(new SignetError('SIGNET_STOPPED', 'Polling stops.'))
    await this.#loop
    this.#stopping = undefined
  }

  async #run(signal: AbortSignal): Promise<void> {
    const { intervalMs, metrics } = this.#options
    const pace = { intervalMs, mostMs: MOST_INTERVALS * intervalMs }
    for (let failures = 0; !signal.aborted;) {
      let failed: Failed | undefined
      try {
        failed = await this.#round.run(signal)
      } catch (error) {
        if (signal.aborted) return
        failed = unexpected(error)
      }
      failures = failed === undefined ? 0 : failures + 1
      metrics.polls.inc({ result: failed === undefined ? 'ok' : 'failed' })
      this.#note(failed?.error)
      const wait = pollWaitMs(pace, failures, failed?.retryAfterMs, Math.random())
      await sleep(wait, signal).catch(() => undefined)
    }
  }

  #note(error: SignetError | undefined): void {
    const { log } = this.#options
    const trouble = error === undefined ? undefined : `polling: ${error.message}`
    const isNews = trouble !== this.#trouble
    if (isNews && error === undefined) log.info({}, 'Polling works again.')
    if (isNews && error !== undefined) log.warn({ error }, 'Polling fails, and is tried again.')
    this.#trouble = trouble
    this.#isAnswered = true
  }
}

/** What nobody foresaw is tried again as well, and told with its cause. */
function unexpected(cause: unknown): Failed {
  const error =
    cause instanceof SignetError
      ? cause
      : new SignetError('SIGNET_INTERNAL', 'A round of polling failed.', { cause })
  return { ok: false, status: 0, error, mayHaveArrived: false }
}
