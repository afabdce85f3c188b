import { JetStreamApiError, jetstreamManager } from '@nats-io/jetstream'
import type { NatsConnection } from '@nats-io/transport-node'

/** A message of a stream. */
export interface StoredMessage {
  readonly subject: string
  readonly body: Uint8Array
  readonly text: string
  readonly sequence: number
  /** In milliseconds since the epoch. */
  readonly storedAt: number
  header(name: string): string
}

const STREAM_NOT_FOUND = 10_059
const MESSAGE_NOT_FOUND = 10_037

/**
 * What lies in a stream now, from a sequence on; empty where there is no such stream. One message after the
 * other: a consumer would wait for what is taken out of the stream while it reads.
 */
export async function readStream(
  nc: NatsConnection,
  stream: string,
  first = 1,
): Promise<readonly StoredMessage[]> {
  const messages: StoredMessage[] = []
  const api = await jetstreamManager(nc, { checkAPI: false })
  try {
    for (let seq = first; ;) {
      // The client's type knows either of them only; the server takes both.
      const next = { seq, next_by_subj: '>' } as { seq: number }
      const found = await api.streams.getMessage(stream, next)
      if (found === null) return messages
      messages.push({
        subject: found.subject,
        body: found.data,
        text: found.string(),
        sequence: found.seq,
        storedAt: found.time.getTime(),
        header: (name) => found.header?.get(name) ?? '',
      })
      seq = found.seq + 1
    }
  } catch (error) {
    const isEnd =
      error instanceof JetStreamApiError &&
      [STREAM_NOT_FOUND, MESSAGE_NOT_FOUND].includes(error.code)
    if (isEnd) return messages
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
