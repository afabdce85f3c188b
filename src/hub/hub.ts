import type { FanOut, TargetRecord } from '../domain/fanout.ts'
import type { Standing } from '../domain/stamp-standing.ts'
import { FORGET_STAMP_MS } from '../domain/stamp-standing.ts'
import type { ListedStamp } from '../domain/listed-stamp.ts'
import type { StoreNames } from '../domain/store-names.ts'
import { durableName, KEPTN_STREAM, storeNames } from '../domain/store-names.ts'
import type { Scope } from '../domain/subject.ts'
import type { ControlPlane, Topology } from '../domain/topology.ts'
import { SignetError } from '../errors.ts'
import type { Border } from '../flow/border.ts'
import type { DeadLetters } from '../flow/dead-letters.ts'
import { observePumps } from '../flow/observe-pumps.ts'
import type { WayIn } from '../flow/way-in.ts'
import { Bucket } from '../links/bucket.ts'
import type { ControlListener } from '../links/control-listener.ts'
import type { CoreMessages } from '../links/core-messages.ts'
import type { Publisher } from '../links/publisher.ts'
import type { Replicas } from '../links/replicas.ts'
import type { Store } from '../links/store.ts'
import type { Term } from '../links/term.ts'
import type { Log } from '../observe/log.ts'
import type { Metrics } from '../observe/metrics.ts'
import type { Tracing } from '../observe/tracing.ts'
import { following } from '../runtime/abort.ts'
import type { Part } from '../runtime/lifecycle.ts'
import type { Pump } from '../runtime/pump.ts'
import { drainPumps, pumpTrouble } from '../runtime/pump.ts'
import { untilDone } from '../runtime/retry.ts'
import type { TopologySource } from '../runtime/topology-source.ts'
import { answerPump } from './answer-pump.ts'
import { caughtUp } from './caught-up.ts'
import { Copies } from './copies.ts'
import { controlHandlers } from './control-handlers.ts'
import { ControlService } from './control-service.ts'
import type { EndedFanOut } from './fanout-store.ts'
import type { FanOuts } from './fanouts.ts'
import { makeFanOuts } from './make-fanouts.ts'
import { hubBucketPlans, makeHubStreams } from './hub-streams.ts'
import type { HttpsStampsOptions } from './https-stamps.ts'
import { HttpsStamps } from './https-stamps.ts'
import { keptnReader } from './keptn-reader.ts'
import { Membership } from './membership.ts'
import { observeFanOuts } from './observe-fanouts.ts'
import { observeStamps } from './observe-stamps.ts'
import { routePump } from './route-pump.ts'
import { listStamps } from './stamp-list.ts'
import type { StampRecord } from './stamp-registry.ts'
import { StampRegistry } from './stamp-registry.ts'
import { StampConsumers } from './stamp-consumers.ts'
import { Standings } from './standings.ts'

export interface HubOptions {
  readonly version: string
  readonly topology: TopologySource
  readonly controlPlane: ControlPlane
  readonly hubStore: Store
  readonly keptnStore: Store
  /** The term of this hub. */
  readonly term: Term
  readonly publisher: Publisher
  readonly wayIn: WayIn
  readonly messages: CoreMessages
  /** Where commands are heard. */
  readonly control: ControlListener
  readonly deadLetters: DeadLetters
  readonly border: Border
  readonly replicas: Replicas
  readonly dedupeWindowMs: number
  readonly retentionMs: number
  /** How long (ms) a silent stamp counts as there. */
  readonly offlineAfterMs: () => number
  readonly inFlight: number
  readonly keptnMaxPayloadBytes: () => number
  /** Whether somebody has paused a sequence in Keptn; absent: it is not asked. */
  readonly isPaused?: ((scope: FanOut) => Promise<boolean>) | undefined
  /** What Keptn knows of integrations; absent: stamps that poll are known by their topology alone. */
  readonly registrations?: HttpsStampsOptions['list'] | undefined
  /** How often it is asked, in milliseconds. */
  readonly registrationsMs: number
  readonly log: Log
  readonly metrics: Metrics
  readonly tracing?: Tracing | undefined
}

/** What serves one control plane, in its home stamp. */
export class Hub implements Part {
  readonly name: string
  readonly #options: HubOptions
  readonly #scope: Scope
  readonly #names: StoreNames
  readonly #consumers: StampConsumers
  #membership: Membership | undefined
  readonly #copies: Copies
  #registry: StampRegistry | undefined
  #httpsStamps: HttpsStamps | undefined
  #fanOuts: FanOuts | undefined
  #pumps: readonly Pump[] = []
  #control: ControlService | undefined
  readonly #stopping = new AbortController()
  #stopPreparing: (() => void) | undefined
  #reason: string | undefined = 'the hub store has not answered yet'

  constructor(options: HubOptions) {
    this.#options = options
    this.name = `hub of ${options.controlPlane.name}`
    this.#scope = {
      federation: options.topology.current.federation,
      controlPlane: options.controlPlane.name,
    }
    this.#names = storeNames(this.#scope)
    this.#consumers = new StampConsumers(options.hubStore, this.#scope)
    this.#copies = new Copies({
      ...options,
      scope: this.#scope,
      home: options.controlPlane.home,
      topology: () => this.topology,
    })
  }

  /** Why it does not work, or undefined. */
  get notReady(): string | undefined {
    if (this.#reason !== undefined) return this.#reason
    return pumpTrouble(this.#pumps)
  }

  /** All stamps as it sees them. */
  stamps(now = Date.now()): readonly ListedStamp[] {
    if (this.#membership === undefined || this.#registry === undefined) return []
    return listStamps(this.#membership, this.#registry, now, this.#options.offlineAfterMs())
  }

  /** The topology with the stamps that joined. */
  get topology(): Topology {
    return this.#membership?.current ?? this.#options.topology.current
  }

  get fanOuts(): readonly FanOut[] {
    return this.#fanOuts?.heads() ?? []
  }

  async start(signal: AbortSignal): Promise<void> {
    const note = (error: SignetError): void => {
      if (this.#reason !== error.message) this.#options.log.warn({ error }, 'The hub waits.')
      this.#reason = error.message
    }
    const buckets = await untilDone(() => this.#prepare(), signal, note)
    const membership = this.#makeMembership(buckets.stamps)
    this.#membership = membership
    await untilDone(() => membership.start(), signal, note)
    // First, so that no topology comes between.
    this.#stopPreparing = membership.beforeChange((next, newer) => this.#makeReady(next, newer))
    await untilDone(() => this.#consumers.makeAll(membership.current.stamps), signal, note)
    const registry = this.#makeRegistry(buckets.stamps, membership)
    await untilDone(() => registry.start(), signal, note)
    this.#registry = registry
    this.#httpsStamps = this.#makeHttpsStamps(registry, membership)
    // Before the first event is routed, since that goes by what they want.
    await this.#httpsStamps?.start()
    const { fanOuts: bucket } = buckets
    const shared = { ...this.#options, names: this.#names, copies: this.#copies }
    const fanOuts = makeFanOuts({ ...shared, bucket, registry })
    await untilDone(() => fanOuts.load(), signal, note)
    this.#fanOuts = fanOuts
    this.#pumps = this.#makePumps(fanOuts, registry, membership)
    for (const pump of this.#pumps) pump.start()
    this.#control = this.#makeControl(fanOuts, registry, membership)
    this.#control.start()
    this.#reason = 'takes in the answers that came while no hub ran'
    const durable = durableName(this.#options.controlPlane.home.stamp)
    const { hubStore, keptnStore, log } = this.#options
    await caughtUp({ store: hubStore, stream: this.#names.up, durable, log }, signal)
    this.#reason = 'takes in what Keptn said while no hub ran'
    await caughtUp({ store: keptnStore, stream: KEPTN_STREAM, durable, log }, signal)
    // What stamps posted to Keptn meanwhile lies there since.
    await caughtUp({ store: hubStore, stream: this.#names.up, durable, log }, signal)
    fanOuts.ready()
    this.#options.metrics.durable.set(1)
    this.#reason = undefined
  }

  /** Sets the gauges that say how things stand now. */
  observe(): void {
    const { metrics } = this.#options
    if (this.#fanOuts !== undefined) {
      metrics.fanoutsOpen.set(this.#fanOuts.open)
      observeFanOuts(this.#fanOuts.standing(), this.topology.rings, Date.now(), metrics)
    }
    observePumps(this.#pumps, metrics)
    const registry = this.#registry
    if (registry !== undefined) {
      const isThere = (stamp: string): boolean =>
        registry.record(stamp) !== undefined && registry.isOnline(stamp)
      observeStamps(this.topology.stamps, isThere, metrics)
    }
  }

  async stop(): Promise<void> {
    this.#reason = 'stopping'
    this.#stopPreparing?.()
    this.#stopping.abort(new SignetError('SIGNET_STOPPED', 'The hub stops.'))
    this.#control?.stop()
    await this.#httpsStamps?.stop()
    try {
      await drainPumps(this.#pumps)
    } finally {
      await this.#fanOuts?.stop()
      this.#registry?.stop()
      this.#membership?.stop()
    }
  }

  async #prepare() {
    const { hubStore, replicas, dedupeWindowMs, retentionMs, wayIn } = this.#options
    const ages = { maxAgeMs: retentionMs, duplicateWindowMs: dedupeWindowMs, replicas }
    const plans = hubBucketPlans(this.#names, replicas)
    await wayIn.open()
    await makeHubStreams(hubStore, this.#scope, this.#names, ages)
    await this.#consumers.makeForAnswers(this.#options.controlPlane.home.stamp)
    return {
      fanOuts: await Bucket.open<FanOut | TargetRecord | EndedFanOut>(hubStore, plans.fanOuts),
      stamps: await Bucket.open<StampRecord | Standing>(hubStore, plans.stamps),
    }
  }

  /** The stamps of a coming topology have their consumers before anything is sent to them. */
  async #makeReady({ stamps }: Topology, newer: AbortSignal): Promise<void> {
    using over = following({ signals: [newer, this.#stopping.signal] })
    try {
      await untilDone(
        () => this.#consumers.makeAll(stamps),
        over.signal,
        (error) => {
          this.#options.log.debug({ error }, 'A new topology waits for the hub store.')
        },
      )
    } catch (error) {
      // A hub that stops holds nobody up: the next one makes them when it starts.
      if (!this.#stopping.signal.aborted) throw error
    }
  }

  #makeMembership(bucket: Bucket<StampRecord | Standing>): Membership {
    const { topology, log, metrics } = this.#options
    return new Membership({
      listed: topology,
      standings: new Standings(bucket),
      consumers: this.#consumers,
      now: Date.now,
      onDrain: () => this.#fanOuts?.presenceChanged(),
      log,
      metrics,
    })
  }

  #makeRegistry(bucket: Bucket<StampRecord | Standing>, membership: Membership): StampRegistry {
    const { messages, offlineAfterMs, retentionMs, log } = this.#options
    return new StampRegistry({
      scope: this.#scope,
      membership,
      isWaitedFor: (place) => this.#fanOuts?.isWaitingFor(place) ?? false,
      messages,
      bucket,
      offlineAfterMs,
      forgetAfterMs: Math.max(FORGET_STAMP_MS, retentionMs),
      now: Date.now,
      log,
      onChange: () => this.#fanOuts?.presenceChanged(),
    })
  }

  #makeHttpsStamps(registry: StampRegistry, topology: TopologySource): HttpsStamps | undefined {
    const { registrations: list, registrationsMs: intervalMs, log, metrics } = this.#options
    if (list === undefined) return undefined
    const onChange = (): void => this.#fanOuts?.presenceChanged()
    const now = Date.now
    return new HttpsStamps({ list, topology, registry, intervalMs, onChange, now, log, metrics })
  }

  #makeControl(fanOuts: FanOuts, registry: StampRegistry, membership: Membership): ControlService {
    const { control: listener, log } = this.#options
    const handlers = controlHandlers({
      ...this.#options,
      names: this.#names,
      copies: this.#copies,
      fanOuts,
      registry,
      topology: membership,
      membership,
      stamps: () => this.stamps(),
      notReady: () => this.notReady,
      now: Date.now,
    })
    return new ControlService({ scope: this.#scope, listener, handlers, log })
  }

  #makePumps(fanOuts: FanOuts, registry: StampRegistry, membership: Membership): readonly Pump[] {
    const { home } = this.#options.controlPlane
    const { keptnStore, term } = this.#options
    const scope = this.#scope
    const shared = { ...this.#options, scope, fanOuts, registry, topology: membership }
    return [
      answerPump({
        ...shared,
        home: home.stamp,
        isKnown: (place) => membership.mayAnswer(place),
      }),
      routePump({
        ...shared,
        copies: this.#copies,
        now: Date.now,
        open: keptnReader(keptnStore, home.stamp, term),
      }),
    ]
  }
}
