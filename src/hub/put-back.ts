import type { KeptnEvent } from '../domain/event.ts'
import { parseEvent } from '../domain/event.ts'
import type { Letter } from '../domain/dead-letter.ts'
import { isFinal } from '../domain/dead-letter.ts'
import { route } from '../domain/route.ts'
import { KEPTN_STREAM } from '../domain/store-names.ts'
import type { Place, Scope } from '../domain/subject.ts'
import { keptnSubject, linkSubject, parseLinkSubject, tailOf } from '../domain/subject.ts'
import { isSignetError } from '../errors.ts'
import type { StoredMessage } from '../links/store.ts'
import { LETTER, MESSAGE_ID, parsePath, PATH, REDACTED } from '../links/header-names.ts'
import { answerMessageId } from '../links/message-id.ts'
import type { HubParts } from './control-handlers.ts'
import { outgoingOf } from './route-pump.ts'

/** What became of a dead letter that is to be put back. `kept`: it stays a dead letter, and why. */
export type PutBack =
  | { readonly outcome: 'put-back'; readonly to: readonly string[] }
  | { readonly outcome: 'kept'; readonly why: string }

type Message = Pick<StoredMessage, 'body' | 'header'>

/**
 * Puts a dead letter where it came from, under the same event id and through the checks of a new event:
 * what came through meanwhile is a duplicate there. The letter's number is part of the message id, so that
 * doing it twice is doing it once; if it is set aside again it is another letter. Resolves when it is stored.
 */
export async function putBack(parts: HubParts, scope: Scope, letter: Letter): Promise<PutBack> {
  const final = isFinal(letter.reason)
  if (final !== undefined) return kept(final)
  const message = await wholeOf(parts, letter)
  if (typeof message === 'string') return kept(message)
  const tail = tailOf(letter.subject) ?? parseLinkSubject(letter.subject)?.tail
  const text = Buffer.from(message.body).toString('utf8')
  const parsed = parseEvent(text, tail === undefined ? undefined : keptnSubject(tail))
  if (!parsed.ok) return kept(`it is malformed (${parsed.reason}): ${parsed.detail}`)
  try {
    return letter.direction === 'up'
      ? await putUp(parts, scope, letter, message, parsed.event)
      : await putDown(parts, letter, message, parsed.event)
  } catch (error) {
    // What no retry mends here, such as its size; all else is tried again by whoever asks.
    if (isSignetError(error) && !error.retryable && error.code !== 'SIGNET_STOPPED')
      return kept(error.message)
    throw error
  }
}

/** The whole message: the letter's own body, or the original where the letter has not all of it. */
async function wholeOf(parts: HubParts, letter: Letter): Promise<Message | string> {
  const { hubStore, keptnStore, names, controlPlane } = parts
  const own = await hubStore.message(names.deadLetters, letter.letter)
  if (own === undefined) return 'it is gone'
  if (letter.cutFrom === undefined && letter.withheld === undefined) return own
  const link = parseLinkSubject(letter.subject)
  const isAtHome = letter.stamp === controlPlane.home.stamp
  const original =
    link !== undefined
      ? await hubStore.message(names[link.direction], letter.sequence)
      : isAtHome
        ? await keptnStore.message(KEPTN_STREAM, letter.sequence)
        : undefined
  if (original?.subject === letter.subject)
    return { body: original.body, header: (name) => own.header(name) ?? original.header(name) }
  const why = letter.withheld === undefined ? 'only its beginning is here' : 'its body is not here'
  return (
    `${why}; it lies in stamp ${letter.stamp}, in the stream SIGNET_LOCAL of its Keptn NATS under ` +
    `sequence ${letter.sequence}: publish it on ${letter.subject} there once more`
  )
}

/** Into the stream UP, as its stamp would; the hub reads it from there as any answer. */
async function putUp(
  { publisher, names, topology }: HubParts,
  scope: Scope,
  letter: Letter,
  message: Message,
  event: KeptnEvent,
): Promise<PutBack> {
  const link = parseLinkSubject(letter.subject)
  const place = link?.place ?? placeOf(topology.current.stamps, letter.stamp)
  const tail = tailOf(event.type)
  if (place === undefined || tail === undefined)
    return kept(`the topology has no stamp ${letter.stamp} any more`)
  const { body } = message
  const redacted = message.header(REDACTED)
  const id = answerMessageId(event.id, place.stamp, body)
  await publisher.store({
    subject: linkSubject(scope, 'up', place, tail),
    body,
    stream: names.up,
    headers: {
      // What the hub set aside has its own id in the stream already.
      [MESSAGE_ID]: link === undefined ? id : `${id}:letter-${letter.letter}`,
      [PATH]: place.stamp,
      [LETTER]: String(letter.letter),
      ...(redacted === undefined ? {} : { [REDACTED]: redacted }),
    },
  })
  return { outcome: 'put-back', to: ['the hub'] }
}

/** Into the stream DOWN, for those stamps that it did not reach. */
async function putDown(
  parts: HubParts,
  letter: Letter,
  message: Message,
  event: KeptnEvent,
): Promise<PutBack> {
  const { controlPlane, topology, fanOuts, copies } = parts
  const home = controlPlane.home.stamp
  const link = parseLinkSubject(letter.subject)
  const path = parsePath(message.header(PATH)).filter((stamp) => stamp !== home)
  const isTask = event.parsedType.shape === 'task' && event.parsedType.kind === 'triggered'
  const isOpen = fanOuts.find(event.id) !== undefined
  let places: readonly Place[]
  if (link !== undefined) {
    if (isTask && !isOpen) return kept('its task has ended without it')
    const place = placeOf(topology.current.stamps, link.place.stamp)
    if (place === undefined) return kept(`the topology has no stamp ${link.place.stamp} any more`)
    places = [place]
  } else {
    const decision = decide(parts, event, path)
    if (decision.kind === 'fan-out') return kept('its task has gone on without it')
    const wanting = decision.kind === 'notice' ? decision.targets : []
    places = wanting
      .map(({ stamp }) => ({ geo: stamp.geo, ring: stamp.ring, stamp: stamp.name }))
      .filter(({ stamp }) => letter.stamps?.includes(stamp) !== false)
    if (places.length === 0) return kept('no stamp wants it now')
  }
  const outgoing = outgoingOf(message, event, path, isTask && isOpen)
  const refused = places.map((place) => copies.crossed(outgoing, place))
  for (const crossed of refused) if (crossed.kind === 'refused') return kept(crossed.why)
  const again = {
    id: `:letter-${letter.letter}`,
    headers: { [LETTER]: String(letter.letter) },
  }
  for (const place of places) await copies.store(outgoing, place, again)
  return { outcome: 'put-back', to: places.map(({ stamp }) => stamp) }
}

/** Where an event would go now. */
export function decide(
  { topology, controlPlane, registry }: HubParts,
  event: KeptnEvent,
  path: readonly string[],
) {
  return route({
    topology: topology.current,
    controlPlane,
    event,
    path,
    interestOf: (stamp, candidate) => registry.interestOf(stamp, candidate),
    isDrained: (stamp) => registry.isDrained(stamp),
  })
}

function placeOf(
  stamps: readonly { readonly name: string; readonly geo: string; readonly ring: string }[],
  name: string,
): Place | undefined {
  const found = stamps.find((stamp) => stamp.name === name)
  return found && { geo: found.geo, ring: found.ring, stamp: name }
}

function kept(why: string): PutBack {
  return { outcome: 'kept', why }
}
