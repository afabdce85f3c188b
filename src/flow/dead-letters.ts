import type { Direction, Scope } from '../domain/subject.ts'
import { deadLetterSubject, parseLinkSubject, tailOf } from '../domain/subject.ts'
import { storeNames } from '../domain/store-names.ts'
import type { Delivery, Headers } from '../links/delivery.ts'
import { GEOS, LETTER, LETTERS, MESSAGE_ID, PATH, REDACTED } from '../links/header-names.ts'
import { derivedId, fingerprint } from '../links/message-id.ts'
import type { Publisher } from '../links/publisher.ts'
import type { Log } from '../observe/log.ts'
import type { Metrics } from '../observe/metrics.ts'
import type { Border } from './border.ts'

export interface DeadLettersOptions {
  readonly scope: Scope
  readonly stamp: string
  readonly publisher: Publisher
  /** The largest message that the gateway takes now, headers included, in bytes. */
  readonly maxPayloadBytes: () => number
  /** Which border they cross on their way to where they are kept; absent: they stay in their geo. */
  readonly crossing?: { readonly border: Border; readonly from: string; readonly to: string }
  readonly log: Log
  readonly metrics: Metrics
}

/** For whom of several something is set aside: stamps that it was for, or an integration by its name. */
export interface SetAsideFor {
  readonly stamps?: readonly string[]
  readonly integration?: string
  /** The geo that does not let it go, where that is why. */
  readonly refusedBy?: string
}

/** What a dead letter keeps of a message, wherever that came from. */
export type SetAside = Pick<Delivery, 'subject' | 'body' | 'header' | 'sequence'>

/** Room that the headers of a dead letter may take, in bytes. */
const HEADER_ROOM = 4_096

/**
 * Sets aside what may not be passed on (DESIGN 7.10), once: the id of a dead letter is derived from what it
 * holds and why, so that a redelivery stores it no second time.
 */
export class DeadLetters {
  readonly #options: DeadLettersOptions

  constructor(options: DeadLettersOptions) {
    this.#options = options
  }

  /** Resolves when the dead letter is stored. */
  async store(
    direction: Direction,
    delivery: SetAside,
    reason: string,
    detail: string,
    whose: SetAsideFor = {},
  ): Promise<void> {
    const { scope, stamp, publisher, crossing, log, metrics } = this.#options
    const allowed = this.#allowed(delivery, reason, detail)
    const { body, told } = allowed
    const room = this.#options.maxPayloadBytes() - HEADER_ROOM
    const kept = body.length > room ? body.subarray(0, room) : body
    const path = delivery.header(PATH)
    const before = delivery.header(LETTER)
    const geos = delivery.header(GEOS)
    const { stamps, integration } = whose
    const id = [
      'dead-letter',
      direction,
      stamp,
      reason + (integration ?? '') + (stamps?.join() ?? ''),
      fingerprint(body),
      // Put back and set aside again, it is another one: the first may be gone.
      ...(before === undefined ? [] : [before]),
      // What holds nothing is told by where it lies.
      ...(allowed.withheld === undefined ? [] : [delivery.subject, String(delivery.sequence)]),
    ]
    const stored = await publisher.store({
      subject: deadLetterSubject(scope, direction, stamp, reason),
      body: kept,
      stream: storeNames(scope).deadLetters,
      headers: {
        [MESSAGE_ID]: derivedId(...id),
        [LETTERS.subject]: printable(delivery.subject),
        [LETTERS.detail]: printable(told),
        [LETTERS.sequence]: String(delivery.sequence),
        ...allowed.headers,
        ...(path === undefined ? {} : { [PATH]: printable(path) }),
        ...(geos === undefined ? {} : { [GEOS]: printable(geos) }),
        ...(before === undefined ? {} : { [LETTER]: printable(before) }),
        ...(stamps === undefined ? {} : { [LETTERS.stamps]: printable(stamps.join()) }),
        ...(kept === body ? {} : { [LETTERS.truncated]: String(body.length) }),
      },
    })
    if (stored.duplicate) return
    metrics.deadLetters.inc({ direction, reason })
    metrics.events.inc({ direction, result: 'dead-letter' })
    const refusedBy = whose.refusedBy ?? allowed.by
    if (refusedBy !== undefined)
      crossing?.border.count(direction, reason === 'residency' ? 'event' : 'dead-letter')
    log.warn(
      {
        direction,
        reason,
        detail: told,
        subject: delivery.subject,
        bytes: delivery.body.length,
      },
      'An event was set aside.',
    )
  }

  /**
   * What of a message may leave for where dead letters are kept (DESIGN 7.6). Where the body may not, or
   * not as it is, neither may the detail: it can quote it. The message itself stays where it was read from.
   */
  #allowed(delivery: SetAside, reason: string, detail: string): Allowed {
    const { crossing } = this.#options
    const { subject, body } = delivery
    const tail = tailOf(subject) ?? parseLinkSubject(subject)?.tail ?? ''
    const { border, from = '', to = '' } = crossing ?? {}
    const crossed = border?.look({ from: [from], to, tail }, body)
    if (crossed?.kind === 'refused') {
      const { by, why } = crossed
      // Why it was refused is the rule's own text.
      const told = reason === 'residency' ? detail : 'withheld'
      return {
        body: EMPTY,
        told,
        by,
        withheld: why,
        headers: { [LETTERS.withheld]: printable(why) },
      }
    }
    if (crossed === undefined || crossed.redacted.length === 0)
      return { body, told: detail, headers: {} }
    return {
      body: crossed.body,
      told: 'withheld',
      headers: { [REDACTED]: printable(crossed.redacted.join()) },
    }
  }
}

interface Allowed {
  readonly body: Uint8Array
  readonly told: string
  readonly headers: Headers
  /** Why nothing of the body may leave, and the geo that says so. */
  readonly withheld?: string
  readonly by?: string
}

const EMPTY = new Uint8Array()

/** Header values hold one line of text; events come from anywhere. */
function printable(text: string): string {
  return text.replaceAll(/[^\u0020-\u007e]/g, '?').slice(0, 1_000)
}
