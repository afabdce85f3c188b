import type { JetStreamClient } from '@nats-io/jetstream'
import { DeliverPolicy } from '@nats-io/jetstream'
import { millis } from '@nats-io/transport-node'
import type { StoredMessage } from './store.ts'

/** Where to begin: at a sequence, or at a time in milliseconds since the epoch. */
export type HeadersFrom =
  | { readonly from: 'sequence'; readonly at: number }
  | { readonly from: 'time'; readonly at: number }

const IDLE_MS = 5_000

/** Reads subjects and headers of a stream, in order, up to the sequence `last`. */
export async function readHeaders(
  client: JetStreamClient,
  stream: string,
  start: HeadersFrom,
  last: number,
): Promise<readonly StoredMessage[]> {
  const consumer = await client.consumers.get(stream, {
    headers_only: true,
    ...(start.from === 'sequence'
      ? { deliver_policy: DeliverPolicy.StartSequence, opt_start_seq: start.at }
      : {
          deliver_policy: DeliverPolicy.StartTime,
          opt_start_time: new Date(start.at).toISOString(),
        }),
  })
  const read: StoredMessage[] = []
  // One fetch after the other: each ends by itself, also where messages were deleted up to the last.
  for (let reached = 0; reached < last;) {
    const batch = await consumer.fetch({ max_messages: 1_000, expires: IDLE_MS })
    let pending = 0
    let count = 0
    for await (const message of batch) {
      count += 1
      reached = message.seq
      pending = message.info.pending
      const { headers, subject, seq: sequence, info } = message
      read.push({
        subject,
        sequence,
        body: message.data,
        storedAt: millis(info.timestampNanos),
        header: (name) => (headers?.has(name) === true ? headers.get(name) : undefined),
      })
      if (pending === 0 || reached >= last) break
    }
    if (count === 0 || pending === 0) break
  }
  return read.filter(({ sequence }) => sequence <= last)
}
