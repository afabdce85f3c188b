import type { JetStreamClient } from '@nats-io/jetstream'
import { DeliverPolicy } from '@nats-io/jetstream'
import { millis } from '@nats-io/transport-node'

/** What is told of a message without its body. */
export interface MessageHeaders {
  readonly subject: string
  readonly sequence: number
  /** In milliseconds since the epoch. */
  readonly storedAt: number
  readonly header: (name: string) => string | undefined
}

const BATCH = 1_000
const IDLE_MS = 5_000

/**
 * Reads subjects and headers of a stream, in order, from one sequence to another, or until `visit` says that
 * it has seen enough (false). Not from a time: where the last message was deleted, 2.9.10 finds nothing then.
 */
export async function readHeaders(
  client: JetStreamClient,
  stream: string,
  first: number,
  last: number,
  visit: (message: MessageHeaders) => boolean,
): Promise<void> {
  if (last === 0 || first > last) return
  const consumer = await client.consumers.get(stream, {
    headers_only: true,
    deliver_policy: DeliverPolicy.StartSequence,
    opt_start_seq: first,
  })
  try {
    // A fetch of nothing would take its time.
    if ((await consumer.info()).num_pending === 0) return
    // One fetch after the other: each ends by itself, also where messages were deleted up to the last.
    for (let isMore = true; isMore;) {
      isMore = false
      for await (const message of await consumer.fetch({ max_messages: BATCH, expires: IDLE_MS })) {
        const { headers, subject, seq: sequence, info } = message
        const header = (name: string) => (headers?.has(name) ? headers.get(name) : undefined)
        const storedAt = millis(info.timestampNanos)
        isMore = sequence <= last && visit({ subject, sequence, storedAt, header })
        isMore &&= info.pending > 0 && sequence < last
        if (!isMore) break
      }
    }
  } finally {
    // It would go by itself after a while; that it is gone already is no failure.
    await consumer.delete().catch(() => false)
  }
}
