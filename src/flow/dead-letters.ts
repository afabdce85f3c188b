import type { Direction, Scope } from '../domain/subject.ts'
import { deadLetterSubject } from '../domain/subject.ts'
import { storeNames } from '../domain/store-names.ts'
import type { Delivery } from '../links/delivery.ts'
import { MESSAGE_ID, PATH } from '../links/header-names.ts'
import { derivedId, fingerprint } from '../links/message-id.ts'
import type { Publisher } from '../links/publisher.ts'
import type { Log } from '../observe/log.ts'
import type { Metrics } from '../observe/metrics.ts'

export interface DeadLettersOptions {
  readonly scope: Scope
  readonly stamp: string
  readonly publisher: Publisher
  /** The largest message that the gateway takes now, headers included, in bytes. */
  readonly maxPayloadBytes: () => number
  readonly log: Log
  readonly metrics: Metrics
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

  /** Resolves when the dead letter is stored. `whose`: for which of several that want it, it is set aside. */
  async store(
    direction: Direction,
    delivery: SetAside,
    reason: string,
    detail: string,
    whose = '',
  ): Promise<void> {
    const { scope, stamp, publisher, log, metrics } = this.#options
    const { body } = delivery
    const room = this.#options.maxPayloadBytes() - HEADER_ROOM
    const kept = body.length > room ? body.subarray(0, room) : body
    const path = delivery.header(PATH)
    const stored = await publisher.store({
      subject: deadLetterSubject(scope, direction, stamp, reason),
      body: kept,
      stream: storeNames(scope).deadLetters,
      headers: {
        [MESSAGE_ID]: derivedId('dead-letter', direction, stamp, reason + whose, fingerprint(body)),
        'Signet-Subject': printable(delivery.subject),
        'Signet-Detail': printable(detail),
        'Signet-Sequence': String(delivery.sequence),
        ...(path === undefined ? {} : { [PATH]: printable(path) }),
        ...(kept === body ? {} : { 'Signet-Truncated': String(body.length) }),
      },
    })
    if (stored.duplicate) return
    metrics.deadLetters.inc({ direction, reason })
    metrics.events.inc({ direction, result: 'dead-letter' })
    log.warn(
      { direction, reason, detail, subject: delivery.subject, bytes: body.length },
      'An event was set aside.',
    )
  }
}

/** Header values hold one line of text; events come from anywhere. */
function printable(text: string): string {
  return text.replaceAll(/[^\u0020-\u007e]/g, '?').slice(0, 1_000)
}
