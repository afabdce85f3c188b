import { SignetError } from '../errors.ts'
import { isName } from './name.ts'

/**
 * Every NATS subject of the federation, made and taken apart in this one place (DESIGN 4). A tail is a
 * Keptn subject without its `sh.keptn.`: `event.deployment.triggered`. Each mapping is total over valid
 * subjects, and reversible.
 */

const KEPTN_PREFIX = 'sh.keptn.'
const INBOUND_PREFIX = 'signet.in.'

/** Where a stamp stands. Its three names are its identity in a subject. */
export interface Place {
  readonly geo: string
  readonly ring: string
  readonly stamp: string
}

/** Which stamp it is, in whatever ring. */
export type StampName = Pick<Place, 'geo' | 'stamp'>

/** One federation and one of its control planes: what the subjects of DESIGN 4 are made for. */
export interface Scope {
  readonly federation: string
  readonly controlPlane: string
}

/** The two ways through the hub store. */
export type Direction = 'down' | 'up'

// Tokens with dots between them. A token is anything but white space, control characters, dots and the
// wildcards: NATS itself takes more, but an event type with such characters cannot be subscribed to.
// oxlint-disable-next-line no-control-regex
const SUBJECT = /^[^\s.*>\u0000-\u001f\u007f]+(?:\.[^\s.*>\u0000-\u001f\u007f]+)*$/

/** Whether `subject` is a publishable NATS subject: tokens without wildcards, none of them empty. */
export function isPublishable(subject: string): boolean {
  return SUBJECT.test(subject)
}

/** The tail of a Keptn subject or event type, or undefined where it is not under `sh.keptn.`. */
export function tailOf(keptnSubject: string): string | undefined {
  if (!keptnSubject.startsWith(KEPTN_PREFIX)) return undefined
  const tail = keptnSubject.slice(KEPTN_PREFIX.length)
  return isPublishable(tail) ? tail : undefined
}

/** The Keptn subject (and event type) of a tail. */
export function keptnSubject(tail: string): string {
  return KEPTN_PREFIX + checked(tail)
}

/** The subject of stream `SIGNET_IN` that the server republishes to the Keptn subject of `tail`. */
export function inboundSubject(tail: string): string {
  return INBOUND_PREFIX + checked(tail)
}

/** The tail of a subject of `SIGNET_IN`, or undefined. */
export function inboundTail(subject: string): string | undefined {
  if (!subject.startsWith(INBOUND_PREFIX)) return undefined
  const tail = subject.slice(INBOUND_PREFIX.length)
  return isPublishable(tail) ? tail : undefined
}

/** `signet.F.<direction>.C.<geo>.<ring>.<stamp>.<tail>` */
export function linkSubject(
  scope: Scope,
  direction: Direction,
  place: Place,
  tail: string,
): string {
  return `${linkPrefix(scope, direction, place)}.${checked(tail)}`
}

/**
 * The pattern of all that goes to, or comes from, one stamp. Of any ring: a stamp may be moved to another
 * one while events are under way, and the names of stamps are unique. Its geo it cannot change.
 */
export function linkPattern(scope: Scope, direction: Direction, { geo, stamp }: StampName): string {
  return `${linkPrefix(scope, direction, { geo, ring: '*', stamp })}.>`
}

/** The pattern of one direction of one control plane: what the stream of the hub store captures. */
export function directionPattern(scope: Scope, direction: Direction): string {
  return `signet.${scope.federation}.${direction}.${scope.controlPlane}.>`
}

/** Tells the tails of the link subjects of one stamp, as `linkPattern` has them; undefined of any other. */
export function linkTails(
  { federation, controlPlane }: Scope,
  direction: Direction,
  { geo, stamp }: StampName,
): (subject: string) => string | undefined {
  const prefix = `signet.${federation}.${direction}.${controlPlane}.${geo}.`
  const own = `.${stamp}.`
  return (subject) => {
    const ringEnd = subject.indexOf('.', prefix.length)
    if (!subject.startsWith(prefix) || !subject.startsWith(own, ringEnd)) return undefined
    const tail = subject.slice(ringEnd + own.length)
    return isPublishable(tail) ? tail : undefined
  }
}

export interface ParsedLinkSubject {
  readonly scope: Scope
  readonly direction: Direction
  readonly place: Place
  readonly tail: string
}

/** Takes a link subject apart; undefined where it is none. */
export function parseLinkSubject(subject: string): ParsedLinkSubject | undefined {
  const [root, federation, direction, controlPlane, geo, ring, stamp, ...rest] = subject.split('.')
  if (root !== 'signet' || (direction !== 'down' && direction !== 'up')) return undefined
  const names = [federation, controlPlane, geo, ring, stamp]
  if (!names.every((name) => name !== undefined && isName(name))) return undefined
  const tail = rest.join('.')
  if (!isPublishable(tail)) return undefined
  const [F, C, g, r, s] = names as [string, string, string, string, string]
  return {
    scope: { federation: F, controlPlane: C },
    direction,
    place: { geo: g, ring: r, stamp: s },
    tail,
  }
}

/** `signet.F.presence.C.<geo>.<ring>.<stamp>` */
export function presenceSubject(scope: Scope, place: Place): string {
  return `signet.${scope.federation}.presence.${scope.controlPlane}.${placeTokens(place)}`
}

/** The presence of every stamp of one control plane. */
export function presencePattern(scope: Scope): string {
  return `signet.${scope.federation}.presence.${scope.controlPlane}.*.*.*`
}

/** The presence of one stamp, of whatever ring. */
export function stampPresencePattern(scope: Scope, { geo, stamp }: StampName): string {
  return presenceSubject(scope, { geo, ring: '*', stamp })
}

/** The stamp that a presence subject speaks of; undefined where it is none. */
export function parsePresenceSubject(subject: string): Place | undefined {
  const [root, federation, kind, controlPlane, geo, ring, stamp, ...rest] = subject.split('.')
  if (root !== 'signet' || kind !== 'presence' || rest.length > 0) return undefined
  if (![federation, controlPlane, geo, ring, stamp].every((n) => n !== undefined && isName(n)))
    return undefined
  return { geo: geo as string, ring: ring as string, stamp: stamp as string }
}

/** `signet.F.api.C.<geo>.<ring>.<stamp>`: where a stamp asks for Keptn's API. */
export function apiSubject(scope: Scope, place: Place): string {
  return `${apiPrefix(scope)}.${placeTokens(place)}`
}

/** What every stamp asks of one control plane. */
export function apiPattern(scope: Scope): string {
  return `${apiPrefix(scope)}.*.*.*`
}

/** Where one stamp asks, of whatever ring. */
export function stampApiPattern(scope: Scope, { geo, stamp }: StampName): string {
  return apiSubject(scope, { geo, ring: '*', stamp })
}

/** Where one stamp, of whatever ring, goes on with its calls. */
export function stampApiFlowPattern(scope: Scope, stamp: StampName): string {
  return `${stampApiPattern(scope, stamp)}.*.*`
}

/**
 * `signet.F.api.C.<geo>.<ring>.<stamp>.<agent>.<call>`: where a stamp goes on with a call that a hub agent
 * took. It is under the stamp's own subject, so that one right covers both. `to` is what the agent told.
 */
export function apiFlowSubject(scope: Scope, place: Place, to: string): string {
  return `${apiSubject(scope, place)}.${to}`
}

/** What all stamps say to one hub agent. */
export function apiFlowPattern(scope: Scope, agent: string): string {
  return `${apiPattern(scope)}.${agent}.*`
}

/** The stamp that asks on an API subject, and the call that it goes on with; undefined where it is none. */
export function parseApiSubject(
  subject: string,
): { readonly place: Place; readonly call?: string } | undefined {
  const [root, federation, kind, controlPlane, geo, ring, stamp, ...rest] = subject.split('.')
  if (root !== 'signet' || kind !== 'api' || (rest.length !== 0 && rest.length !== 2))
    return undefined
  if (![federation, controlPlane, geo, ring, stamp].every((n) => n !== undefined && isName(n)))
    return undefined
  const place = { geo: geo as string, ring: ring as string, stamp: stamp as string }
  const call = rest[1]
  return call === undefined ? { place } : { place, call }
}

/** `signet.F.dlq.C.<direction>.<stamp>.<reason>` */
export function deadLetterSubject(
  scope: Scope,
  direction: Direction,
  stamp: string,
  reason: string,
): string {
  return `signet.${scope.federation}.dlq.${scope.controlPlane}.${direction}.${stamp}.${reason}`
}

/** The dead letters that one stamp sets aside. */
export function stampDeadLetterPattern(
  { federation, controlPlane }: Scope,
  { stamp }: Pick<StampName, 'stamp'>,
): string {
  return `signet.${federation}.dlq.${controlPlane}.*.${stamp}.*`
}

/** Where a dead letter was set aside and why; undefined where the subject is none of a dead letter. */
export function parseDeadLetterSubject(
  subject: string,
): { readonly direction: Direction; readonly stamp: string; readonly reason: string } | undefined {
  const [root, , kind, , direction, stamp = '', reason = '', ...rest] = subject.split('.')
  if (root !== 'signet' || kind !== 'dlq' || rest.length > 0) return undefined
  if ((direction !== 'down' && direction !== 'up') || !isName(stamp) || reason === '')
    return undefined
  return { direction, stamp, reason }
}

/** All dead letters of one control plane. */
export function deadLetterPattern(scope: Scope): string {
  return `signet.${scope.federation}.dlq.${scope.controlPlane}.>`
}

// A verb of `signet.F.control.C.<verb>`: one token, so that permissions can name it.
const VERB = /^[a-z][a-z-]{0,62}$/

/** `signet.F.control.C.<verb>`: what commands ask the hub. */
export function controlSubject(scope: Scope, verb: string): string {
  if (VERB.test(verb)) return `${controlPrefix(scope)}${verb}`
  throw new SignetError('SIGNET_SUBJECT_INVALID', `"${verb}" is no verb of a command.`, {
    details: { verb },
  })
}

/** All that commands ask the hub of one control plane. */
export function controlPattern(scope: Scope): string {
  return `${controlPrefix(scope)}*`
}

/** The verb of a control subject of this control plane; undefined where it is none. */
export function controlVerb(scope: Scope, subject: string): string | undefined {
  const prefix = controlPrefix(scope)
  const verb = subject.slice(prefix.length)
  return subject.startsWith(prefix) && VERB.test(verb) ? verb : undefined
}

/**
 * What the inboxes of one client begin with, so that NATS permissions can keep others from listening
 * (nats-notes 7.2): that of a stamp's agents is the stamp's name.
 */
export function inboxPrefix(client: string): string {
  return `_INBOX.${client}`
}

// An inbox, or what a server makes of one between accounts (`_R_`) and between clusters (`_GR_`).
const ANSWER_SUBJECT = /^(?:_GR_\.[^.]+\.[^.]+\.)?(?:_INBOX|_R_)\.[^\s*>]+$/

/**
 * Whether an answer may be sent to a reply subject. NATS does not check it against the rights of who named it:
 * whoever answers on any subject lends its own rights to whoever asks (docs/security.md).
 */
export function isAnswerSubject(reply: string): boolean {
  return ANSWER_SUBJECT.test(reply)
}

/** Whether a NATS subject pattern (with `*` and a closing `>`) matches a subject. */
export function subjectMatches(pattern: string, subject: string): boolean {
  const wanted = pattern.split('.')
  const tokens = subject.split('.')
  for (const [index, token] of wanted.entries()) {
    if (token === '>' && index === wanted.length - 1) return tokens.length > index
    const actual = tokens[index]
    if (actual === undefined || (token !== '*' && token !== actual)) return false
  }
  return tokens.length === wanted.length
}

function controlPrefix({ federation, controlPlane }: Scope): string {
  return `signet.${federation}.control.${controlPlane}.`
}

function apiPrefix(scope: Scope): string {
  return `signet.${scope.federation}.api.${scope.controlPlane}`
}

function linkPrefix(scope: Scope, direction: Direction, place: Place): string {
  return `signet.${scope.federation}.${direction}.${scope.controlPlane}.${placeTokens(place)}`
}

function placeTokens(place: Place): string {
  return `${place.geo}.${place.ring}.${place.stamp}`
}

function checked(tail: string): string {
  if (isPublishable(tail)) return tail
  throw new SignetError('SIGNET_SUBJECT_INVALID', `"${tail}" is no tail of a Keptn subject.`, {
    details: { tail },
  })
}
