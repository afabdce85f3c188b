import { SignetError } from '../errors.ts'
import type { ConsumerStart } from '../links/consumer-config.ts'
import type { DeliverySource, DurableSource } from '../links/delivery.ts'
import type { ConsumerState, Store } from '../links/store.ts'
import type { Term } from '../links/term.ts'
import { sleep } from '../runtime/clock.ts'
import type { Seen } from './resume.ts'
import { resumeAt } from './resume.ts'

export interface DurableReaderOptions {
  readonly store: Store
  readonly stream: string
  readonly durable: string
  readonly term: Pick<Term, 'quietAt'>
  /** Absent where the consumer is not ours to make. */
  readonly making?: Making
}

/** How a consumer is made, and made anew when somebody has deleted it. */
export interface Making {
  /** Makes the stream, if it is gone too, and the consumer, to begin where `start` says; or brings both up to date. */
  readonly make: (start: () => Promise<ConsumerStart>) => Promise<void>
  /** Where it begins when nothing is known of it. */
  readonly unseen: () => Promise<ConsumerStart>
  /** The duplicate window of where its messages go to, in milliseconds. */
  readonly windowMs: number
  /** Called when one that was there before has been made anew. */
  readonly onMadeAnew: () => void
}

/** What a consumer may buffer ahead of the work, in bytes. */
const BUFFER_BYTES = 1_048_576
const MARGIN_MS = 250

/** A durable of ours, as it is read: opened again whenever that breaks, and made anew where it is gone. */
export class DurableReader {
  readonly #options: DurableReaderOptions
  #last: DurableSource | undefined
  #seen: Seen | undefined

  constructor(options: DurableReaderOptions) {
    this.#options = options
  }

  /** How many deliveries of the consumer have come through here, counted as the server counts them. */
  get handedOut(): number {
    return this.#last?.handedOut ?? 0
  }

  /**
   * Opens it for reading, first in a term and again after a failure. What was handed out to an agent that
   * was killed, or lost on its way, comes again only after the ack wait, and newer messages would overtake
   * it. So, unless all that was handed out has come to us or was handed back, opening waits until the server
   * puts the old ones first again: for one ack wait after those who read before have ended for certain.
   */
  async open(signal: AbortSignal): Promise<DeliverySource> {
    const { store, stream, durable, term } = this.#options
    let quietAt = this.#last === undefined ? term.quietAt : performance.now()
    if (this.#last === undefined) await this.#make()
    let before: number | undefined
    for (let state = await this.#state(); ; state = await this.#state()) {
      const { unacknowledged, deliveries, ackWaitMs } = state
      const isNothingOut = unacknowledged === 0 || quietAt === -Infinity
      if (isNothingOut || deliveries === this.#last?.handedOut || deliveries === before) {
        this.#last = store.read(stream, durable, state, BUFFER_BYTES)
        return this.#last
      }
      before = deliveries
      await sleep(Math.max(0, quietAt + ackWaitMs + MARGIN_MS - performance.now()), signal)
      // Once more, and from now, if somebody was still at it.
      quietAt = performance.now()
    }
  }

  /**
   * How the consumer is, which is remembered in case it has to be made anew; undefined where it is gone.
   * Rejects as `Store.consumer`.
   */
  async look(): Promise<ConsumerState | undefined> {
    const { store, stream, durable, making } = this.#options
    const state = await store.consumer(stream, durable)
    if (state === undefined || making === undefined) return state
    const found = await store.stream(stream)
    if (found === undefined) return undefined
    this.#seen = { ...state, streamCreatedAt: found.createdAt }
    return state
  }

  /** Deletes it, where it is ours to make: the next `open` makes it anew. */
  async remake(): Promise<void> {
    const { store, stream, durable, making } = this.#options
    if (making !== undefined) await store.deleteConsumer(stream, durable)
  }

  async #state(): Promise<ConsumerState> {
    const { store, stream, durable, making } = this.#options
    const state = await store.consumer(stream, durable)
    if (state !== undefined) return state
    if (making === undefined) throw missing(stream, durable)
    await this.#make()
    const made = await store.consumer(stream, durable)
    if (made === undefined) throw missing(stream, durable)
    making.onMadeAnew()
    return made
  }

  async #make(): Promise<void> {
    const { store, stream, making } = this.#options
    await making?.make(() =>
      this.#seen === undefined
        ? making.unseen()
        : resumeAt(store, stream, this.#seen, making.windowMs),
    )
  }
}

function missing(stream: string, durable: string): SignetError {
  return new SignetError('SIGNET_JETSTREAM_MISSING', `${stream} has no consumer ${durable} yet.`, {
    details: { stream, durable },
  })
}
