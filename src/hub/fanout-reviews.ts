import type { BackoffRule } from '../domain/backoff.ts'
import { backoffMs } from '../domain/backoff.ts'
import type { Settlement } from '../domain/fanout.ts'
import { isSignetError, SignetError } from '../errors.ts'
import type { Log } from '../observe/log.ts'
import { sleep } from '../runtime/clock.ts'
import type { Looked } from './fanout-keeper.ts'
import type { LiveFanOut } from './live-fanout.ts'

export interface FanOutReviewsOptions {
  readonly look: (live: LiveFanOut) => Promise<Looked>
  readonly onEnd: (live: LiveFanOut, settlement: Settlement) => void
  readonly now: () => number
  readonly log: Log
}

const RETRY: BackoffRule = { firstMs: 100, mostMs: 5_000 }
/** The longest timer that Node keeps exactly. */
const LONGEST_TIMER_MS = 2 ** 31 - 1
/**
 * A look walks over all targets, so the answers that come within so many ms for each target share one: 25 ms
 * of five hundred. An answer then costs the same whether ten stamps answer or five hundred.
 */
const GAP_PER_TARGET_MS = 0.05

/** Looks at fan-outs when asked to and when their clocks say so, at each by one after the other. */
export class FanOutReviews {
  readonly #options: FanOutReviewsOptions
  readonly #running = new Set<Promise<void>>()
  readonly #stopping = new AbortController()

  constructor(options: FanOutReviewsOptions) {
    this.#options = options
  }

  get isStopping(): boolean {
    return this.#stopping.signal.aborted
  }

  /** Whoever asks while a fan-out is looked at gets another look after it. */
  ask(live: LiveFanOut): void {
    if (this.isStopping) return
    live.isStale = true
    if (live.isReviewed) return
    live.isReviewed = true
    const reviewing = this.#reviewUntilDone(live).finally(() => {
      live.isReviewed = false
      this.#running.delete(reviewing)
    })
    this.#running.add(reviewing)
  }

  /** Begins nothing new, and waits for what is being decided. */
  async stop(): Promise<void> {
    this.#stopping.abort(new SignetError('SIGNET_STOPPED', 'The hub stops.'))
    await Promise.all(this.#running)
  }

  async #reviewUntilDone(live: LiveFanOut): Promise<void> {
    const { signal } = this.#stopping
    for (let attempt = 1; live.isStale && !signal.aborted; attempt += 1) {
      try {
        await this.#gap(live)
        live.isStale = false
        live.clearTimer()
        this.#looked(live, await live.exclusively(() => this.#options.look(live)))
        attempt = 0
      } catch (error) {
        live.isStale = true
        if (signal.aborted) return
        const { log } = this.#options
        const facts = { error, fanout: live.head.id, task: live.head.task }
        if (isSignetError(error) && error.retryable) log.debug(facts, 'A fan-out waits.')
        else log.warn(facts, 'A fan-out cannot go on; it is tried again.')
        await sleep(backoffMs(RETRY, attempt, Math.random()), signal).catch(() => undefined)
      }
    }
  }

  async #gap(live: LiveFanOut): Promise<void> {
    const { now } = this.#options
    const wait = live.lookedAt + live.targets.size * GAP_PER_TARGET_MS - now()
    if (wait >= 1) await sleep(wait, this.#stopping.signal)
    live.lookedAt = now()
  }

  #looked(live: LiveFanOut, looked: Looked): void {
    if ('ended' in looked) {
      live.isStale = false
      this.#options.onEnd(live, looked.ended)
      return
    }
    if (looked.lookAt === Infinity) return
    const wait = Math.min(Math.max(looked.lookAt - this.#options.now(), 0), LONGEST_TIMER_MS)
    live.setTimer(wait, () => {
      this.ask(live)
    })
  }
}
