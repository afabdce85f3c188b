import { setMaxListeners } from 'node:events'
import { LRUCache } from 'lru-cache'
import type { KeptnEvent } from '../domain/event.ts'
import { isAnswer } from '../domain/https-answer.ts'
import type { Place } from '../domain/subject.ts'
import { SignetError } from '../errors.ts'
import { ACK_WAIT_MS } from '../flow/consumer-settings.ts'
import type { DeadLetters } from '../flow/dead-letters.ts'
import { orderKey, parseDelivery } from '../flow/parse-delivery.ts'
import type { Delivery, DeliverySource } from '../links/delivery.ts'
import { PATH } from '../links/header-names.ts'
import type { Store } from '../links/store.ts'
import type { Term } from '../links/term.ts'
import type { Log } from '../observe/log.ts'
import type { Metrics } from '../observe/metrics.ts'
import { sleep } from '../runtime/clock.ts'
import { following } from '../runtime/abort.ts'
import { Pump } from '../runtime/pump.ts'
import type { Begun } from './begun.ts'
import { begunKey } from './begun.ts'
import { openLocal } from './collect.ts'
import type { FanOutsHere } from './fan-outs-here.ts'
import type { Link, LinkChoice } from './link-choice.ts'

/** A way that an event goes up by. */
export interface UpWay {
  /**
   * Resolves when the other side has the event, or when it is set aside because it will never take it.
   * `isToHub`: it is the answer to a fan-out. `hadBegun`: it was on its way before, and how that ended is not
   * known. Rejects with the reason of `signal`, and then it may have arrived.
   */
  send(
    delivery: Delivery,
    event: KeptnEvent,
    how: { readonly isToHub: boolean; readonly hadBegun: boolean },
    signal: AbortSignal,
  ): Promise<void>
}

export interface UpPumpOptions {
  /** Where this stamp stands now. */
  readonly place: () => Place
  readonly keptnStore: Store
  readonly term: Term
  readonly listen: () => DeliverySource
  readonly isDurable: () => boolean
  readonly choice: LinkChoice
  readonly ways: Readonly<Partial<Record<Link, UpWay>>>
  /** Called before an event is sent, so that it is known again when it comes back. */
  readonly onSend: (event: KeptnEvent, link: Link) => void
  readonly begun: Begun
  readonly fanOuts: FanOutsHere
  readonly deadLetters: () => DeadLetters
  readonly inFlight: number
  readonly log: Log
  readonly metrics: Metrics
}

/** Within this, in milliseconds, a hub that is there has brought to Keptn what was stored for it. */
const HUB_READS_MS = 3_000
const REMEMBERED = 10_000

/** The pump, and what lets go of the events that wait for a link. */
export interface UpPump {
  readonly pump: Pump
  stop(): void
}

/**
 * Up, where the link may be HTTPS: what this stamp's integrations publish, in order within a context. The link is
 * chosen when an event's work begins, and that is written down first. By which link it has begun binds an event
 * until that is decided, whoever goes on with it: a post gets a new id (wire 5.2), so that nobody could tell the
 * copy that comes by the other link. Only answers to fan-outs are free, for the hub knows them by their own id.
 */
export function upPump(options: UpPumpOptions): UpPump {
  const { log } = options
  const stopping = new AbortController()
  // As many events as are under way listen to it.
  setMaxListeners(0, stopping.signal)
  const sender = new Sender(options, stopping.signal)
  const pump = new Pump({
    name: 'send',
    open: openLocal(options),
    direction: 'up',
    inFlight: options.inFlight,
    ackWaitMs: ACK_WAIT_MS,
    right: options.term,
    onTrouble: (error) => {
      log.debug({ error }, 'Sending waits.')
    },
    prepare: (delivery) => {
      // It came in through SIGNET_IN: the control plane has it.
      if (delivery.header(PATH) !== undefined) return undefined
      const parsed = parseDelivery(delivery, delivery.subject)
      const key = orderKey(parsed, delivery)
      if (parsed.ok) return { key, work: () => sender.send(delivery, parsed.event) }
      const { reason, detail } = parsed
      return { key, work: () => options.deadLetters().store('up', delivery, reason, detail) }
    },
  })
  return {
    pump,
    stop: () => {
      stopping.abort(new SignetError('SIGNET_STOPPED', 'Sending stops.'))
    },
  }
}

class Sender {
  readonly #options: UpPumpOptions
  readonly #stopping: AbortSignal
  /** What this agent has begun. A try that failed here is made again under the same delivery. */
  readonly #underWay = new Map<string, Link>()
  /** By context, when its last event was stored over NATS. */
  readonly #storedAt = new LRUCache<string, number>({ max: REMEMBERED })

  constructor(options: UpPumpOptions, stopping: AbortSignal) {
    this.#options = options
    this.#stopping = stopping
  }

  async send(delivery: Delivery, event: KeptnEvent): Promise<void> {
    const { begun, fanOuts } = this.#options
    const isToHub = isAnswer(event) && (await fanOuts.has(event.triggeredid))
    const key = begunKey(delivery, event)
    const known = this.#underWay.get(key)
    const before = known ?? (delivery.attempt > 1 ? await begun.by(key) : undefined)
    if (before === 'done') return
    if (isToHub) await this.#answer(delivery, event, key, before)
    else await this.#bound(delivery, event, key, before)
    if (this.#underWay.has(key) || before !== undefined) await begun.note(key, 'done')
    this.#underWay.delete(key)
  }

  async #bound(
    delivery: Delivery,
    event: KeptnEvent,
    key: string,
    before: Link | undefined,
  ): Promise<void> {
    const link = before ?? (await this.#chosen(event.context))
    if (before === undefined) await this.#begin(key, link)
    this.#options.onSend(event, link)
    const how = { isToHub: false, hadBegun: before !== undefined }
    using end = following({ signals: [this.#stopping] })
    await this.#by(link).send(delivery, event, how, end.signal)
    if (link === 'nats') this.#storedAt.set(event.context, performance.now())
  }

  /**
   * What is posted is in Keptn at once, and would overtake what the hub has still to read: after an event that
   * NATS took in only just now, though it was gone before, its context waits.
   */
  async #chosen(context: string): Promise<Link> {
    const { choice } = this.#options
    const link = await choice.chosen(this.#stopping)
    const waitMs = (this.#storedAt.get(context) ?? -Infinity) + HUB_READS_MS - performance.now()
    if (link === 'nats' || waitMs <= 0) return link
    await sleep(waitMs, this.#stopping)
    return choice.chosen(this.#stopping)
  }

  /** By whichever link there is, and by the other one when that changes meanwhile. */
  async #answer(
    delivery: Delivery,
    event: KeptnEvent,
    key: string,
    before: Link | undefined,
  ): Promise<void> {
    const { choice } = this.#options
    let begun = before
    for (;;) {
      const link = await choice.chosen(this.#stopping)
      if (link === 'https' && begun === undefined) await this.#begin(key, link)
      const how = { isToHub: true, hadBegun: link === 'https' && begun === 'https' }
      if (link === 'https') begun = link
      const changed = new AbortController()
      const forget = choice.onChange(() => {
        if (choice.link !== undefined && choice.link !== link) changed.abort(CHANGED)
      })
      using end = following({ signals: [changed.signal, this.#stopping] })
      try {
        await this.#by(link).send(delivery, event, how, end.signal)
        return
      } catch (error) {
        if (!changed.signal.aborted || this.#stopping.aborted) throw error
      } finally {
        forget()
      }
    }
  }

  async #begin(key: string, link: Link): Promise<void> {
    await this.#options.begun.note(key, link)
    this.#underWay.set(key, link)
  }

  #by(link: Link): UpWay {
    const way = this.#options.ways[link]
    if (way === undefined) throw noWay(link)
    return way
  }
}

const CHANGED = new SignetError('SIGNET_LINK_LOST', 'The link changed.')

/** A stamp that once was on another link left events behind that had begun there. */
function noWay(link: Link): SignetError {
  return new SignetError(
    'SIGNET_LINK_LOST',
    `An event has begun to go up over ${link}, which this agent does not have (\`link\` in the ring file).`,
  )
}
