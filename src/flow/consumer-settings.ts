import { SignetError } from '../errors.ts'
import type { DeliverySource } from '../links/delivery.ts'
import type { Store } from '../links/store.ts'
import { sleep } from '../runtime/clock.ts'

/** After a crash, what was in flight comes again after this; while work goes on, the pump renews it. */
export const ACK_WAIT_MS = 6_000
/** More than ever lies between taking and acknowledging: the buffer and what is being worked on. */
export const MAX_ACK_PENDING = 5_000
/** What a consumer may buffer ahead of the work, in bytes. */
const BUFFER_BYTES = 2 * 1_048_576
const MARGIN_MS = 250

/**
 * Opens a durable for reading. What an agent that was killed had in flight is handed out again only after
 * the ack wait, and newer messages would overtake it; so the first opening waits until the server puts the
 * old ones first again.
 */
export function durableReader(
  store: Store,
  stream: string,
  durable: string,
): (signal: AbortSignal) => Promise<DeliverySource> {
  let isFirst = true
  return async (signal) => {
    const state = await store.consumer(stream, durable)
    if (state === undefined) {
      throw new SignetError(
        'SIGNET_JETSTREAM_MISSING',
        `${stream} has no consumer ${durable} yet.`,
        {
          details: { stream, durable },
        },
      )
    }
    if (isFirst && state.unacknowledged > 0) await sleep(state.ackWaitMs + MARGIN_MS, signal)
    isFirst = false
    return store.read(stream, durable, BUFFER_BYTES)
  }
}
