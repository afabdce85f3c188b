import { durableName, KEPTN_PATTERN, KEPTN_STREAM } from '../domain/store-names.ts'
import { SignetError } from '../errors.ts'
import { ACK_WAIT_MS, MAX_ACK_PENDING } from '../flow/consumer-settings.ts'
import { DurableReader } from '../flow/durable-reader.ts'
import type { Store } from '../links/store.ts'
import type { Term } from '../links/term.ts'

/** A stream that is no older than this when the hub starts belongs to a Keptn that was just installed. */
const NEW_STREAM_MS = 60_000

export interface KeptnReaderOptions {
  readonly keptnStore: Store
  readonly home: string
  readonly term: Term
  readonly dedupeWindowMs: number
  /** Called when somebody had deleted the consumer, and it was made anew. */
  readonly onMadeAnew: () => void
}

/**
 * Reads Keptn's stream for the hub of a home stamp. Keptn makes its stream itself, and never empties it
 * (wire 1.7): a hub that comes to a running Keptn must not run the deliveries of last year again, and one
 * that was there before Keptn must not miss the first.
 */
export function keptnReader({
  keptnStore,
  home,
  term,
  dedupeWindowMs,
  onMadeAnew,
}: KeptnReaderOptions): DurableReader {
  const durable = durableName(home)
  const startedAt = Date.now()
  const keptnStream = async () => {
    const stream = await keptnStore.stream(KEPTN_STREAM)
    if (stream !== undefined) return stream
    throw new SignetError('SIGNET_JETSTREAM_MISSING', 'Keptn has not made its stream yet.')
  }
  return new DurableReader({
    store: keptnStore,
    stream: KEPTN_STREAM,
    durable,
    term,
    making: {
      windowMs: dedupeWindowMs,
      onMadeAnew,
      unseen: async () => {
        const { createdAt } = await keptnStream()
        return { from: createdAt >= startedAt - NEW_STREAM_MS ? 'all' : 'new' }
      },
      make: async (start) => {
        await keptnStream()
        await keptnStore.ensureConsumer({
          stream: KEPTN_STREAM,
          durable,
          filter: KEPTN_PATTERN,
          start,
          ackWaitMs: ACK_WAIT_MS,
          maxAckPending: MAX_ACK_PENDING,
        })
      },
    },
  })
}
