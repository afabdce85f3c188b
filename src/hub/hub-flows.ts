import { durableName, storeNames } from '../domain/store-names.ts'
import type { HealingStep } from '../domain/healing.ts'
import type { ConsumerWatchOptions } from '../flow/consumer-watch.ts'
import { ConsumerWatch } from '../flow/consumer-watch.ts'
import type { KeptnCanary } from '../flow/keptn-canary.ts'
import { observePumps } from '../flow/observe-pumps.ts'
import type { Proof } from '../flow/proofs.ts'
import { observeProofs, proofTrouble } from '../flow/proofs.ts'
import type { Place } from '../domain/subject.ts'
import type { NatsSide } from '../links/nats-side.ts'
import type { Pump } from '../runtime/pump.ts'
import { drainPumps, pumpTrouble } from '../runtime/pump.ts'
import type { AnswerPumpOptions } from './answer-pump.ts'
import { answerPump } from './answer-pump.ts'
import { answerReader } from './answer-reader.ts'
import type { KeptnReaderOptions } from './keptn-reader.ts'
import { keptnReader } from './keptn-reader.ts'
import type { Membership } from './membership.ts'
import type { RoutePumpOptions } from './route-pump.ts'
import { routePump } from './route-pump.ts'
import type { StampCanaryAges } from './stamp-canaries.ts'
import { StampCanaries } from './stamp-canaries.ts'
import type { StampConsumers } from './stamp-consumers.ts'
import { StoreKeeper } from './store-keeper.ts'

type MadeHere = 'open' | 'now' | 'home' | 'isKnown' | 'topology' | 'canaries'

export interface HubFlowsOptions
  extends Omit<AnswerPumpOptions, MadeHere>, Omit<RoutePumpOptions, MadeHere> {
  readonly membership: Membership
  readonly keptnStore: KeptnReaderOptions['keptnStore']
  readonly gateway: NatsSide
  readonly keptn: NatsSide
  /** To the gateway. */
  readonly publisher: ConstructorParameters<typeof StampCanaries>[0]['publisher']
  readonly keptnCanary: KeptnCanary
  readonly consumers: StampConsumers
  /** Makes the streams of the hub store that are not there. */
  readonly makeStreams: () => Promise<void>
  readonly dedupeWindowMs: number
  /** How long (ms) nothing may come through a link. */
  readonly canaryLimitMs: number
}

/** Both consumers are ours to make. */
const STEPS: readonly HealingStep[] = ['pull', 'consumer', 'connection']

/** The two flows of a hub, what Keptn says and what the stamps send, and all that keeps them alive. */
export class HubFlows {
  readonly #options: HubFlowsOptions
  readonly #canaries: StampCanaries
  readonly #keeper: StoreKeeper
  readonly #pumps: readonly Pump[]
  readonly #watches: readonly ConsumerWatch[]

  constructor(options: HubFlowsOptions) {
    this.#options = options
    const { membership: topology, controlPlane, registry, canaryLimitMs: limitMs } = options
    const { home } = controlPlane
    const shared = { ...options, topology, limitMs, home: home.stamp }
    // Who polls reads nothing of DOWN.
    const isOnline = (stamp: string): boolean =>
      registry.isOnline(stamp) && registry.record(stamp)?.link !== 'https'
    const keeper = new StoreKeeper(shared)
    const onStalled = (place: Place): void => void keeper.remake(place)
    this.#canaries = new StampCanaries({ ...shared, home, isOnline, onStalled })
    this.#keeper = keeper
    const { up } = storeNames(options.scope)
    const sent = answerReader({ ...shared, stream: up, onMadeAnew: this.#madeAnew('gateway') })
    const said = keptnReader({ ...shared, onMadeAnew: this.#madeAnew('keptn') })
    const answers = answerPump({
      ...shared,
      canaries: this.#canaries,
      isKnown: (place) => topology.mayAnswer(place),
      open: (signal) => sent.open(signal),
    })
    const routed = routePump({ ...shared, now: Date.now, open: (signal) => said.open(signal) })
    this.#pumps = [answers, routed]
    const { gateway, keptn } = options
    this.#watches = [
      this.#watch({ pump: answers, reader: sent, side: gateway, hasCanaries: true }),
      // Keptn's own stream, into which we put no canary.
      this.#watch({ pump: routed, reader: said, side: keptn, hasCanaries: false }),
    ]
  }

  /** What does not work, or undefined. */
  get trouble(): string | undefined {
    return pumpTrouble(this.#pumps) ?? proofTrouble(this.proofs)
  }

  /** How long ago something came through each link. */
  get proofs(): readonly Proof[] {
    return [...this.#watches, this.#options.keptnCanary]
  }

  /** How long ago canaries of each stamp came through. */
  get canaryAges(): ReadonlyMap<string, StampCanaryAges> {
    return this.#canaries.ages()
  }

  start(): void {
    const { keptnCanary } = this.#options
    const parts = [...this.#pumps, ...this.#watches, this.#canaries, this.#keeper, keptnCanary]
    for (const part of parts) part.start()
  }

  /** Drains. */
  async stop(): Promise<void> {
    const { keptnCanary } = this.#options
    for (const part of [...this.#watches, this.#canaries, keptnCanary]) part.stop()
    await this.#keeper.stop()
    await drainPumps(this.#pumps)
  }

  /** Sets the gauges that say how things stand now. */
  observe(): void {
    const { metrics } = this.#options
    observePumps(this.#pumps, metrics)
    observeProofs(this.proofs, metrics)
    this.#canaries.observe()
  }

  #watch(over: Pick<ConsumerWatchOptions, 'pump' | 'reader' | 'side' | 'hasCanaries'>) {
    const { canaryLimitMs: limitMs, term: right, log, metrics } = this.#options
    return new ConsumerWatch({
      direction: 'up',
      steps: STEPS,
      limitMs,
      right,
      log,
      metrics,
      ...over,
    })
  }

  #madeAnew(link: string): () => void {
    const { controlPlane, log, metrics } = this.#options
    return () => {
      const durable = durableName(controlPlane.home.stamp)
      log.warn({ link, durable }, 'A consumer of the hub was gone, and is made anew.')
      metrics.healing.inc({ link, direction: 'up', reason: 'missing', result: 'consumer' })
    }
  }
}
