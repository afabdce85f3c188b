import type { NatsConnection } from '@nats-io/transport-node'
import { randomUUID } from 'node:crypto'
import { setTimeout as sleep } from 'node:timers/promises'
import { encodeGoModel } from '../keptn/go-encode.ts'
import type { KeptnEvent } from '../keptn/keptn-event.ts'
import { parseEventType } from '../keptn/keptn-event.ts'
import { connectLikeKeptn, leave } from '../keptn/nats-connection.ts'
import { finishedEvent, startedEvent, statusChangedEvent } from './answer-events.ts'
import type { Answer } from './answer-events.ts'
import { EventSource } from './event-source.ts'
import type { IntegrationOptions } from './integration-options.ts'
import { registrationOf } from './integration-options.ts'
import { PingLoop } from './ping-loop.ts'
import { register } from './uniform-client.ts'

/** Why an integration ended. Kubernetes would start its pod again. */
export interface IntegrationEnd {
  readonly kind: 'stopped' | 'killed' | 'crashed' | 'pings failed'
  readonly reason: string
}

/** An event that was handed to the integration, once for each subscription that matched. */
export interface Received {
  readonly event: KeptnEvent
  readonly subscriptionId: string
  readonly atMs: number
}

/**
 * Starts an integration that behaves as one built on go-sdk and cp-connector in NATS mode (wire 2).
 * Resolves when it is subscribed.
 *
 * @throws where the registration or the first connection fails, because nothing is tried twice
 */
export async function startIntegration(options: IntegrationOptions): Promise<Integration> {
  const registration = registrationOf(options)
  const { registrationUrl, hostHeader, token } = options
  const access = registrationUrl === undefined ? undefined : { registrationUrl, hostHeader, token }
  const id = access === undefined ? '' : await register(access, registration)
  const nc = await connectLikeKeptn(options, options.name)
  const integration = new Integration(options, id, nc)
  try {
    if (access === undefined) await integration.source.update(registration.subscriptions ?? [])
    else await integration.keepRegistered(access)
  } catch (error) {
    await integration.kill()
    throw error
  }
  return integration
}

/** A running integration double. */
export class Integration {
  /** The id of its registration; empty where it has none. */
  readonly id: string
  /** Settles when it has ended, for whatever reason. */
  readonly ended: Promise<IntegrationEnd>
  readonly source: EventSource
  readonly #options: IntegrationOptions
  readonly #nc: NatsConnection
  readonly #received: Received[] = []
  readonly #sent: KeptnEvent[] = []
  readonly #work = new Set<Promise<void>>()
  readonly #gone = new AbortController()
  #pings: PingLoop | undefined
  #end: (end: IntegrationEnd) => void = () => {}
  #isEnded = false

  constructor(options: IntegrationOptions, id: string, nc: NatsConnection) {
    this.id = id
    this.#options = options
    this.#nc = nc
    this.ended = new Promise((resolve) => {
      this.#end = resolve
    })
    this.source = new EventSource(nc, options.name, {
      deliver: (event, subscriptionId) => this.#deliver(event, subscriptionId),
      crash: (reason) => void this.#finish({ kind: 'crashed', reason }),
    })
  }

  /** Every delivery so far, in order: an event may be there more than once. */
  received(): readonly Received[] {
    return this.#received
  }

  /** How often each event was delivered, by its id. */
  deliveries(): ReadonlyMap<string, number> {
    const counts = new Map<string, number>()
    for (const { event } of this.#received) counts.set(event.id, (counts.get(event.id) ?? 0) + 1)
    return counts
  }

  /** Every event that it has published, in order. */
  sent(): readonly KeptnEvent[] {
    return this.#sent
  }

  /** Pings at once and from then on; ten failures in a row end the integration (wire 2.3). */
  async keepRegistered(access: ConstructorParameters<typeof PingLoop>[0]): Promise<void> {
    const { pingMs = 5000, pingRetryMs = 3000 } = this.#options
    const pings = new PingLoop(access, this.id, { pingMs, pingRetryMs })
    this.#pings = pings
    await pings.once((subscriptions) => this.source.update(subscriptions))
    void pings.run(
      (subscriptions) => this.source.update(subscriptions),
      (reason) => this.#finish({ kind: 'pings failed', reason }),
    )
  }

  /** Unsubscribes, waits for what is being handled, and leaves; the registration stays. */
  async stop(): Promise<void> {
    await this.#finish({ kind: 'stopped', reason: 'SIGTERM' })
  }

  /** Leaves at once, in the middle of whatever it does. */
  async kill(): Promise<void> {
    this.#gone.abort()
    await this.#finish({ kind: 'killed', reason: 'SIGKILL' })
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.kill()
  }

  async #finish(end: IntegrationEnd): Promise<void> {
    if (this.#isEnded) return
    this.#isEnded = true
    this.#pings?.stop()
    this.source.unsubscribe()
    if (end.kind === 'killed' || end.kind === 'crashed') {
      this.#gone.abort()
      await this.#nc.close()
    } else {
      await Promise.all(this.#work)
      await leave(this.#nc)
    }
    this.#end(end)
  }

  #deliver(event: KeptnEvent, subscriptionId: string): void {
    this.#received.push({ event, subscriptionId, atMs: Date.now() })
    const type = parseEventType(event.type ?? '')
    // go-sdk takes task events only, and answers those that ask for something.
    if (type?.of !== 'task' || type.kind !== 'triggered') return
    const work = this.#handle(event)
      // Killed in the middle of it.
      .catch(() => {})
      .finally(() => this.#work.delete(work))
    this.#work.add(work)
  }

  async #handle(event: KeptnEvent): Promise<void> {
    const { delayMs = 0, pairs = 1, statusChanged } = this.#options
    for (let pair = 0; pair < pairs; pair += 1) this.#send(startedEvent(event, this.#source()))
    if (statusChanged !== undefined) {
      this.#send(statusChangedEvent(event, statusChanged, this.#source()))
    }
    const ms = typeof delayMs === 'function' ? delayMs(event) : delayMs
    if (ms > 0) await sleep(ms, undefined, { signal: this.#gone.signal })
    const answer = await this.#answer(event)
    if (answer === null) return
    for (let pair = 0; pair < pairs; pair += 1) {
      this.#send(finishedEvent(event, answer, this.#source()))
    }
  }

  async #answer(event: KeptnEvent): Promise<Answer | null> {
    const { handle, startedOnly = false, result, status, message, data } = this.#options
    let said: Answer | null | undefined
    try {
      said = await handle?.(event)
    } catch (error) {
      const text = error instanceof Error ? error.message : String(error)
      said = { status: 'errored', result: 'fail', message: text }
    }
    if (said === null || startedOnly) return null
    return {
      ...(result !== undefined && { result }),
      ...(status !== undefined && { status }),
      ...(message !== undefined && { message }),
      ...(data !== undefined && { data }),
      ...said,
    }
  }

  #source() {
    return { source: this.#options.name, id: randomUUID(), time: new Date().toISOString() }
  }

  #send(event: KeptnEvent): void {
    if (this.#gone.signal.aborted) return
    this.#nc.publish(event.type ?? '', encodeGoModel(event))
    this.#sent.push(event)
  }
}
