import { durableName, KEPTN_PATTERN, KEPTN_STREAM } from '../domain/store-names.ts'
import { SignetError } from '../errors.ts'
import { ACK_WAIT_MS, durableReader, MAX_ACK_PENDING } from '../flow/consumer-settings.ts'
import type { DeliverySource } from '../links/delivery.ts'
import type { Store } from '../links/store.ts'
import type { Term } from '../links/term.ts'

/** A stream that is no older than this when the hub starts belongs to a Keptn that was just installed. */
const NEW_STREAM_MS = 60_000

/**
 * Reads Keptn's stream for the hub of a home stamp. Keptn makes its stream itself, and never empties it
 * (wire 1.7): a hub that comes to a running Keptn must not run the deliveries of last year again, and one
 * that was there before Keptn must not miss the first.
 */
export function keptnReader(
  keptnStore: Store,
  home: string,
  term: Term,
): (signal: AbortSignal) => Promise<DeliverySource> {
  const durable = durableName(home)
  const startedAt = Date.now()
  const read = durableReader(keptnStore, KEPTN_STREAM, durable, term)
  return async (signal) => {
    const stream = await keptnStore.stream(KEPTN_STREAM)
    if (stream === undefined)
      throw new SignetError('SIGNET_JETSTREAM_MISSING', 'Keptn has not made its stream yet.')
    await keptnStore.ensureConsumer({
      stream: KEPTN_STREAM,
      durable,
      filter: KEPTN_PATTERN,
      start: { from: stream.createdAt >= startedAt - NEW_STREAM_MS ? 'all' : 'new' },
      ackWaitMs: ACK_WAIT_MS,
      maxAckPending: MAX_ACK_PENDING,
    })
    return read(signal)
  }
}
