import { durableName, storeNames } from '../domain/store-names.ts'
import type { Place, Scope } from '../domain/subject.ts'
import type { Stamp, Topology } from '../domain/topology.ts'
import type { Seen } from '../flow/resume.ts'
import { resumeAt, windowBack } from '../flow/resume.ts'
import { CanaryTimer } from '../flow/canary-timer.ts'
import type { ConsumerLag } from '../links/consumer-lags.ts'
import { consumerLags } from '../links/consumer-lags.ts'
import type { Store } from '../links/store.ts'
import type { Log } from '../observe/log.ts'
import type { Metrics } from '../observe/metrics.ts'
import type { StampConsumers } from './stamp-consumers.ts'

export interface StoreKeeperOptions {
  readonly scope: Scope
  readonly hubStore: Store
  readonly consumers: StampConsumers
  readonly topology: { readonly current: Topology }
  /** Makes the streams that are not there. */
  readonly makeStreams: () => Promise<void>
  readonly dedupeWindowMs: number
  /** How long something that is gone may stay unnoticed, in milliseconds. */
  readonly limitMs: number
  readonly log: Log
  readonly metrics: Metrics
}

/** Why something is made anew. */
type Reason = 'missing' | 'stalled'

/**
 * Sees to it that the streams of a hub store, and in DOWN the consumers of all stamps, are there, and makes
 * anew what somebody has deleted. What a stream held is gone with it; a consumer goes on where it was when
 * it was last looked at.
 */
export class StoreKeeper {
  readonly #options: StoreKeeperOptions
  readonly #timer = new CanaryTimer()
  readonly #seen = new Map<string, Seen>()
  #looking: Promise<void> | undefined

  constructor(options: StoreKeeperOptions) {
    this.#options = options
  }

  start(): void {
    this.#timer.start(this.#options.limitMs, () => {
      this.#looking ??= this.#look().finally(() => {
        this.#looking = undefined
      })
    })
  }

  async stop(): Promise<void> {
    this.#timer.stop()
    await this.#looking
  }

  /** Makes the consumer of a stamp anew that does not hand out what it has. */
  async remake({ geo, stamp }: Place): Promise<void> {
    const { topology, hubStore, scope, log } = this.#options
    const found = topology.current.stamps.find((it) => it.name === stamp && it.geo === geo)
    if (found === undefined) return
    try {
      // How far it is, to go on there.
      await this.#lookAtConsumers(storeNames(scope).down)
      await hubStore.deleteConsumer(storeNames(scope).down, durableName(stamp))
      await this.#make(storeNames(scope).down, found, 'stalled')
    } catch (error) {
      log.warn({ error, stamp }, 'The consumer of a stamp could not be made anew.')
    }
  }

  async #look(): Promise<void> {
    const { hubStore, scope, log } = this.#options
    const { down, up, deadLetters } = storeNames(scope)
    try {
      for (const name of [down, up, deadLetters])
        if ((await hubStore.stream(name)) === undefined) await this.#makeStreams(name)
      await this.#lookAtConsumers(down)
    } catch (error) {
      log.debug({ error }, 'The hub store cannot be looked at now.')
    }
  }

  async #makeStreams(missing: string): Promise<void> {
    const { makeStreams, log } = this.#options
    await makeStreams()
    log.warn({ stream: missing }, 'A stream was gone, and is made anew; what it held is lost.')
    this.#count(missing === storeNames(this.#options.scope).up ? 'up' : 'down', 'missing', 'stream')
  }

  async #lookAtConsumers(stream: string): Promise<void> {
    const { hubStore, topology } = this.#options
    const before = await hubStore.stream(stream)
    const lags = await consumerLags(hubStore, stream)
    if (before === undefined) return
    for (const stamp of topology.current.stamps) {
      const lag = lags.get(durableName(stamp.name))
      if (lag === undefined) await this.#make(stream, stamp, 'missing')
      else this.#seen.set(stamp.name, seenIn(before.createdAt, lag))
    }
  }

  async #make(stream: string, { geo, ring, name }: Stamp, reason: Reason): Promise<void> {
    const { hubStore, consumers, dedupeWindowMs, log } = this.#options
    const seen = this.#seen.get(name)
    await consumers.make({ geo, ring, stamp: name }, () =>
      seen === undefined
        ? windowBack(hubStore, stream, dedupeWindowMs)
        : resumeAt(hubStore, stream, seen, dedupeWindowMs),
    )
    log.warn({ stamp: name, reason }, 'The consumer of a stamp is made anew.')
    this.#count('down', reason, 'consumer')
  }

  #count(direction: 'down' | 'up', reason: Reason, result: string): void {
    const { metrics } = this.#options
    metrics.healing.inc({ link: 'gateway', direction, reason, result })
  }
}

function seenIn(streamCreatedAt: number, lag: ConsumerLag): Seen {
  const { ackFloor, deliveredUpTo, unacknowledged } = lag
  return { streamCreatedAt, ackFloor, deliveredUpTo, unacknowledged }
}
