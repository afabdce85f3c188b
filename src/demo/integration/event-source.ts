import type { NatsConnection, Subscription as NatsSubscription } from '@nats-io/transport-node'
import { decodeEvent } from '../keptn/go-decode.ts'
import type { KeptnEvent } from '../keptn/keptn-event.ts'
import type { Subscription } from '../keptn/registration.ts'
import { markSubscription, passes } from './event-filter.ts'

/** Where events go, and what to do when one of them kills the process. */
export interface EventSink {
  readonly deliver: (event: KeptnEvent, subscriptionId: string) => void
  readonly crash: (reason: string) => void
}

/**
 * cp-connector's NATS event source (wire 2.3, 2.4): one queue subscription for each subject, with
 * the integration's name as the group, and one delivery for each subscription that matches. Nothing
 * is kept from coming twice.
 */
export class EventSource {
  readonly #nc: NatsConnection
  readonly #group: string
  readonly #sink: EventSink
  #subscriptions: readonly Subscription[] = []
  #subjects: readonly string[] = []
  #open: readonly NatsSubscription[] = []

  constructor(nc: NatsConnection, group: string, sink: EventSink) {
    this.#nc = nc
    this.#group = group
    this.#sink = sink
  }

  /** What it is subscribed to now. */
  get subjects(): readonly string[] {
    return this.#subjects
  }

  /**
   * Takes a new list of subscriptions. Where their subjects changed, everything is unsubscribed and
   * subscribed anew, and what comes in between is lost, as in cp-connector.
   */
  async update(subscriptions: readonly Subscription[]): Promise<void> {
    this.#subscriptions = subscriptions
    const subjects = [...new Set(subscriptions.map(({ event }) => event))].sort()
    const isSame =
      subjects.length === this.#subjects.length &&
      subjects.every((subject, index) => subject === this.#subjects[index])
    if (isSame) return
    this.unsubscribe()
    this.#subjects = subjects
    this.#open = subjects.map((subject) =>
      this.#nc.subscribe(subject, {
        queue: this.#group,
        callback: (error, message) => {
          if (error === null) this.#take(subject, message.string())
        },
      }),
    )
    await this.#nc.flush()
  }

  unsubscribe(): void {
    for (const subscription of this.#open) subscription.unsubscribe()
    this.#open = []
    this.#subjects = []
  }

  // Subjects are compared as text. Where they overlap, all are one queue group to the server: an
  // event comes by one of them, at random, and only that one's subscriptions see it (measured).
  #take(subject: string, payload: string): void {
    const decoded = decodeEvent(payload)
    if (!decoded.ok) return
    const event = decoded.value
    if (event.type === undefined) {
      this.#sink.crash('nil pointer dereference: the event has no type')
      return
    }
    for (const { id, event: wanted, filter } of this.#subscriptions) {
      if (wanted !== subject || !passes(filter, event.data)) continue
      const marked = markSubscription(event.data, id)
      if (!marked.ok) {
        this.#sink.crash(marked.reason)
        return
      }
      this.#sink.deliver({ ...event, data: marked.data }, id)
    }
  }
}
