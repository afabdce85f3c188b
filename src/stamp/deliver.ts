import type { KeptnEvent } from '../domain/event.ts'
import type { Scope, StampName } from '../domain/subject.ts'
import { keptnSubject, linkTails } from '../domain/subject.ts'
import { durableName, storeNames } from '../domain/store-names.ts'
import { ACK_WAIT_MS, durableReader } from '../flow/consumer-settings.ts'
import type { DeadLetters } from '../flow/dead-letters.ts'
import { orderKey, parseDelivery } from '../flow/parse-delivery.ts'
import { orSetAside } from '../flow/settle.ts'
import type { WayIn } from '../flow/way-in.ts'
import type { Delivery } from '../links/delivery.ts'
import {
  CAUSE,
  extendPath,
  parsePath,
  PATH,
  REDACTED,
  RUN,
  TRACEPARENT,
} from '../links/header-names.ts'
import type { Store } from '../links/store.ts'
import type { Term } from '../links/term.ts'
import type { Log } from '../observe/log.ts'
import type { Metrics } from '../observe/metrics.ts'
import type { Tracing } from '../observe/tracing.ts'
import { noTracing } from '../observe/tracing.ts'
import type { Park } from '../runtime/lanes.ts'
import { Pump } from '../runtime/pump.ts'
import type { FanOutsHere } from './fan-outs-here.ts'
import type { Gate } from './gate.ts'

export interface DeliverOptions {
  readonly scope: Scope
  readonly place: StampName
  readonly hubStore: Store
  readonly term: Term
  readonly wayIn: WayIn
  readonly gate: Gate
  readonly deadLetters: DeadLetters
  /** Whether an event is this stamp's own, which came to the control plane by another link; absent: none is. */
  readonly isEcho?: (event: KeptnEvent) => boolean
  /** Where answers to fan-outs may go by another way than all else: is told of each before it is handed over. */
  readonly fanOuts?: Pick<FanOutsHere, 'note'>
  readonly inFlight: number
  readonly log: Log
  readonly metrics: Metrics
  readonly tracing?: Tracing | undefined
}

/** Down: from the hub store into this stamp's Keptn NATS (DESIGN 7.1). */
export function deliverPump(options: DeliverOptions): Pump {
  const { scope, place, hubStore, log } = options
  const { down } = storeNames(scope)
  const tailOf = linkTails(scope, 'down', place)
  return new Pump({
    name: `deliver from ${scope.controlPlane}`,
    open: durableReader(hubStore, down, durableName(place.stamp), options.term),
    direction: 'down',
    inFlight: options.inFlight,
    ackWaitMs: ACK_WAIT_MS,
    right: options.term,
    onTrouble: (error) => {
      log.debug({ error }, 'Delivering waits.')
    },
    prepare: (delivery) => {
      const tail = tailOf(delivery.subject) ?? ''
      const parsed = parseDelivery(delivery, tail === '' ? '' : keptnSubject(tail))
      const key = orderKey(parsed, delivery)
      if (!parsed.ok) {
        const { reason, detail } = parsed
        return { key, work: () => options.deadLetters.store('down', delivery, reason, detail) }
      }
      const { event } = parsed
      const { tracing = noTracing } = options
      const work = (park: Park) =>
        tracing.step('deliver', event, () => deliver(options, delivery, tail, event, park))
      return { key, work }
    },
  })
}

async function deliver(
  { place, wayIn, gate, deadLetters, isEcho, fanOuts, metrics }: DeliverOptions,
  delivery: Delivery,
  tail: string,
  event: KeptnEvent,
  park: Park,
): Promise<void> {
  const path = parsePath(delivery.header(PATH))
  if (path.includes(place.stamp)) {
    await deadLetters.store('down', delivery, 'loop', path.join(','))
    return
  }
  // Posted, it came there without a path; its integrations heard it when it was said.
  if (isEcho?.(event) === true) return
  // The events of other integrations go on meanwhile.
  if (!gate.isOpen(event)) await park(gate.opened(event))
  const cause = delivery.header(CAUSE)
  if (cause !== undefined) await fanOuts?.note(cause)
  await orSetAside(deadLetters, 'down', delivery, async () => {
    // A forced replay is another delivery of the same event.
    const run = delivery.header(RUN)
    const identity = run === undefined ? event.id : `${event.id}:replay-${run}`
    const entered = await wayIn.enter(tail, identity, delivery.body, {
      [PATH]: extendPath(path, place.stamp),
      ...(cause === undefined ? {} : { [CAUSE]: cause }),
      ...redactedHeader(delivery),
      ...traceHeader(delivery),
    })
    if (entered === 'conflict') {
      await deadLetters.store('down', delivery, 'id-conflict', `id ${event.id} has another body`)
      return
    }
    metrics.events.inc({ direction: 'down', result: entered })
    if (entered === 'duplicate') metrics.duplicates.inc({ direction: 'down' })
    else observeLag(metrics, 'down', event)
  })
}

/** The trace of an event goes on where a message carries one. */
export function traceHeader(delivery: Delivery): { [TRACEPARENT]?: string } {
  const trace = delivery.header(TRACEPARENT)
  return trace === undefined ? {} : { [TRACEPARENT]: trace }
}

/** What was left out of an event on its way is said on every message of it. */
export function redactedHeader(delivery: Delivery): { [REDACTED]?: string } {
  const redacted = delivery.header(REDACTED)
  return redacted === undefined ? {} : { [REDACTED]: redacted }
}

/** From the time in the event to now; a clock that is ahead counts as no lag. */
export function observeLag(metrics: Metrics, direction: 'down' | 'up', event: KeptnEvent): void {
  const seconds = (Date.now() - Date.parse(event.time)) / 1_000
  if (Number.isFinite(seconds)) metrics.lag.observe({ direction }, Math.max(0, seconds))
}
