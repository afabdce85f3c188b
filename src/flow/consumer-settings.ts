import { SignetError } from '../errors.ts'
import type { DeliverySource, DurableSource } from '../links/delivery.ts'
import type { Store } from '../links/store.ts'
import type { Term } from '../links/term.ts'
import { sleep } from '../runtime/clock.ts'

/** After a crash, what was in flight comes again after this; while work goes on, the pump renews it. */
export const ACK_WAIT_MS = 4_000
/** More than ever lies between taking and acknowledging: the buffer and what is being worked on. */
export const MAX_ACK_PENDING = 5_000
/** What a consumer may buffer ahead of the work, in bytes. */
const BUFFER_BYTES = 1_048_576
const MARGIN_MS = 250

/**
 * Opens a durable for reading, first in a term and again after a failure. What was handed out to an agent
 * that was killed, or lost on its way, comes again only after the ack wait, and newer messages would overtake
 * it. So, unless all that was handed out has come to us or was handed back, opening waits until the server
 * puts the old ones first again: for one ack wait after those who read before have ended for certain.
 */
export function durableReader(
  store: Store,
  stream: string,
  durable: string,
  term: Pick<Term, 'quietAt'>,
): (signal: AbortSignal) => Promise<DeliverySource> {
  let last: DurableSource | undefined
  return async (signal) => {
    let quietAt = last === undefined ? term.quietAt : performance.now()
    let before: number | undefined
    for (;;) {
      const state = await store.consumer(stream, durable)
      if (state === undefined) throw missing(stream, durable)
      const { unacknowledged, deliveries, ackWaitMs } = state
      const isNothingOut = unacknowledged === 0 || quietAt === -Infinity
      if (isNothingOut || deliveries === last?.handedOut || deliveries === before) {
        last = store.read(stream, durable, state, BUFFER_BYTES)
        return last
      }
      before = deliveries
      await sleep(Math.max(0, quietAt + ackWaitMs + MARGIN_MS - performance.now()), signal)
      // Once more, and from now, if somebody was still at it.
      quietAt = performance.now()
    }
  }
}

function missing(stream: string, durable: string): SignetError {
  return new SignetError('SIGNET_JETSTREAM_MISSING', `${stream} has no consumer ${durable} yet.`, {
    details: { stream, durable },
  })
}
