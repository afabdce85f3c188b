import { setMaxListeners } from 'node:events'
import { LRUCache } from 'lru-cache'
import type { Subscription } from '../domain/interest.ts'
import type { ReadEvent } from '../domain/recipient-event.ts'
import { recipientEvent } from '../domain/recipient-event.ts'
import type { RegisteredSubscription } from '../domain/registration.ts'
import { SignetError } from '../errors.ts'
import type { Log } from '../observe/log.ts'
import type { Metrics } from '../observe/metrics.ts'
import { Lanes } from '../runtime/lanes.ts'
import type { Recipient } from './recipient.ts'

export interface DispatchOptions {
  readonly recipient: Recipient
  /** For how long an event that was posted is not posted again for the same subscription, in milliseconds. */
  readonly rememberMs: number
  readonly log: Log
  readonly metrics: Metrics
}

/** What somebody wants: a subscription of a registration, or a topic of the environment. */
export interface Wish extends Subscription {
  /** Under which an event that came for it is known again; undefined: each copy is posted. */
  readonly key: string | undefined
  /** The id of the subscription, which is told to the recipient. */
  readonly id?: string
}

/** The wishes that subscriptions of a registration are. */
export function registeredWishes(
  subscriptions: readonly RegisteredSubscription[],
): readonly Wish[] {
  return subscriptions.map((one) => ({ ...one, key: one.id }))
}

/** Events on their way to the recipient, and the bytes that they may take. */
const MOST_AT_ONCE = 64
const MOST_BYTES = 16 * 1_048_576
const REMEMBERED = 20_000

/**
 * Posts events to the recipient, each once for each subscription. Those of one context come in order; a
 * recipient that is slow with one does not hold up the others.
 */
export class Dispatch {
  readonly #options: DispatchOptions
  readonly #lanes = new Lanes(MOST_AT_ONCE, undefined, MOST_BYTES)
  /** Subscription and event: under way (no end yet), or posted not long ago. */
  readonly #known = new LRUCache<string, true>({ max: REMEMBERED })
  readonly #stopping = new AbortController()
  #lastFailure: string | undefined

  constructor(options: DispatchOptions) {
    this.#options = options
    // As many posts as are under way may wait.
    setMaxListeners(0, this.#stopping.signal)
  }

  /** Why the last event was not taken; undefined where it was. */
  get trouble(): string | undefined {
    return this.#lastFailure
  }

  /**
   * Takes an event on for somebody who wants it. False where there is no room: a
   * poller finds the event again, and what core NATS brought is lost, which is counted.
   */
  offer(event: ReadEvent, text: string, wish: Wish): boolean {
    const key = `${wish.key}\n${event.id}`
    if (wish.key !== undefined && this.#known.has(key)) return true
    if (!this.#lanes.hasRoom || this.#stopping.signal.aborted) return false
    if (wish.key !== undefined) this.#known.set(key, true)
    const lane = event.context === '' ? event.id : event.context
    const body = recipientEvent(text, wish.id)
    this.#lanes.add(lane, () => this.#post(event, body, key), body.length)
    return true
  }

  /** Forgets what an open event's end makes unneeded: those of a wish whose events are not `open`. */
  keep(wishKey: string, open: ReadonlySet<string>): void {
    const prefix = `${wishKey}\n`
    for (const key of this.#known.keys())
      if (key.startsWith(prefix) && !open.has(key.slice(prefix.length))) this.#known.delete(key)
  }

  /** Ends what is under way when `signal` is aborted, and resolves when nothing is. */
  async drain(signal: AbortSignal): Promise<void> {
    const stop = (): void => {
      this.#stopping.abort(new SignetError('SIGNET_STOPPED', 'The distributor stops.'))
    }
    if (signal.aborted) stop()
    signal.addEventListener('abort', stop, { once: true })
    await this.#lanes.idle()
    signal.removeEventListener('abort', stop)
  }

  async #post(event: ReadEvent, body: string, key: string): Promise<void> {
    const { recipient, rememberMs, metrics, log } = this.#options
    try {
      await recipient.post(body, this.#stopping.signal)
      // From now on, and not from when it came: a slow recipient must not get it again when it is done.
      if (this.#known.has(key)) this.#known.set(key, true, { ttl: rememberMs })
      metrics.events.inc({ direction: 'down', result: 'stored' })
      this.#lastFailure = undefined
    } catch (error) {
      this.#known.delete(key)
      metrics.events.inc({ direction: 'down', result: 'failed' })
      if (error instanceof SignetError) this.#lastFailure = `recipient: ${error.message}`
      log.warn({ error, id: event.id, type: event.type }, 'The recipient did not take an event.')
    }
  }
}
