import { setMaxListeners } from 'node:events'
import { LRUCache } from 'lru-cache'
import type { BehalfIntegration, Wish } from '../domain/behalf.ts'
import { GIVE_UP_MS, pauseAfter, wishesFor } from '../domain/behalf.ts'
import type { KeptnEvent } from '../domain/event.ts'
import { recipientEvent } from '../domain/recipient-event.ts'
import { SignetError } from '../errors.ts'
import { ACK_WAIT_MS } from '../flow/consumer-settings.ts'
import type { DeadLetters } from '../flow/dead-letters.ts'
import { orderKey, parseDelivery } from '../flow/parse-delivery.ts'
import type { Delivery, DeliverySource } from '../links/delivery.ts'
import { postEvent } from '../links/recipient.ts'
import type { Right } from '../links/term.ts'
import { mustHold } from '../links/term.ts'
import type { Log } from '../observe/log.ts'
import type { Metrics } from '../observe/metrics.ts'
import { sleep } from '../runtime/clock.ts'
import type { Park } from '../runtime/lanes.ts'
import type { Job } from '../runtime/pump.ts'
import { Pump } from '../runtime/pump.ts'

export interface RecipientOptions {
  readonly integration: BehalfIntegration
  /** What it wants now. */
  readonly wishes: () => readonly Wish[]
  readonly open: (signal: AbortSignal) => Promise<DeliverySource>
  /** The dead letters of the control plane that a project belongs to. */
  readonly deadLetters: (project: string) => DeadLetters
  readonly inFlight: number
  /** Without it nothing is posted: the next agent may have done so. */
  readonly term: Right
  readonly log: Log
  readonly metrics: Metrics
}

/** What was posted is remembered, so that what comes again is posted no second time: it saves, and decides nothing. */
const REMEMBERED = 20_000
/** A try that is under way when the agent stops may take so long; then it is broken off. */
const STOP_MS = 10_000

/**
 * Brings one integration its events, as a distributor does (wire 3.3): one POST for each subscription that
 * wants an event, in order per context. Unlike a distributor it loses nothing while the recipient is away,
 * and is held up by no other recipient.
 */
export class Recipient {
  readonly pump: Pump
  readonly #options: RecipientOptions
  readonly #posted: LRUCache<string, true>
  readonly #stopping = new AbortController()
  readonly #breakOff = new AbortController()
  #down: { readonly since: number; readonly why: string } | undefined

  constructor(options: RecipientOptions) {
    this.#options = options
    this.#posted = new LRUCache({ max: REMEMBERED })
    // As many listen as events are under way or wait: no leak, and nothing to warn of.
    setMaxListeners(0, this.#stopping.signal, this.#breakOff.signal)
    this.pump = new Pump({
      name: `recipient of ${options.integration.name}`,
      open: options.open,
      direction: 'recipient',
      inFlight: options.inFlight,
      ackWaitMs: ACK_WAIT_MS,
      right: options.term,
      onTrouble: (error) => {
        options.log.debug({ error }, 'A recipient waits.')
      },
      prepare: (delivery) => this.#prepare(delivery),
    })
  }

  /** Host and port: what may be shown of its URL. */
  get host(): string {
    return new URL(this.#options.integration.recipient.url).host
  }

  /** Why its last try failed, and since when (ms) tries fail; undefined where it answers. */
  get down(): { readonly since: number; readonly why: string } | undefined {
    return this.#down
  }

  async stop(): Promise<void> {
    const drained = this.pump.drain()
    this.#stopping.abort(
      new SignetError('SIGNET_STOPPED', 'The agent stops; its events come again.'),
    )
    const timer = setTimeout(() => {
      this.#breakOff.abort()
    }, STOP_MS)
    await drained.finally(() => {
      clearTimeout(timer)
    })
  }

  #prepare(delivery: Delivery): Job | undefined {
    const parsed = parseDelivery(delivery, delivery.subject)
    // What is malformed was set aside by whoever collects, or before it came in.
    if (!parsed.ok) return undefined
    const { event } = parsed
    const wishes = wishesFor(this.#options.wishes(), event)
    if (wishes.length === 0) return undefined
    return {
      key: orderKey(parsed, delivery),
      work: (park) => this.#deliver(delivery, event, wishes, park),
    }
  }

  async #deliver(
    delivery: Delivery,
    event: KeptnEvent,
    wishes: readonly Wish[],
    park: Park,
  ): Promise<void> {
    const { metrics } = this.#options
    for (const wish of wishes) {
      const key = `${wish.id ?? wish.event}\u0000${event.id}`
      if (this.#posted.has(key)) {
        metrics.duplicates.inc({ direction: 'recipient' })
        continue
      }
      await this.#post(delivery, event, wish, park)
      this.#posted.set(key, true)
    }
  }

  /** Resolves when it has the event, or will never have it. Rejects when the agent stops first. */
  async #post(delivery: Delivery, event: KeptnEvent, wish: Wish, park: Park): Promise<void> {
    const { integration, metrics } = this.#options
    const body = recipientEvent(Buffer.from(delivery.body).toString('utf8'), wish.id)
    const began = performance.now()
    for (let tries = 1; ; tries += 1) {
      mustHold(this.#options.term)
      const outcome = await postEvent(integration.recipient, body, this.#breakOff.signal)
      metrics.recipientPosts.inc({ result: outcome.kind })
      if (outcome.kind === 'failed') this.#fails(outcome.why)
      else this.#answers()
      if (outcome.kind === 'taken') return
      if (outcome.kind === 'refused') {
        await this.#setAside(delivery, event, 'recipient-refused', outcome.why)
        return
      }
      if (performance.now() - began >= GIVE_UP_MS) {
        await this.#setAside(delivery, event, 'recipient-down', outcome.why)
        return
      }
      // Other contexts go on meanwhile.
      await park(sleep(pauseAfter(tries, Math.random()), this.#stopping.signal))
    }
  }

  async #setAside(
    delivery: Delivery,
    event: KeptnEvent,
    reason: 'recipient-refused' | 'recipient-down',
    why: string,
  ): Promise<void> {
    const { integration, deadLetters } = this.#options
    const { name } = integration
    const detail = `integration ${name} at ${this.host}: ${why}`
    await deadLetters(event.project).store('down', delivery, reason, detail, { integration: name })
  }

  #fails(why: string): void {
    if (this.#stopping.signal.aborted) return
    if (this.#down === undefined) {
      const { name } = this.#options.integration
      this.#options.log.warn(
        { integration: name, recipient: this.host, why },
        'A recipient is down.',
      )
    }
    this.#down = { since: this.#down?.since ?? Date.now(), why }
  }

  #answers(): void {
    if (this.#down === undefined) return
    const { name } = this.#options.integration
    this.#options.log.info({ integration: name, recipient: this.host }, 'A recipient is back.')
    this.#down = undefined
  }
}
