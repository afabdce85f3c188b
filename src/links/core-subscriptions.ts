import type { Subscription } from '@nats-io/transport-node'
import type { NatsSide } from './nats-side.ts'

/** A message that a subscription brought. */
export interface Heard {
  /** The subject or pattern that was subscribed to. */
  readonly pattern: string
  readonly body: Uint8Array
}

/**
 * A set of core subscriptions that changes while it listens: what is new is subscribed to before what has
 * gone is let go, so that what stays has no gap. Core NATS is at most once, as for any client of Keptn.
 */
export class CoreSubscriptions {
  readonly #side: NatsSide
  readonly #queue: string
  readonly #heard: (message: Heard) => void
  readonly #subscriptions = new Map<string, Subscription>()

  /** `queue`: of all members of a group one hears each message; empty: everybody hears it. */
  constructor(side: NatsSide, queue: string, heard: (message: Heard) => void) {
    this.#side = side
    this.#queue = queue
    this.#heard = heard
  }

  /** Subscribes to exactly these, each once. The side must have been connected. */
  set(patterns: Iterable<string>): void {
    const wanted = new Set(patterns)
    for (const pattern of wanted) {
      if (this.#subscriptions.has(pattern)) continue
      const subscription = this.#side.connection.subscribe(pattern, {
        ...(this.#queue === '' ? {} : { queue: this.#queue }),
        callback: (error, message) => {
          if (error === null) this.#heard({ pattern, body: message.data })
        },
      })
      this.#subscriptions.set(pattern, subscription)
    }
    for (const [pattern, subscription] of this.#subscriptions) {
      if (wanted.has(pattern)) continue
      subscription.unsubscribe()
      this.#subscriptions.delete(pattern)
    }
  }

  /** Resolves when the server knows of what was subscribed to. */
  async settled(): Promise<void> {
    await this.#side.connection.flush()
  }

  /** Hears nothing more. */
  stop(): void {
    this.set([])
  }
}
