import { SignetError } from '../errors.ts'
import type { DeliverySource, DurableSource } from '../links/delivery.ts'
import type { Store } from '../links/store.ts'
import { sleep } from '../runtime/clock.ts'

/** After a crash, what was in flight comes again after this; while work goes on, the pump renews it. */
export const ACK_WAIT_MS = 6_000
/** More than ever lies between taking and acknowledging: the buffer and what is being worked on. */
export const MAX_ACK_PENDING = 5_000
/** What a consumer may buffer ahead of the work, in bytes. */
const BUFFER_BYTES = 1_048_576
const MARGIN_MS = 250

/**
 * Opens a durable for reading. What was handed out to an agent that was killed, or lost on its way, comes
 * again only after the ack wait, and newer messages would overtake it. So, unless all that was handed out
 * has come to us, opening waits until the server puts the old ones first again.
 */
export function durableReader(
  store: Store,
  stream: string,
  durable: string,
): (signal: AbortSignal) => Promise<DeliverySource> {
  let last: DurableSource | undefined
  return async (signal) => {
    let quietSince: number | undefined
    for (;;) {
      const state = await store.consumer(stream, durable)
      if (state === undefined) throw missing(stream, durable)
      const { unacknowledged, deliveries, ackWaitMs } = state
      if (unacknowledged === 0 || deliveries === last?.handedOut || deliveries === quietSince) {
        last = store.read(stream, durable, state, BUFFER_BYTES)
        return last
      }
      // Once more, if a pull that was still out has brought something meanwhile.
      quietSince = deliveries
      await sleep(ackWaitMs + MARGIN_MS, signal)
    }
  }
}

function missing(stream: string, durable: string): SignetError {
  return new SignetError('SIGNET_JETSTREAM_MISSING', `${stream} has no consumer ${durable} yet.`, {
    details: { stream, durable },
  })
}
