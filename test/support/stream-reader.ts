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

/** Everything that lies in a stream now; empty where there is none. */
export async function readStream(
  nc: NatsConnection,
  stream: string,
): Promise<readonly StoredMessage[]> {
  const api = await jetstreamManager(nc, { checkAPI: false })
  const messages: StoredMessage[] = []
  try {
    const { state } = await api.streams.info(stream)
    if (state.messages === 0) return messages
    const consumer = await jetstream(nc).consumers.get(stream, {
      deliver_policy: DeliverPolicy.All,
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
    return messages
  } catch (error) {
    if (error instanceof JetStreamApiError && error.code === STREAM_NOT_FOUND) return messages
    throw error
  }
}
