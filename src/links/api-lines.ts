import type { Msg, Subscription } from '@nats-io/transport-node'
import { createInbox } from '@nats-io/transport-node'
import { SignetError } from '../errors.ts'
import type { NatsSide } from './nats-side.ts'

/** A message of the API tunnel, or that nobody listens where one was sent. */
export interface Heard {
  readonly subject: string
  readonly bytes: Uint8Array
  /** Where an answer goes; empty where none is wanted. */
  readonly reply: string
}

const NO_RESPONDERS = 503

/** Room for the subject, the reply subject and the protocol's own words is not in `max_payload`; this is for ours. */
const MARGIN_BYTES = 1_024

/**
 * What one end of the API tunnel says and hears on the gateway NATS. Core NATS: at most once, which the
 * frames' numbers find out about. Everything is subscribed to once and for ever, since a new subscription
 * is not known behind a gateway for some milliseconds (nats-notes 3).
 */
export class ApiLines {
  readonly #side: NatsSide
  readonly #subscriptions: Subscription[] = []
  readonly #asked = new Map<string, (heard: Heard | 'nobody') => void>()
  #inbox = ''
  #next = 0

  constructor(side: NatsSide) {
    this.#side = side
  }

  /** The largest body of a message, in bytes: all that the server takes but a margin. */
  get mostBytes(): number {
    return this.#side.maxPayloadBytes - MARGIN_BYTES
  }

  get isConnected(): boolean {
    return this.#side.isConnected
  }

  /** Calls `listener` whenever the connection breaks: what was under way may be lost. */
  onDisconnect(listener: () => void): void {
    this.#side.onDisconnect(listener)
  }

  /**
   * Begins to listen for answers. The side must be connected. `stray` hears what comes to somebody who does
   * not listen any more.
   */
  openInbox(stray: (heard: Heard) => void): void {
    // The client's own prefix: a restricted user may listen nowhere else (nats-notes 7.2).
    this.#inbox = createInbox(this.#side.inboxPrefix)
    this.#listen(`${this.#inbox}.*`, undefined, (message) => {
      const hear = this.#asked.get(message.subject.slice(this.#inbox.length + 1))
      const isNobody = message.data.length === 0 && message.headers?.code === NO_RESPONDERS
      if (hear !== undefined) hear(isNobody ? 'nobody' : heard(message))
      else if (!isNobody) stray(heard(message))
    })
  }

  /** Hears what comes on a pattern; with `group` each message comes to one of its members. */
  listen(pattern: string, group: string | undefined, hear: (heard: Heard) => void): () => void {
    return this.#listen(pattern, group, (message) => {
      hear(heard(message))
    })
  }

  /**
   * Asks, and hears every answer until the returned function is called. `hear` gets `nobody` where nobody
   * listens. Throws `SIGNET_LINK_LOST` while disconnected, `SIGNET_TOO_LARGE`.
   */
  ask(subject: string, bytes: Uint8Array, hear: (heard: Heard | 'nobody') => void): () => void {
    this.#next += 1
    const token = this.#next.toString(36)
    this.#asked.set(token, hear)
    try {
      this.#publish(subject, bytes, `${this.#inbox}.${token}`)
    } catch (error) {
      this.#asked.delete(token)
      throw error
    }
    return () => {
      this.#asked.delete(token)
    }
  }

  /** Says something. Throws as `ask`. */
  say(subject: string, bytes: Uint8Array): void {
    this.#publish(subject, bytes)
  }

  close(): void {
    for (const subscription of this.#subscriptions.splice(0)) subscription.unsubscribe()
    this.#asked.clear()
  }

  #publish(subject: string, bytes: Uint8Array, reply?: string): void {
    // What a disconnected client publishes is gone without an error (nats-notes 8).
    if (!this.#side.isConnected) throw new SignetError('SIGNET_LINK_LOST', 'Not connected.')
    const limit = this.#side.maxPayloadBytes
    if (bytes.length > limit) {
      throw new SignetError('SIGNET_TOO_LARGE', `Above the max_payload of ${limit}.`, {
        details: { bytes: bytes.length, limit },
      })
    }
    this.#side.connection.publish(subject, bytes, reply === undefined ? {} : { reply })
  }

  #listen(pattern: string, queue: string | undefined, hear: (message: Msg) => void): () => void {
    const subscription = this.#side.connection.subscribe(pattern, {
      ...(queue === undefined ? {} : { queue }),
      callback: (error, message) => {
        if (error === null) hear(message)
      },
    })
    this.#subscriptions.push(subscription)
    return () => {
      subscription.unsubscribe()
    }
  }
}

function heard({ subject, data, reply = '' }: Msg): Heard {
  return { subject, bytes: data, reply }
}
