import type { BehalfIntegration } from '../domain/behalf.ts'
import type { Integration } from '../domain/interest.ts'
import { KEPTN_PATTERN, LOCAL_STREAM, recipientDurable } from '../domain/store-names.ts'
import type { SignetError } from '../errors.ts'
import { ACK_WAIT_MS, durableReader, MAX_ACK_PENDING } from '../flow/consumer-settings.ts'
import { observePumps } from '../flow/observe-pumps.ts'
import type { WayIn } from '../flow/way-in.ts'
import type { DeliverySource } from '../links/delivery.ts'
import type { Part } from '../runtime/lifecycle.ts'
import { pumpTrouble } from '../runtime/pump.ts'
import { untilDone } from '../runtime/retry.ts'
import { BehalfRegistration } from './behalf-registration.ts'
import type { CollectOptions } from './collect.ts'
import { openCollection, planeName } from './collect.ts'
import { Recipient } from './recipient.ts'
import type { Registrations } from './registrations.ts'

export interface BehalfOptions extends Omit<CollectOptions, 'isDurable'> {
  readonly integrations: readonly BehalfIntegration[]
  readonly registrations: Registrations
  readonly wayIn: WayIn
}

interface Served {
  readonly integration: BehalfIntegration
  readonly registration: BehalfRegistration
  readonly recipient: Recipient
}

/**
 * Speaks Keptn for integrations that have only topics and a recipient (DESIGN 7.8): registers them, renews
 * that as long as this agent leads, and posts them their events. Starts before events are brought into the
 * stamp, so that none passes an integration by which it is for.
 */
export class Behalf implements Part {
  readonly name = 'integrations with a recipient'
  readonly #options: BehalfOptions
  readonly #served: readonly Served[]
  #reason: string | undefined = 'the Keptn NATS has not answered yet'

  constructor(options: BehalfOptions) {
    this.#options = options
    const place = (): string => {
      const { geo, ring, stamp } = options.place()
      return `${geo}/${ring}/${stamp}`
    }
    this.#served = options.integrations.map((integration) => {
      const registration = new BehalfRegistration({ ...options, integration, place })
      const recipient = new Recipient({
        ...options,
        integration,
        wishes: () => registration.wishes,
        open: this.#source(integration),
        deadLetters: (project) => options.deadLetters(planeName(options.topology.current, project)),
      })
      return { integration, registration, recipient }
    })
  }

  get notReady(): string | undefined {
    return this.#reason ?? pumpTrouble(this.#served.map(({ recipient }) => recipient.pump))
  }

  /** Which recipients do not answer, and which integrations are not registered. */
  get warning(): string | undefined {
    const told = this.#served.flatMap(({ integration, registration, recipient }) => {
      const { name } = integration
      const { trouble } = registration
      const { down, host } = recipient
      return [
        ...(trouble === undefined ? [] : [`${name} is not registered: ${trouble}`]),
        ...(down === undefined ? [] : [`the recipient ${host} of ${name} is down: ${down.why}`]),
      ]
    })
    return told.length === 0 ? undefined : told.join('; ')
  }

  /** What the stamp wants for those that are not registered; presence tells the hub. */
  get unregistered(): readonly Integration[] {
    return this.#options.integrations
      .filter(({ isRegistered }) => !isRegistered)
      .map(({ name, subscriptions }) => ({ name, subscriptions }))
  }

  async start(signal: AbortSignal): Promise<void> {
    const { wayIn, log } = this.#options
    if (this.#served.length === 0) {
      this.#reason = undefined
      return
    }
    const note = (error: SignetError): void => {
      if (this.#reason !== error.message) log.warn({ error }, 'Recipients wait.')
      this.#reason = error.message
    }
    await untilDone(() => wayIn.open(), signal, note)
    const isDurable = (): boolean => wayIn.isDurable
    await untilDone(() => openCollection({ ...this.#options, isDurable }), signal, note)
    for (const { integration, registration, recipient } of this.#served) {
      if (wayIn.isDurable) await untilDone(() => this.#makeConsumer(integration), signal, note)
      await registration.start()
      recipient.pump.start()
    }
    this.#reason = undefined
  }

  observe(): void {
    const { metrics } = this.#options
    observePumps(
      this.#served.map(({ recipient }) => recipient.pump),
      metrics,
    )
    metrics.recipientsDown.set(this.#served.filter((it) => it.recipient.down !== undefined).length)
  }

  /** For `/status`. */
  describe(): readonly object[] {
    return this.#served.map(({ integration, registration, recipient }) => ({
      name: integration.name,
      ...(integration.isRegistered ? { namespace: integration.namespace } : { registered: false }),
      recipient: recipient.host,
      subscriptions: registration.wishes.map(({ event }) => event),
      pending: recipient.pump.pending,
      held: recipient.pump.held,
      ...(recipient.down === undefined
        ? {}
        : { down: recipient.down.why, downSince: new Date(recipient.down.since).toISOString() }),
    }))
  }

  async stop(): Promise<void> {
    this.#reason = 'stopping'
    await Promise.all(
      this.#served.map(async ({ registration, recipient }) => {
        try {
          await recipient.stop()
        } finally {
          await registration.stop()
        }
      }),
    )
  }

  /** A new integration begins with what is said from now on. */
  #makeConsumer(integration: BehalfIntegration): Promise<void> {
    return this.#options.keptnStore.ensureConsumer({
      stream: LOCAL_STREAM,
      durable: this.#durableOf(integration),
      filter: KEPTN_PATTERN,
      start: { from: 'new' },
      ackWaitMs: ACK_WAIT_MS,
      maxAckPending: MAX_ACK_PENDING,
    })
  }

  #source(integration: BehalfIntegration): (signal: AbortSignal) => Promise<DeliverySource> {
    const { wayIn, keptnStore, term, listen } = this.#options
    const read = durableReader(keptnStore, LOCAL_STREAM, this.#durableOf(integration), term)
    return (signal) => (wayIn.isDurable ? read(signal) : Promise.resolve(listen()))
  }

  #durableOf({ name, namespace }: BehalfIntegration): string {
    return recipientDurable(this.#options.place().stamp, name, namespace)
  }
}
