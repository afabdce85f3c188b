import type { Place } from '../domain/subject.ts'
import type { ControlPlane } from '../domain/topology.ts'
import type { SignetError } from '../errors.ts'
import type { Border } from '../flow/border.ts'
import type { DeadLetters } from '../flow/dead-letters.ts'
import { ConsumerWatch } from '../flow/consumer-watch.ts'
import type { KeptnCanary } from '../flow/keptn-canary.ts'
import { observePumps } from '../flow/observe-pumps.ts'
import type { Proof } from '../flow/proofs.ts'
import { observeProofs, proofTrouble } from '../flow/proofs.ts'
import type { WayIn } from '../flow/way-in.ts'
import type { DeliverySource } from '../links/delivery.ts'
import type { NatsSide } from '../links/nats-side.ts'
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
import { collectPump } from './collect.ts'
import { collectionReader, openCollection } from './collection.ts'
import type { Gate } from './gate.ts'
import type { GatewayDelivery } from './gateway-delivery.ts'
import { gatewayDelivery } from './gateway-delivery.ts'
import type { LinkCanary } from './link-canary.ts'

export interface StampRoleOptions {
  readonly topology: TopologySource
  /** Where this stamp stands now. */
  readonly place: () => Place
  readonly gateway: NatsSide
  readonly keptn: NatsSide
  readonly keptnStore: Store
  /** Listens to the integrations where no stream keeps what they publish. */
  readonly listen: () => DeliverySource
  /** The hub store of a control plane, by its JetStream domain. */
  readonly hubStore: (domain: string) => Store
  readonly publisher: Publisher
  /** The term in which it is one. */
  readonly term: Term
  readonly wayIn: WayIn
  readonly keptnCanary: KeptnCanary
  /** How long (ms) nothing may come through a link. */
  readonly canaryLimitMs: number
  /** Called when no step has helped against a silent gateway link: another link may do. */
  readonly onHopeless?: () => void
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
  #watches: readonly ConsumerWatch[] = []
  #canaries: readonly LinkCanary[] = []
  #reason: string | undefined = 'the Keptn NATS has not answered yet'

  constructor(options: StampRoleOptions) {
    this.#options = options
  }

  /**
   * Why it does not work, or undefined. An integration that is away is no reason: the agent must be reached
   * for it to come back.
   */
  get notReady(): string | undefined {
    const reason = this.#reason ?? pumpTrouble(this.#pumps) ?? proofTrouble(this.proofs)
    if (reason === undefined) return undefined
    const { known, alive } = this.#options.registrations.count
    return `${reason} (${alive} of ${known} integrations alive)`
  }

  /** How long ago something came through each link. */
  get proofs(): readonly Proof[] {
    const { wayIn, keptnCanary } = this.#options
    const isStarted = this.#watches.length > 0
    const keptn = isStarted && wayIn.isDurable ? [keptnCanary] : []
    return [...this.#watches, ...this.#canaries, ...keptn]
  }

  /** Whether events go both ways through the gateway now, as far as canaries tell, and since when (ms) not. */
  get gatewayProof(): { readonly proven: boolean; readonly ageMs: number } {
    const proofs = this.proofs.filter(({ link }) => link === 'gateway')
    const ages = proofs.map(({ ageMs }) => ageMs)
    const isFine = this.#options.gateway.isConnected && proofTrouble(proofs) === undefined
    return { proven: proofs.length > 0 && isFine, ageMs: Math.max(0, ...ages) }
  }

  async start(signal: AbortSignal): Promise<void> {
    const { topology, wayIn, keptnCanary, log, metrics } = this.#options
    const note = (error: SignetError): void => {
      if (this.#reason !== error.message) log.warn({ error }, 'The stamp waits.')
      this.#reason = error.message
    }
    await untilDone(() => wayIn.open(), signal, note)
    if (wayIn.isDurable) await untilDone(() => openCollection(this.#options), signal, note)
    // No reload changes these, nor the stamp's name and geo.
    const deliveries = topology.current.controlPlanes.map((plane) => this.#deliver(plane))
    const collection = this.#collect()
    this.#pumps = [...deliveries.map(({ pump }) => pump), collection.pump]
    this.#watches = [...deliveries.map(({ watch }) => watch), ...collection.watches]
    this.#canaries = deliveries.map(({ canary }) => canary)
    for (const part of [...this.#pumps, ...this.#watches, ...this.#canaries]) part.start()
    if (wayIn.isDurable) keptnCanary.start()
    metrics.durable.set(wayIn.isDurable ? 1 : 0)
    if (!wayIn.isDurable) log.warn({}, WITHOUT_JETSTREAM)
    this.#reason = undefined
  }

  /** Sets the gauges that say how things stand now. */
  observe(): void {
    const { gate, metrics } = this.#options
    metrics.heldTriggered.set(gate.held)
    observePumps(this.#pumps, metrics)
    observeProofs(this.proofs, metrics)
  }

  /** What is weaker here than it should be, though it works. */
  get warning(): string | undefined {
    const isWeak = this.#reason === undefined && !this.#options.wayIn.isDurable
    return isWeak ? WITHOUT_JETSTREAM : undefined
  }

  async stop(): Promise<void> {
    this.#reason = 'stopping'
    for (const part of [...this.#watches, ...this.#canaries, this.#options.keptnCanary]) part.stop()
    const drained = drainPumps(this.#pumps)
    // After the pumps were told, so that what was held is handed back and not tried again.
    this.#options.gate.stop()
    await drained
  }

  #deliver({ name: controlPlane, storeDomain }: ControlPlane): GatewayDelivery {
    const { topology, hubStore, deadLetters } = this.#options
    return gatewayDelivery({
      ...this.#options,
      scope: { federation: topology.current.federation, controlPlane },
      hubStore: hubStore(storeDomain),
      deadLetters: deadLetters(controlPlane),
    })
  }

  #collect() {
    const { wayIn, keptnCanary: canary, keptn, listen, log, metrics } = this.#options
    const onMadeAnew = (): void => {
      log.warn({}, 'What collects the events of integrations was gone, and is made anew.')
      metrics.healing.inc({ link: 'keptn', direction: 'up', reason: 'missing', result: 'consumer' })
    }
    if (!wayIn.isDurable) {
      const open = (): Promise<DeliverySource> => Promise.resolve(listen())
      return { pump: collectPump({ ...this.#options, open, canary }), watches: [] }
    }
    const reader = collectionReader({ ...this.#options, onMadeAnew })
    const pump = collectPump({ ...this.#options, open: (signal) => reader.open(signal), canary })
    const { canaryLimitMs: limitMs, term: right } = this.#options
    const watch = new ConsumerWatch({
      direction: 'up',
      pump,
      reader,
      side: keptn,
      steps: ['pull', 'consumer', 'connection'],
      hasCanaries: true,
      limitMs,
      right,
      log,
      metrics,
    })
    return { pump, watches: [watch] }
  }
}
