import type { FanOut, TargetRecord } from '../domain/fanout.ts'
import type { StoreNames } from '../domain/store-names.ts'
import { durableName, KEPTN_PATTERN, KEPTN_STREAM, storeNames } from '../domain/store-names.ts'
import type { Scope } from '../domain/subject.ts'
import { deadLetterPattern, directionPattern, linkPattern } from '../domain/subject.ts'
import type { ControlPlane, Topology } from '../domain/topology.ts'
import { SignetError } from '../errors.ts'
import { ACK_WAIT_MS, durableReader, MAX_ACK_PENDING } from '../flow/consumer-settings.ts'
import type { DeadLetters } from '../flow/dead-letters.ts'
import { observePumps } from '../flow/observe-pumps.ts'
import type { WayIn } from '../flow/way-in.ts'
import { Bucket } from '../links/bucket.ts'
import type { ControlListener } from '../links/control-listener.ts'
import type { CoreMessages } from '../links/core-messages.ts'
import type { DeliverySource } from '../links/delivery.ts'
import type { Publisher } from '../links/publisher.ts'
import type { Replicas, Store } from '../links/store.ts'
import type { Log } from '../observe/log.ts'
import type { Metrics } from '../observe/metrics.ts'
import { sleep } from '../runtime/clock.ts'
import type { Part } from '../runtime/lifecycle.ts'
import type { Pump } from '../runtime/pump.ts'
import { pumpTrouble } from '../runtime/pump.ts'
import { untilDone } from '../runtime/retry.ts'
import { AggregateEmitter } from './aggregate-emitter.ts'
import { answerPump } from './answer-pump.ts'
import { controlHandlers } from './control-handlers.ts'
import { ControlService } from './control-service.ts'
import type { EndedFanOut } from './fanout-store.ts'
import { FanOutStore } from './fanout-store.ts'
import { FanOuts } from './fanouts.ts'
import { routePump } from './route-pump.ts'
import type { StampRecord } from './stamp-registry.ts'
import { StampRegistry } from './stamp-registry.ts'

export interface HubOptions {
  readonly version: string
  readonly topology: Topology
  readonly controlPlane: ControlPlane
  readonly hubStore: Store
  readonly keptnStore: Store
  readonly publisher: Publisher
  readonly wayIn: WayIn
  readonly messages: CoreMessages
  /** Where commands are heard. */
  readonly control: ControlListener
  readonly deadLetters: DeadLetters
  readonly replicas: Replicas
  readonly dedupeWindowMs: number
  readonly retentionMs: number
  readonly offlineAfterMs: number
  readonly inFlight: number
  readonly keptnMaxPayloadBytes: () => number
  readonly log: Log
  readonly metrics: Metrics
}

/** Buckets keep what nobody renews for so long; fan-outs may be open for three days (docs/configuration.md). */
const BUCKET_TTL_MS = 7 * 24 * 3_600_000
const CAUGHT_UP_POLL_MS = 100
/** A stream that is no older than this when the hub starts belongs to a Keptn that was just installed. */
const NEW_STREAM_MS = 60_000
/** How many consumers are made at once. */
const SLICE = 32

/** What serves one control plane, in its home stamp. */
export class Hub implements Part {
  readonly name: string
  readonly #options: HubOptions
  readonly #scope: Scope
  readonly #names: StoreNames
  #registry: StampRegistry | undefined
  #fanOuts: FanOuts | undefined
  #pumps: readonly Pump[] = []
  #control: ControlService | undefined
  #reason: string | undefined = 'the hub store has not answered yet'

  constructor(options: HubOptions) {
    this.#options = options
    this.name = `hub of ${options.controlPlane.name}`
    this.#scope = {
      federation: options.topology.federation,
      controlPlane: options.controlPlane.name,
    }
    this.#names = storeNames(this.#scope)
  }

  /** Why it does not work, or undefined. */
  get notReady(): string | undefined {
    if (this.#reason !== undefined) return this.#reason
    return pumpTrouble(this.#pumps)
  }

  get registry(): StampRegistry | undefined {
    return this.#registry
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
    const registry = this.#makeRegistry(buckets.stamps)
    await untilDone(() => registry.start(), signal, note)
    this.#registry = registry
    const fanOuts = this.#makeFanOuts(new FanOutStore(buckets.fanOuts), registry)
    await untilDone(() => fanOuts.load(), signal, note)
    this.#fanOuts = fanOuts
    this.#pumps = this.#makePumps(fanOuts, registry)
    for (const pump of this.#pumps) pump.start()
    this.#control = this.#makeControl(fanOuts, registry)
    this.#control.start()
    this.#reason = 'takes in the answers that came while no hub ran'
    const durable = durableName(this.#options.controlPlane.home.stamp)
    await this.#caughtUp(this.#options.hubStore, this.#names.up, durable, signal)
    this.#reason = 'takes in what Keptn said while no hub ran'
    await this.#caughtUp(this.#options.keptnStore, KEPTN_STREAM, durable, signal)
    fanOuts.ready()
    this.#options.metrics.durable.set(1)
    this.#reason = undefined
  }

  /** Sets the gauges that say how things stand now. */
  observe(): void {
    const { metrics, topology } = this.#options
    observePumps(this.#pumps, metrics)
    const online = new Map<string, number>()
    for (const { geo, ring, name } of topology.stamps) {
      const key = `${geo} ${ring}`
      const isThere = this.#registry?.record(name) !== undefined && this.#registry.isOnline(name)
      online.set(key, (online.get(key) ?? 0) + (isThere ? 1 : 0))
    }
    for (const [key, count] of online) {
      const [geo = '', ring = ''] = key.split(' ')
      metrics.stampsOnline.set({ geo, ring }, count)
    }
  }

  async stop(): Promise<void> {
    this.#reason = 'stopping'
    this.#control?.stop()
    await Promise.all(this.#pumps.map((pump) => pump.drain()))
    await this.#fanOuts?.stop()
    this.#registry?.stop()
  }

  async #prepare() {
    const { hubStore, replicas, dedupeWindowMs, retentionMs, wayIn } = this.#options
    const ages = { maxAgeMs: retentionMs, duplicateWindowMs: dedupeWindowMs, replicas }
    const { down, up, deadLetters, fanoutBucket, stampsBucket } = this.#names
    const scope = this.#scope
    await wayIn.open()
    await hubStore.ensureStream({
      name: down,
      subjects: [directionPattern(scope, 'down')],
      ...ages,
    })
    await hubStore.ensureStream({ name: up, subjects: [directionPattern(scope, 'up')], ...ages })
    await hubStore.ensureStream({
      name: deadLetters,
      subjects: [deadLetterPattern(scope)],
      ...ages,
    })
    await this.#makeConsumers()
    const bucket = { ttlMs: BUCKET_TTL_MS, replicas }
    return {
      fanOuts: await Bucket.open<FanOut | TargetRecord | EndedFanOut>(hubStore, {
        name: fanoutBucket,
        ...bucket,
      }),
      stamps: await Bucket.open<StampRecord>(hubStore, { name: stampsBucket, ...bucket }),
    }
  }

  /** One for each stamp, so that a stamp needs no right to create any (DESIGN 4), and one for the answers. */
  async #makeConsumers(): Promise<void> {
    const { hubStore, topology, controlPlane } = this.#options
    const limits = { ackWaitMs: ACK_WAIT_MS, maxAckPending: MAX_ACK_PENDING }
    const start = { from: 'all' } as const
    const { stamps } = topology
    for (let first = 0; first < stamps.length; first += SLICE) {
      const made = stamps.slice(first, first + SLICE).map(({ geo, ring, name }) =>
        hubStore.ensureConsumer({
          stream: this.#names.down,
          durable: durableName(name),
          filter: linkPattern(this.#scope, 'down', { geo, ring, stamp: name }),
          start,
          ...limits,
        }),
      )
      await Promise.all(made)
    }
    await hubStore.ensureConsumer({
      stream: this.#names.up,
      durable: durableName(controlPlane.home.stamp),
      filter: directionPattern(this.#scope, 'up'),
      start,
      ...limits,
    })
  }

  #makeRegistry(bucket: Bucket<StampRecord>): StampRegistry {
    const { topology, messages, offlineAfterMs, log } = this.#options
    return new StampRegistry({
      scope: this.#scope,
      topology,
      messages,
      bucket,
      offlineAfterMs,
      now: Date.now,
      log,
      onChange: () => this.#fanOuts?.presenceChanged(),
    })
  }

  #makeFanOuts(store: FanOutStore, registry: StampRegistry): FanOuts {
    const { hubStore, wayIn, controlPlane, keptnMaxPayloadBytes, log, metrics } = this.#options
    const emitter = new AggregateEmitter({
      wayIn,
      hubStore,
      answers: this.#names.up,
      home: controlPlane.home.stamp,
      maxPayloadBytes: keptnMaxPayloadBytes,
    })
    return new FanOuts({
      store,
      emitter,
      presence: {
        online: (stamp) => registry.isOnline(stamp),
        onlineSince: (stamp) => registry.onlineSince(stamp),
        drained: () => false,
      },
      takeBack: (sequence) => hubStore.deleteMessage(this.#names.down, sequence),
      now: Date.now,
      log,
      metrics,
    })
  }

  #makeControl(fanOuts: FanOuts, registry: StampRegistry): ControlService {
    const { control: listener, log } = this.#options
    const handlers = controlHandlers({
      ...this.#options,
      names: this.#names,
      fanOuts,
      registry,
      notReady: () => this.notReady,
      now: Date.now,
    })
    return new ControlService({ scope: this.#scope, listener, handlers, log })
  }

  #makePumps(fanOuts: FanOuts, registry: StampRegistry): readonly Pump[] {
    const shared = { ...this.#options, scope: this.#scope, fanOuts, registry }
    return [
      answerPump({ ...shared, home: this.#options.controlPlane.home.stamp }),
      routePump({ ...shared, now: Date.now, open: this.#keptnReader() }),
    ]
  }

  /**
   * Keptn makes its stream itself, and never empties it (wire 1.7): a hub that comes to a running Keptn
   * must not run the deliveries of last year again, and one that was there before Keptn must not miss the
   * first.
   */
  #keptnReader(): (signal: AbortSignal) => Promise<DeliverySource> {
    const { keptnStore, controlPlane } = this.#options
    const durable = durableName(controlPlane.home.stamp)
    const startedAt = Date.now()
    const read = durableReader(keptnStore, KEPTN_STREAM, durable)
    return async (signal) => {
      const stream = await keptnStore.stream(KEPTN_STREAM)
      if (stream === undefined)
        throw new SignetError('SIGNET_JETSTREAM_MISSING', 'Keptn has not made its stream yet.')
      await keptnStore.ensureConsumer({
        stream: KEPTN_STREAM,
        durable,
        filter: KEPTN_PATTERN,
        start: { from: stream.createdAt >= startedAt - NEW_STREAM_MS ? 'all' : 'new' },
        ackWaitMs: ACK_WAIT_MS,
        maxAckPending: MAX_ACK_PENDING,
      })
      return read(signal)
    }
  }

  /**
   * Until what lay in a stream at the start is taken in: clocks must not overtake answers, and nothing may
   * be told of a task that was aborted meanwhile.
   */
  async #caughtUp(
    store: Store,
    stream: string,
    durable: string,
    signal: AbortSignal,
  ): Promise<void> {
    let target: number | undefined
    for (;;) {
      try {
        target ??= (await store.stream(stream))?.lastSequence ?? 0
        if (target === 0) return
        const state = await store.consumer(stream, durable)
        const isEmpty = state?.pending === 0 && state.unacknowledged === 0
        if (state !== undefined && (isEmpty || state.ackFloor >= target)) return
      } catch (error) {
        this.#options.log.debug({ error, stream }, 'A store does not answer.')
      }
      await sleep(CAUGHT_UP_POLL_MS, signal)
    }
  }
}
