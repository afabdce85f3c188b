import type { KeptnEvent } from '../domain/event.ts'
import { durableName, KEPTN_PATTERN, LOCAL_STREAM, storeNames } from '../domain/store-names.ts'
import type { Place } from '../domain/subject.ts'
import { linkSubject, tailOf } from '../domain/subject.ts'
import type { Topology } from '../domain/topology.ts'
import { controlPlaneOf } from '../domain/topology.ts'
import { ACK_WAIT_MS, durableReader, MAX_ACK_PENDING } from '../flow/consumer-settings.ts'
import type { Border } from '../flow/border.ts'
import type { DeadLetters } from '../flow/dead-letters.ts'
import { orderKey, parseDelivery } from '../flow/parse-delivery.ts'
import { orSetAside } from '../flow/settle.ts'
import type { Delivery, DeliverySource } from '../links/delivery.ts'
import { MESSAGE_ID, PATH, REDACTED } from '../links/header-names.ts'
import { answerMessageId } from '../links/message-id.ts'
import type { Publisher } from '../links/publisher.ts'
import type { Store, StreamPlan } from '../links/store.ts'
import type { Term } from '../links/term.ts'
import type { Log } from '../observe/log.ts'
import type { Metrics } from '../observe/metrics.ts'
import type { Tracing } from '../observe/tracing.ts'
import { noTracing } from '../observe/tracing.ts'
import { Pump } from '../runtime/pump.ts'
import type { TopologySource } from '../runtime/topology-source.ts'
import { observeLag, traceHeader } from './deliver.ts'

export interface CollectOptions {
  readonly topology: TopologySource
  /** Where this stamp stands now. */
  readonly place: () => Place
  readonly keptnStore: Store
  readonly term: Term
  /** Listens to the integrations where no stream keeps what they publish. */
  readonly listen: () => DeliverySource
  /** Whether the Keptn NATS keeps events. */
  readonly isDurable: () => boolean
  /** To the gateway. */
  readonly publisher: Publisher
  /** Where the dead letters of a control plane go. */
  readonly deadLetters: (controlPlane: string) => DeadLetters
  readonly border: Border
  readonly retentionMs: number
  readonly dedupeWindowMs: number
  readonly inFlight: number
  readonly log: Log
  readonly metrics: Metrics
  readonly tracing?: Tracing | undefined
}

/** The stream that keeps what the integrations publish, agent or not. */
export function localPlan({
  retentionMs,
  dedupeWindowMs,
}: Pick<CollectOptions, 'retentionMs' | 'dedupeWindowMs'>): StreamPlan {
  return {
    name: LOCAL_STREAM,
    subjects: [KEPTN_PATTERN],
    maxAgeMs: retentionMs,
    // Integrations set no message ids; what we brought in has been judged by SIGNET_IN.
    duplicateWindowMs: Math.min(dedupeWindowMs, 120_000),
    replicas: 1,
  }
}

/** Makes that stream, and its consumer. */
export async function openCollection(
  options: Pick<
    CollectOptions,
    'keptnStore' | 'place' | 'retentionMs' | 'dedupeWindowMs' | 'isDurable'
  >,
): Promise<void> {
  const { keptnStore, place, retentionMs, dedupeWindowMs, isDurable } = options
  if (!isDurable()) return
  await keptnStore.ensureStream(localPlan({ retentionMs, dedupeWindowMs }))
  await keptnStore.ensureConsumer({
    stream: LOCAL_STREAM,
    durable: durableName(place().stamp),
    filter: KEPTN_PATTERN,
    start: { from: 'all' },
    ackWaitMs: ACK_WAIT_MS,
    maxAckPending: MAX_ACK_PENDING,
  })
}

/** How a pump comes to what this stamp's integrations publish: from that stream, or as it is said. */
export function openLocal({
  keptnStore,
  place,
  term,
  isDurable,
  listen,
}: Pick<CollectOptions, 'keptnStore' | 'place' | 'term' | 'isDurable' | 'listen'>) {
  return isDurable()
    ? durableReader(keptnStore, LOCAL_STREAM, durableName(place().stamp), term)
    : () => Promise.resolve(listen())
}

/** Up: what this stamp's integrations publish, to the hub store (DESIGN 4). */
export function collectPump(options: CollectOptions): Pump {
  const { log } = options
  return new Pump({
    name: 'collect',
    open: openLocal(options),
    direction: 'up',
    inFlight: options.inFlight,
    ackWaitMs: ACK_WAIT_MS,
    right: options.term,
    onTrouble: (error) => {
      log.debug({ error }, 'Collecting waits.')
    },
    prepare: (delivery) => {
      // It came in through SIGNET_IN: the hub knows it.
      if (delivery.header(PATH) !== undefined) return undefined
      const parsed = parseDelivery(delivery, delivery.subject)
      const key = orderKey(parsed, delivery)
      if (parsed.ok) {
        const { event } = parsed
        const { tracing = noTracing } = options
        const work = () => tracing.step('collect', event, () => collect(options, delivery, event))
        return { key, work }
      }
      const { reason, detail } = parsed
      const deadLetters = options.deadLetters(planeName(options.topology.current, ''))
      return { key, work: () => deadLetters.store('up', delivery, reason, detail) }
    },
  })
}

/** Stores one event of an integration in the hub store. */
export async function collect(
  {
    topology: source,
    place: placeNow,
    publisher,
    deadLetters,
    border,
    metrics,
  }: Pick<
    CollectOptions,
    'topology' | 'place' | 'publisher' | 'deadLetters' | 'border' | 'metrics'
  >,
  delivery: Delivery,
  event: KeptnEvent,
): Promise<void> {
  const topology = source.current
  const place = placeNow()
  const controlPlane = planeName(topology, event.project)
  const scope = { federation: topology.federation, controlPlane }
  const tail = tailOf(event.type)
  if (tail === undefined) return
  const to = homeGeo(topology, controlPlane)
  const crossed = border.look({ from: [place.geo], to, tail }, delivery.body)
  if (crossed.kind === 'refused') {
    const { by, why } = crossed
    await deadLetters(controlPlane).store('up', delivery, 'residency', why, { refusedBy: by })
    return
  }
  await orSetAside(deadLetters(controlPlane), 'up', delivery, async () => {
    const { body, redacted } = crossed
    const stored = await publisher.store({
      subject: linkSubject(scope, 'up', place, tail),
      body,
      stream: storeNames(scope).up,
      headers: {
        [MESSAGE_ID]: answerMessageId(event.id, place.stamp, body),
        [PATH]: place.stamp,
        ...(redacted.length === 0 ? {} : { [REDACTED]: redacted.join() }),
        ...traceHeader(delivery),
      },
    })
    const isDuplicate = stored.duplicate && stored.tries === 1
    metrics.events.inc({ direction: 'up', result: isDuplicate ? 'duplicate' : 'stored' })
    if (isDuplicate) metrics.duplicates.inc({ direction: 'up' })
    else observeLag(metrics, 'up', event)
  })
}

/** The geo of a control plane of the topology. */
export function homeGeo({ controlPlanes }: Topology, controlPlane: string): string {
  return controlPlanes.find(({ name }) => name === controlPlane)?.home.geo ?? ''
}

/** An event of a project that no control plane claims goes to the first, which knows what to make of it. */
export function planeName(topology: Topology, project: string): string {
  const plane = controlPlaneOf(topology, project) ?? topology.controlPlanes[0]
  return plane?.name ?? ''
}
