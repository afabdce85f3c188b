import { DeliverPolicy, JetStreamApiError, jetstream, jetstreamManager } from '@nats-io/jetstream'
import type { NatsConnection } from '@nats-io/transport-node'

/** A message of a stream. */
export interface StoredMessage {
  readonly subject: string
  readonly body: Uint8Array
  readonly text: string
  readonly sequence: number
  header(name: string): string
}

const STREAM_NOT_FOUND = 10_059

/** What lies in a stream now, from a sequence on; empty where there is no such stream. */
export async function readStream(
  nc: NatsConnection,
  stream: string,
  first = 1,
): Promise<readonly StoredMessage[]> {
  const messages: StoredMessage[] = []
  try {
    const api = await jetstreamManager(nc, { checkAPI: false })
    const { state } = await api.streams.info(stream)
    if (state.messages === 0 || state.last_seq < first) return messages
    const consumer = await jetstream(nc).consumers.get(stream, {
      deliver_policy: DeliverPolicy.StartSequence,
      opt_start_seq: first,
    })
    for await (const message of await consumer.consume()) {
      messages.push({
        subject: message.subject,
        body: message.data,
        text: message.string(),
        sequence: message.seq,
        header: (name) => message.headers?.get(name) ?? '',
      })
      if (message.info.pending === 0) break
    }
    await consumer.delete()
    return messages
  } catch (error) {
    if (error instanceof JetStreamApiError && error.code === STREAM_NOT_FOUND) return messages
    throw error
  }
}

/** Reads a stream that only grows, again and again: only what is new is fetched. */
export class GrowingStream {
  readonly #nc: NatsConnection
  readonly #name: string
  readonly #messages: StoredMessage[] = []

  constructor(nc: NatsConnection, name: string) {
    this.#nc = nc
    this.#name = name
  }

  async read(): Promise<readonly StoredMessage[]> {
    const next = (this.#messages.at(-1)?.sequence ?? 0) + 1
    this.#messages.push(...(await readStream(this.#nc, this.#name, next)))
    return this.#messages
  }
}
