import type { Place } from '../domain/subject.ts'
import type { SignetError } from '../errors.ts'
import type { Border } from '../flow/border.ts'
import type { DeadLetters } from '../flow/dead-letters.ts'
import { observePumps } from '../flow/observe-pumps.ts'
import type { WayIn } from '../flow/way-in.ts'
import type { DeliverySource } from '../links/delivery.ts'
import type { Publisher } from '../links/publisher.ts'
import type { Store } from '../links/store.ts'
import type { Term } from '../links/term.ts'
import type { Log } from '../observe/log.ts'
import type { Metrics } from '../observe/metrics.ts'
import type { Tracing } from '../observe/tracing.ts'
import type { Part } from '../runtime/lifecycle.ts'
import type { Pump } from '../runtime/pump.ts'
import { drainPumps, pumpTrouble } from '../runtime/pump.ts'
import { untilDone } from '../runtime/retry.ts'
import type { TopologySource } from '../runtime/topology-source.ts'
import type { CollectOptions } from './collect.ts'
import { collectPump, openCollection } from './collect.ts'
import { deliverPump } from './deliver.ts'
import type { Gate } from './gate.ts'

export interface StampRoleOptions {
  readonly topology: TopologySource
  /** Where this stamp stands now. */
  readonly place: () => Place
  readonly keptnStore: Store
  /** Listens to the integrations where no stream keeps what they publish. */
  readonly listen: () => DeliverySource
  /** The hub store of a control plane, by its JetStream domain. */
  readonly hubStore: (domain: string) => Store
  readonly publisher: Publisher
  /** The term in which it is one. */
  readonly term: Term
  readonly wayIn: WayIn
  readonly gate: Gate
  readonly registrations: { readonly count: { readonly known: number; readonly alive: number } }
  readonly deadLetters: (controlPlane: string) => DeadLetters
  readonly border: Border
  readonly dedupeWindowMs: number
  readonly retentionMs: number
  readonly inFlight: number
  readonly log: Log
  readonly metrics: Metrics
  readonly tracing?: Tracing | undefined
}

export const WITHOUT_JETSTREAM =
  'the Keptn NATS has no JetStream: events are kept in memory only, and lost when the agent or the server ends; with no lease to hold, only one agent may run here'

/** What makes a cluster a stamp: events come down into its Keptn NATS, and answers go up. */
export class StampRole implements Part {
  readonly name = 'stamp'
  readonly #options: StampRoleOptions
  #pumps: readonly Pump[] = []
  #reason: string | undefined = 'the Keptn NATS has not answered yet'

  constructor(options: StampRoleOptions) {
    this.#options = options
  }

  /**
   * Why it does not work, or undefined. An integration that is away is no reason: the agent must be reached
   * for it to come back.
   */
  get notReady(): string | undefined {
    const reason = this.#reason ?? pumpTrouble(this.#pumps)
    if (reason === undefined) return undefined
    const { known, alive } = this.#options.registrations.count
    return `${reason} (${alive} of ${known} integrations alive)`
  }

  async start(signal: AbortSignal): Promise<void> {
    const { topology, place, wayIn, log, metrics } = this.#options
    const collection: CollectOptions = { ...this.#options, isDurable: () => wayIn.isDurable }
    const note = (error: SignetError): void => {
      if (this.#reason !== error.message) log.warn({ error }, 'The stamp waits.')
      this.#reason = error.message
    }
    await untilDone(() => wayIn.open(), signal, note)
    await untilDone(() => openCollection(collection), signal, note)
    // No reload changes these, nor the stamp's name and geo.
    const { federation, controlPlanes } = topology.current
    const deliveries = controlPlanes.map(({ name, storeDomain }) =>
      deliverPump({
        ...this.#options,
        place: place(),
        scope: { federation, controlPlane: name },
        hubStore: this.#options.hubStore(storeDomain),
        deadLetters: this.#options.deadLetters(name),
      }),
    )
    this.#pumps = [...deliveries, collectPump(collection)]
    for (const pump of this.#pumps) pump.start()
    metrics.durable.set(wayIn.isDurable ? 1 : 0)
    if (!wayIn.isDurable) log.warn({}, WITHOUT_JETSTREAM)
    this.#reason = undefined
  }

  /** Sets the gauges that say how things stand now. */
  observe(): void {
    const { gate, metrics } = this.#options
    metrics.heldTriggered.set(gate.held)
    observePumps(this.#pumps, metrics)
  }

  /** What is weaker here than it should be, though it works. */
  get warning(): string | undefined {
    const isWeak = this.#reason === undefined && !this.#options.wayIn.isDurable
    return isWeak ? WITHOUT_JETSTREAM : undefined
  }

  async stop(): Promise<void> {
    this.#reason = 'stopping'
    const drained = drainPumps(this.#pumps)
    // After the pumps were told, so that what was held is handed back and not tried again.
    this.#options.gate.stop()
    await drained
  }
}
