import { durableName, KEPTN_PATTERN, LOCAL_CANARY, LOCAL_STREAM } from '../domain/store-names.ts'
import type { Place } from '../domain/subject.ts'
import { ACK_WAIT_MS, MAX_ACK_PENDING } from '../flow/consumer-settings.ts'
import { DurableReader } from '../flow/durable-reader.ts'
import { windowBack } from '../flow/resume.ts'
import type { ConsumerStart } from '../links/consumer-config.ts'
import type { Store, StreamPlan } from '../links/store.ts'
import type { Term } from '../links/term.ts'

export interface CollectionOptions {
  readonly keptnStore: Store
  /** Where this stamp stands now. */
  readonly place: () => Place
  readonly retentionMs: number
  readonly dedupeWindowMs: number
}

/** What the agent reads of that stream: canaries too, and nats-server 2.9 knows one pattern for each consumer. */
export const LOCAL_FILTER = '>'
/** Integrations set no message ids; what we brought in has been judged by SIGNET_IN. */
const LOCAL_WINDOW_MS = 120_000

/** The stream that keeps what the integrations publish, agent or not. */
export function localPlan({
  retentionMs,
  dedupeWindowMs,
}: Pick<CollectionOptions, 'retentionMs' | 'dedupeWindowMs'>): StreamPlan {
  return {
    name: LOCAL_STREAM,
    subjects: [KEPTN_PATTERN, LOCAL_CANARY],
    maxAgeMs: retentionMs,
    duplicateWindowMs: Math.min(dedupeWindowMs, LOCAL_WINDOW_MS),
    replicas: 1,
  }
}

/** Makes that stream, and its consumer. */
export async function openCollection(
  options: CollectionOptions,
  start = () => unseen(options),
): Promise<void> {
  const { keptnStore, place } = options
  await keptnStore.ensureStream(localPlan(options))
  await keptnStore.ensureConsumer({
    stream: LOCAL_STREAM,
    durable: durableName(place().stamp),
    filter: LOCAL_FILTER,
    start,
    ackWaitMs: ACK_WAIT_MS,
    maxAckPending: MAX_ACK_PENDING,
  })
}

/** Reads what the integrations publish; what somebody has deleted of it is made anew. */
export function collectionReader(
  options: CollectionOptions & { readonly term: Term; readonly onMadeAnew: () => void },
): DurableReader {
  const { keptnStore, place, term, dedupeWindowMs, onMadeAnew } = options
  return new DurableReader({
    store: keptnStore,
    stream: LOCAL_STREAM,
    durable: durableName(place().stamp),
    term,
    making: {
      make: (start) => openCollection(options, start),
      unseen: () => unseen(options),
      windowMs: dedupeWindowMs,
      onMadeAnew,
    },
  })
}

/** What was sent is known again where it goes to, for its duplicate window. */
function unseen({ keptnStore, dedupeWindowMs }: CollectionOptions): Promise<ConsumerStart> {
  return windowBack(keptnStore, LOCAL_STREAM, dedupeWindowMs)
}
