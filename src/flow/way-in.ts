import { LRUCache } from 'lru-cache'
import { INBOUND_PATTERN, INBOUND_STREAM, KEPTN_PATTERN } from '../domain/store-names.ts'
import { inboundSubject, keptnSubject } from '../domain/subject.ts'
import type { CoreMessages } from '../links/core-messages.ts'
import type { Headers } from '../links/delivery.ts'
import { MESSAGE_ID } from '../links/header-names.ts'
import { fingerprint, messageId } from '../links/message-id.ts'
import type { Publisher } from '../links/publisher.ts'
import type { Store } from '../links/store.ts'

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
    await store.ensureStream({
      name: INBOUND_STREAM,
      subjects: [INBOUND_PATTERN],
      // An id is remembered for the window whether its message still lies there or not, and a kill of
      // the server reads the window back from what lies there (nats-notes 4.1).
      maxAgeMs: dedupeWindowMs,
      duplicateWindowMs: dedupeWindowMs,
      replicas: 1,
      republish: { src: INBOUND_PATTERN, dest: KEPTN_PATTERN },
    })
  }

  /** Brings an event in. Tries for as long as it takes; rejections as `Publisher.store`. */
  async enter(tail: string, eventId: string, body: Uint8Array, headers: Headers): Promise<Entered> {
    const known = this.#recent.get(eventId)
    if (known !== undefined) return known === fingerprint(body) ? 'duplicate' : 'conflict'
    const { publisher, withoutJetStream } = this.#options
    if (!this.#isDurable) {
      await withoutJetStream?.hand(keptnSubject(tail), body, headers)
      this.#recent.set(eventId, fingerprint(body))
      return 'stored'
    }
    const stored = await publisher.store({
      subject: inboundSubject(tail),
      body,
      stream: INBOUND_STREAM,
      headers: { ...headers, [MESSAGE_ID]: messageId(eventId) },
    })
    if (!stored.duplicate) return 'stored'
    const print = fingerprint(body)
    const first = await this.#options.store.message(INBOUND_STREAM, stored.sequence)
    // What has aged out cannot be compared; that it came again is all that is known then.
    const firstPrint = first === undefined ? print : fingerprint(first.body)
    this.#recent.set(eventId, firstPrint)
    if (firstPrint !== print) return 'conflict'
    return stored.tries > 1 ? 'stored' : 'duplicate'
  }
}
