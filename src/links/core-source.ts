import type { Msg, Subscription } from '@nats-io/transport-node'
import type { Delivery, DeliverySource } from './delivery.ts'
import type { NatsSide } from './nats-side.ts'

/**
 * Reads subjects without JetStream: what is published while nobody listens is gone, and nothing comes
 * again. For stamps whose Keptn NATS has no JetStream (docs/delivery.md says what that costs).
 */
export class CoreSource implements DeliverySource {
  readonly #subscription: Subscription
  #sequence = 0

  constructor(side: NatsSide, pattern: string) {
    // No queue group: it would be served by one agent only, wherever that is (nats-notes 3).
    this.#subscription = side.connection.subscribe(pattern)
  }

  stop(): void {
    this.#subscription.unsubscribe()
  }

  // Nobody keeps it: there is nobody to hand it back to.
  giveBack(): void {}

  close(): Promise<void> {
    return Promise.resolve()
  }

  async *[Symbol.asyncIterator](): AsyncIterator<Delivery> {
    for await (const message of this.#subscription) {
      this.#sequence += 1
      yield new CoreDelivery(message, this.#sequence, Date.now())
    }
  }
}

class CoreDelivery implements Delivery {
  readonly #message: Msg
  readonly sequence: number
  readonly storedAt: number
  readonly attempt = 1
  readonly pending = 0

  constructor(message: Msg, sequence: number, receivedAt: number) {
    this.#message = message
    this.sequence = sequence
    this.storedAt = receivedAt
  }

  get subject(): string {
    return this.#message.subject
  }

  get body(): Uint8Array {
    return this.#message.data
  }

  header(name: string): string | undefined {
    const value = this.#message.headers?.get(name)
    return value === '' ? undefined : value
  }

  // Nobody keeps it: there is nothing to settle.
  ack(): void {}
  working(): void {}
}
