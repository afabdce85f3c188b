import type { KeptnEvent } from '../domain/event.ts'
import type { Answer } from '../domain/fanin.ts'
import { isWrappedAnswer } from '../domain/https-answer.ts'
import { durableName, storeNames } from '../domain/store-names.ts'
import type { Place, Scope } from '../domain/subject.ts'
import { keptnSubject, parseLinkSubject } from '../domain/subject.ts'
import { ACK_WAIT_MS, durableReader } from '../flow/consumer-settings.ts'
import type { DeadLetters } from '../flow/dead-letters.ts'
import { orderKey, parseDelivery } from '../flow/parse-delivery.ts'
import { orSetAside } from '../flow/settle.ts'
import type { WayIn } from '../flow/way-in.ts'
import type { Delivery } from '../links/delivery.ts'
import { extendPath, LINK, parsePath, PATH, REDACTED, TRACEPARENT } from '../links/header-names.ts'
import type { Store } from '../links/store.ts'
import type { Term } from '../links/term.ts'
import type { Log } from '../observe/log.ts'
import type { Metrics } from '../observe/metrics.ts'
import type { Tracing } from '../observe/tracing.ts'
import { noTracing } from '../observe/tracing.ts'
import { Pump } from '../runtime/pump.ts'
import type { FanOuts } from './fanouts.ts'

export interface AnswerPumpOptions {
  /** Whether a stamp may speak from a place. */
  readonly isKnown: (place: Place) => boolean
  readonly scope: Scope
  readonly home: string
  readonly hubStore: Store
  readonly term: Term
  readonly wayIn: WayIn
  readonly fanOuts: FanOuts
  readonly deadLetters: DeadLetters
  readonly inFlight: number
  readonly log: Log
  readonly metrics: Metrics
  readonly tracing?: Tracing | undefined
}

/** Up, second half: answers into their fan-outs, everything else into the control plane (DESIGN 7.3). */
export function answerPump(options: AnswerPumpOptions): Pump {
  const { scope, home, hubStore, fanOuts, deadLetters, log } = options
  return new Pump({
    name: `answers to ${scope.controlPlane}`,
    open: durableReader(hubStore, storeNames(scope).up, durableName(home), options.term),
    direction: 'answer',
    inFlight: options.inFlight,
    ackWaitMs: ACK_WAIT_MS,
    right: options.term,
    onTrouble: (error) => {
      log.debug({ error }, 'Taking answers waits.')
    },
    prepare: (delivery) => {
      const link = parseLinkSubject(delivery.subject)
      if (link === undefined) return setAside(options, delivery, 'bad-subject', delivery.subject)
      const { place, tail } = link
      const parsed = parseDelivery(delivery, keptnSubject(tail))
      // NATS lets a stamp publish only as itself; the topology says where it stands (DESIGN 4). Who was
      // asked before it left the topology may still answer.
      const isKnown =
        options.isKnown(place) || (parsed.ok && fanOuts.isTarget(parsed.event.triggeredid, place))
      if (!isKnown)
        return setAside(
          options,
          delivery,
          'unknown-stamp',
          `${place.geo}/${place.ring}/${place.stamp}`,
        )
      // Order holds within a stamp; between two stamps there is none to keep.
      const key = `${place.stamp} ${orderKey(parsed, delivery)}`
      if (parsed.ok) {
        const { event } = parsed
        const { tracing = noTracing } = options
        const work = () =>
          tracing.step('answer', event, () => take(options, delivery, place, tail, event))
        return { key, work }
      }
      const { reason, detail } = parsed
      return { key, work: () => deadLetters.store('up', delivery, reason, detail) }
    },
  })
}

function setAside(
  { deadLetters }: AnswerPumpOptions,
  delivery: Delivery,
  reason: string,
  detail: string,
) {
  const work = (): Promise<void> => deadLetters.store('up', delivery, reason, detail)
  return { key: `#${delivery.sequence}`, work }
}

async function take(
  options: AnswerPumpOptions,
  delivery: Delivery,
  place: Place,
  tail: string,
  event: KeptnEvent,
): Promise<void> {
  const { fanOuts, deadLetters, metrics } = options
  if (isWrappedAnswer(event)) {
    // It would come back from Keptn as if it had been posted, for whatever stamp it names.
    await deadLetters.store('up', delivery, 'not-over-https', `of stamp ${place.stamp}`)
    return
  }
  const answer = answerOf(event, delivery)
  if (answer === undefined && isAnswer(event)) {
    // shipyard-controller would count it for whatever task is open in its context (wire 6.2).
    await deadLetters.store('up', delivery, 'no-triggeredid', `${event.type} of ${event.source}`)
    return
  }
  const taken =
    answer === undefined ? 'unknown' : await fanOuts.answer(event.triggeredid, place.stamp, answer)
  switch (taken) {
    case 'recorded':
      metrics.events.inc({ direction: 'answer', result: 'recorded' })
      return
    case 'repeated':
      metrics.duplicates.inc({ direction: 'up' })
      return
    case 'late':
      metrics.lateAnswers.inc({ geo: place.geo, ring: place.ring, stamp: place.stamp })
      return
    case 'stranger':
      await deadLetters.store('up', delivery, 'not-a-target', `fan-out ${event.triggeredid}`)
      return
    case 'conflict':
      await deadLetters.store('up', delivery, 'id-conflict', `id ${event.id} has another body`)
      return
    case 'unknown':
      // Stamps wrap only what answers a fan-out; passed on, Keptn might count it for another task.
      if (delivery.header(LINK) !== undefined)
        await deadLetters.store('up', delivery, 'not-a-target', `no fan-out ${event.triggeredid}`)
      else await forward(options, delivery, tail, event)
  }
}

/** What is no answer to a fan-out goes into the control plane as it is. */
async function forward(
  { wayIn, deadLetters, home, metrics }: AnswerPumpOptions,
  delivery: Delivery,
  tail: string,
  event: KeptnEvent,
): Promise<void> {
  await orSetAside(deadLetters, 'up', delivery, async () => {
    const trace = delivery.header(TRACEPARENT)
    const redacted = delivery.header(REDACTED)
    const entered = await wayIn.enter(tail, event.id, delivery.body, {
      [PATH]: extendPath(parsePath(delivery.header(PATH)), home),
      ...(redacted === undefined ? {} : { [REDACTED]: redacted }),
      ...(trace === undefined ? {} : { [TRACEPARENT]: trace }),
    })
    metrics.events.inc({ direction: 'answer', result: entered })
    if (entered === 'duplicate') metrics.duplicates.inc({ direction: 'up' })
    if (entered === 'conflict')
      await deadLetters.store('up', delivery, 'id-conflict', `id ${event.id} has another body`)
  })
}

/** A task's `.started` or `.finished`, whatever it answers. */
function isAnswer({ parsedType: type }: KeptnEvent): boolean {
  return type.shape === 'task' && (type.kind === 'started' || type.kind === 'finished')
}

/** The answer in an event; undefined where it is none. */
function answerOf(event: KeptnEvent, delivery: Delivery): Answer | undefined {
  const { parsedType: type, triggeredid, id, source, data } = event
  if (type.shape !== 'task' || triggeredid === '') return undefined
  const facts = { eventId: id, source, at: delivery.storedAt, seq: delivery.sequence }
  if (type.kind === 'started') return { kind: 'started', ...facts }
  if (type.kind !== 'finished') return undefined
  return {
    kind: 'finished',
    ...facts,
    result: text(data['result']),
    status: text(data['status']),
    message: text(data['message']),
  }
}

function text(value: unknown): string {
  return typeof value === 'string' ? value : ''
}
