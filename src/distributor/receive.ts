import { passes } from '../domain/interest.ts'
import { readCloudEvent } from '../domain/recipient-event.ts'
import { CoreSubscriptions } from '../links/core-subscriptions.ts'
import type { Heard } from '../links/core-subscriptions.ts'
import type { NatsSide } from '../links/nats-side.ts'
import type { Log } from '../observe/log.ts'
import type { Metrics } from '../observe/metrics.ts'
import type { Dispatch, Wish } from './dispatch.ts'

export interface ReceiveOptions {
  readonly side: NatsSide
  readonly queueGroup: string
  /** What is wanted until it is told anew. */
  readonly initial: readonly Wish[]
  readonly dispatch: Dispatch
  readonly log: Log
  readonly metrics: Metrics
}

/** Hears Keptn's events on NATS, for those that run in its own cluster (wire 3.3). */
export class Receive {
  readonly #options: ReceiveOptions
  readonly #subscriptions: CoreSubscriptions
  #wishes: readonly Wish[]
  #hasStarted = false

  constructor(options: ReceiveOptions) {
    this.#options = options
    this.#wishes = options.initial
    this.#subscriptions = new CoreSubscriptions(options.side, options.queueGroup, (heard) => {
      this.#hear(heard)
    })
  }

  /** Begins with what is wanted, and resolves when it is heard; the side is connected. */
  async start(): Promise<void> {
    this.#hasStarted = true
    this.update(this.#wishes)
    await this.#subscriptions.settled()
  }

  /** What is wanted from now on. */
  update(wishes: readonly Wish[]): void {
    this.#wishes = wishes
    if (this.#hasStarted) this.#subscriptions.set(wishes.map(({ event }) => event))
  }

  stop(): void {
    this.#subscriptions.stop()
  }

  #hear({ pattern, body }: Heard): void {
    const { dispatch, log } = this.#options
    const text = Buffer.from(body.buffer, body.byteOffset, body.byteLength).toString('utf8')
    const event = readCloudEvent(text)
    if (event === undefined) {
      log.warn({ pattern }, 'What came is no CloudEvent, and was left out.')
      return
    }
    // By the string that was subscribed to: a pattern stands for itself here (wire 3.3).
    const wanted = this.#wishes.filter((one) => one.event === pattern && passes(one, event))
    for (const wish of wanted) {
      if (dispatch.offer(event, text, wish)) continue
      this.#options.metrics.events.inc({ direction: 'down', result: 'dropped' })
      log.error(
        { id: event.id, type: event.type },
        'Too much waits for the recipient: an event is lost.',
      )
    }
  }
}
