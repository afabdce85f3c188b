import { LRUCache } from 'lru-cache'
import { INBOUND_PATTERN, INBOUND_STREAM, KEPTN_PATTERN } from '../domain/store-names.ts'
import { isSameEvent } from '../domain/same-event.ts'
import { inboundSubject, keptnSubject } from '../domain/subject.ts'
import type { CoreMessages } from '../links/core-messages.ts'
import type { Headers } from '../links/delivery.ts'
import { HTTPS_LINK, LINK, MESSAGE_ID, REDACTED } from '../links/header-names.ts'
import { fingerprint, messageId } from '../links/message-id.ts'
import type { Publisher } from '../links/publisher.ts'
import type { Store, StoredMessage, StreamPlan } from '../links/store.ts'

/** What became of an event at the way in. `conflict`: its id is taken by another body. */
export type Entered = 'stored' | 'duplicate' | 'conflict'

export interface WayInOptions {
  readonly store: Store
  readonly publisher: Publisher
  readonly dedupeWindowMs: number
  /** For a server without JetStream; undefined where it must have it, as at home. */
  readonly withoutJetStream?: CoreMessages
}

/** Enough for minutes at full speed; the server's window is the judge, this only saves round trips. */
const REMEMBERED = 20_000
/** In place of a fingerprint, where any body under the id passes for the same event. */
const ANY_BODY = ''

/** The stream of the way in. */
export function inboundPlan(dedupeWindowMs: number): StreamPlan {
  return {
    name: INBOUND_STREAM,
    subjects: [INBOUND_PATTERN],
    // An id is remembered for the window whether its message still lies there or not, and a kill of
    // the server reads the window back from what lies there (nats-notes 4.1).
    maxAgeMs: dedupeWindowMs,
    duplicateWindowMs: dedupeWindowMs,
    replicas: 1,
    republish: { src: INBOUND_PATTERN, dest: KEPTN_PATTERN },
  }
}

/**
 * The only way into a Keptn NATS (DESIGN 4): a stream that republishes what it stores to Keptn's subjects,
 * and stores each id once.
 */
export class WayIn {
  readonly #options: WayInOptions
  /**
   * Event id to the fingerprint of its body: of what has come twice, and so may come a hundred times, as
   * it does by polling. Nearly all events come once; the server remembers those, and to remember them
   * here as well costs memory and a hash each. Without JetStream nobody else does.
   */
  readonly #recent = new LRUCache<string, string>({ max: REMEMBERED })

  #isDurable = true

  constructor(options: WayInOptions) {
    this.#options = options
  }

  /** Whether a stream keeps what comes in; else memory does, and a restart forgets it. */
  get isDurable(): boolean {
    return this.#isDurable
  }

  /** Makes the stream, or finds out that there can be none. */
  async open(): Promise<void> {
    const { store, dedupeWindowMs, withoutJetStream } = this.#options
    if (withoutJetStream !== undefined && (await store.hasNoJetStream())) {
      this.#isDurable = false
      return
    }
    await store.ensureStream(inboundPlan(dedupeWindowMs))
  }

  /** Brings an event in. Tries for as long as it takes; rejections as `Publisher.store`. */
  async enter(tail: string, eventId: string, body: Uint8Array, headers: Headers): Promise<Entered> {
    const known = this.#recent.get(eventId)
    const print = known === undefined ? undefined : fingerprint(body)
    if (known !== undefined && known === print) return 'duplicate'
    const { publisher, withoutJetStream } = this.#options
    if (!this.#isDurable) {
      const wasPolled = headers[LINK] === HTTPS_LINK
      // With no first body to compare with, an event that Keptn wrote anew for a poller passes for the same.
      if (known !== undefined) return wasPolled || known === ANY_BODY ? 'duplicate' : 'conflict'
      await withoutJetStream?.hand(keptnSubject(tail), body, headers)
      this.#recent.set(eventId, wasPolled ? ANY_BODY : fingerprint(body))
      return 'stored'
    }
    const stored = await publisher.store({
      subject: inboundSubject(tail),
      body,
      stream: INBOUND_STREAM,
      headers: { ...headers, [MESSAGE_ID]: messageId(eventId) },
    })
    if (!stored.duplicate) return 'stored'
    const first = await this.#options.store.message(INBOUND_STREAM, stored.sequence)
    if (first !== undefined && !isSame(first, body, headers)) return 'conflict'
    // What has aged out cannot be compared; that it came again is all that is known then.
    this.#recent.set(eventId, print ?? fingerprint(body))
    return stored.tries > 1 ? 'stored' : 'duplicate'
  }
}

/**
 * Two bodies of one id are the same byte for byte. Only where one of them was polled, Keptn's API wrote it
 * anew, and what it means is compared.
 */
function isSame(first: StoredMessage, body: Uint8Array, headers: Headers): boolean {
  if (fingerprint(first.body) === fingerprint(body)) return true
  // The rules of a geo have changed since: it is the event, with more or less of it left out.
  if (headers[REDACTED] !== first.header(REDACTED)) return true
  if (headers[LINK] !== HTTPS_LINK && first.header(LINK) !== HTTPS_LINK) return false
  return isSameEvent(Buffer.from(first.body).toString('utf8'), Buffer.from(body).toString('utf8'))
}
