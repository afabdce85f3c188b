import type { ConsumerMessages, JetStreamClient, JsMsg } from '@nats-io/jetstream'
import { millis } from '@nats-io/transport-node'
import type { NatsSide } from './nats-side.ts'
import type { Delivery, DeliverySource } from './delivery.ts'

/** A pull lasts this long, so that after an outage reading goes on within seconds (nats-notes 2). */
const PULL_MS = 2_000

/**
 * Reads a durable by pulling bytes, not messages: events of 900 KB would otherwise fill the memory with
 * what nobody has asked for yet. Throws, and ends the iteration with an error, where stream or consumer
 * are gone.
 */
export async function openSource(
  side: NatsSide,
  client: JetStreamClient,
  stream: string,
  durable: string,
  bufferBytes: number,
): Promise<DeliverySource> {
  const consumer = await client.consumers.get(stream, durable)
  const messages = await consumer.consume({
    max_bytes: bufferBytes,
    expires: PULL_MS,
    abort_on_missing_resource: true,
  })
  return new PulledSource(side, messages)
}

class PulledSource implements DeliverySource {
  readonly #side: NatsSide
  readonly #messages: ConsumerMessages

  constructor(side: NatsSide, messages: ConsumerMessages) {
    this.#side = side
    this.#messages = messages
  }

  stop(): void {
    this.#messages.stop()
  }

  async *[Symbol.asyncIterator](): AsyncIterator<Delivery> {
    for await (const message of this.#messages) yield new PulledDelivery(this.#side, message)
  }
}

class PulledDelivery implements Delivery {
  readonly #side: NatsSide
  readonly #message: JsMsg

  constructor(side: NatsSide, message: JsMsg) {
    this.#side = side
    this.#message = message
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

  get sequence(): number {
    return this.#message.seq
  }

  get storedAt(): number {
    return millis(this.#message.info.timestampNanos)
  }

  get attempt(): number {
    return this.#message.info.deliveryCount
  }

  get pending(): number {
    return this.#message.info.pending
  }

  ack(): void {
    this.#side.soon(() => {
      this.#message.ack()
    })
  }

  nak(delayMs: number): void {
    this.#message.nak(delayMs)
  }

  working(): void {
    this.#message.working()
  }
}
