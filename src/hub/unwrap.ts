import type { KeptnEvent } from '../domain/event.ts'
import { unwrapAnswer } from '../domain/https-answer.ts'
import { storeNames } from '../domain/store-names.ts'
import type { Place, Scope } from '../domain/subject.ts'
import { linkSubject, tailOf } from '../domain/subject.ts'
import type { DeadLetters } from '../flow/dead-letters.ts'
import { orSetAside } from '../flow/settle.ts'
import type { Delivery } from '../links/delivery.ts'
import {
  HTTPS_LINK,
  LINK,
  MESSAGE_ID,
  parsePath,
  PATH,
  TRACEPARENT,
} from '../links/header-names.ts'
import { answerMessageId } from '../links/message-id.ts'
import type { Publisher } from '../links/publisher.ts'
import type { Metrics } from '../observe/metrics.ts'
import type { TopologySource } from '../runtime/topology-source.ts'
import type { FanOuts } from './fanouts.ts'

export interface UnwrapOptions {
  readonly scope: Scope
  readonly topology: TopologySource
  readonly fanOuts: Pick<FanOuts, 'find'>
  /** To the gateway. */
  readonly publisher: Publisher
  readonly deadLetters: DeadLetters
  readonly metrics: Metrics
}

/**
 * Takes the answer out of an event that carries one through Keptn's API, and stores it in the stream UP as
 * its stamp would have over NATS: under the same id, with the same bytes. From there on nothing tells the
 * two apart, and one that came by both links is stored once.
 */
export async function unwrap(
  options: UnwrapOptions,
  delivery: Delivery,
  event: KeptnEvent,
): Promise<void> {
  const { scope, publisher, deadLetters, metrics } = options
  // A stamp that has NATS must not speak for others with it: what it publishes has a path.
  const path = parsePath(delivery.header(PATH))
  if (path.length > 0)
    return deadLetters.store('up', delivery, 'not-over-https', `it came up from ${path.join()}`)
  const unwrapped = unwrapAnswer(event)
  if (!unwrapped.ok) return deadLetters.store('up', delivery, 'no-answer', unwrapped.detail)
  const { stamp, answer, text } = unwrapped
  const sender = senderOf(options, stamp, answer.triggeredid)
  if (sender === undefined) return deadLetters.store('up', delivery, 'unknown-stamp', stamp)
  if (sender === 'nats')
    return deadLetters.store('up', delivery, 'not-over-https', `${stamp} has the link nats`)
  const tail = tailOf(answer.type)
  if (tail === undefined) return deadLetters.store('up', delivery, 'no-answer', answer.type)
  await orSetAside(deadLetters, 'up', delivery, async () => {
    const body = Buffer.from(text)
    const stored = await publisher.store({
      subject: linkSubject(scope, 'up', sender, tail),
      body,
      stream: storeNames(scope).up,
      headers: {
        [MESSAGE_ID]: answerMessageId(answer.id, stamp, body),
        [PATH]: stamp,
        [LINK]: HTTPS_LINK,
        ...(answer.traceparent === '' ? {} : { [TRACEPARENT]: answer.traceparent }),
      },
    })
    if (stored.duplicate && stored.tries === 1) metrics.duplicates.inc({ direction: 'up' })
  })
}

/** Where the stamp stands that an answer names; `nats` where nobody may speak for it over HTTPS. */
function senderOf(
  { topology, fanOuts }: UnwrapOptions,
  name: string,
  triggeredid: string,
): Place | 'nats' | undefined {
  const stamp = topology.current.stamps.find((each) => each.name === name)
  if (stamp !== undefined)
    return stamp.link === 'nats' ? 'nats' : { geo: stamp.geo, ring: stamp.ring, stamp: name }
  // Who was asked before it left the topology may still answer.
  const targets = fanOuts.find(triggeredid)?.head.targets ?? []
  const target = targets.find((each) => each.stamp === name)
  if (target === undefined) return undefined
  const { geo, ring, link } = target
  return link === undefined ? 'nats' : { geo, ring, stamp: name }
}
