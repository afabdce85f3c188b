import type { JetStreamManager } from '@nats-io/jetstream'
import { jetstream, jetstreamManager } from '@nats-io/jetstream'
import type { NatsConnection } from '@nats-io/transport-node'
import { connect } from '@nats-io/transport-node'
import { setTimeout as sleep } from 'node:timers/promises'
import { Federation } from '../src/demo/federation.ts'
import { federationUser } from '../src/demo/nats-config.ts'
import { durableName, KEPTN_PATTERN, KEPTN_STREAM, storeNames } from '../src/domain/store-names.ts'
import { SignetError } from '../src/errors.ts'
import { STAGE, TASK, taskTriggered } from './fanout-events.ts'
import { BenchStamps } from './fanout-stamps.ts'
import { measuredAgent } from './process-figures.ts'

export interface FanOutRigOptions {
  readonly binary: string
  readonly cli: string
  readonly stamps: number
}

/** What one fan-out took, in milliseconds. */
export interface FanOutRun {
  /** From the `.triggered` stored in Keptn's stream until the last stamp was handed its copy. */
  readonly deliveredMs: number
  /** From the last stamp's answer stored in the hub store until the `.finished` was stored in Keptn's stream. */
  readonly aggregateMs: number
  /** From the one to the other end. */
  readonly totalMs: number
}

const FEDERATION = 'bench'
const DOMAIN = 'hub'
const HOME = { geo: 'eu', stamp: 'home' }
const RING = 'broad'
const SCOPE = { federation: FEDERATION, controlPlane: 'main' }
const NAMES = storeNames(SCOPE)
const YARD = { down: 'YARD_DOWN', up: 'YARD_UP' }
const POLL_MS = 20
const LIMIT_MS = 60_000

/** A hub with its servers, and any number of stamps that are simulated by this process. */
export class FanOutRig implements AsyncDisposable {
  readonly #options: FanOutRigOptions
  readonly #federation: Federation
  readonly #keptn: NatsConnection
  readonly #gateway: NatsConnection
  readonly #keptnStore: JetStreamManager
  readonly #hubStore: JetStreamManager
  readonly #stamps: BenchStamps

  private constructor(
    options: FanOutRigOptions,
    federation: Federation,
    ends: {
      readonly keptn: NatsConnection
      readonly gateway: NatsConnection
      readonly keptnStore: JetStreamManager
      readonly hubStore: JetStreamManager
    },
  ) {
    this.#options = options
    this.#federation = federation
    this.#keptn = ends.keptn
    this.#gateway = ends.gateway
    this.#keptnStore = ends.keptnStore
    this.#hubStore = ends.hubStore
    const places = placesOf(options.stamps)
    this.#stamps = new BenchStamps({
      connection: ends.gateway,
      scope: SCOPE,
      domain: DOMAIN,
      places,
    })
  }

  static async start(options: FanOutRigOptions): Promise<FanOutRig> {
    const { binary, cli, stamps } = options
    const federation = await Federation.prepare({
      binary,
      cli,
      name: FEDERATION,
      home: HOME,
      rings: [RING],
      stamps: [],
      absent: placesOf(stamps).map(({ geo, ring, stamp }) => ({ geo, ring, name: stamp })),
      stages: [{ stage: STAGE, rings: [RING] }],
      // Presence is said once before each run, and must hold until its end.
      environment: { SIGNET_PRESENCE_INTERVAL: '60s' },
    })
    try {
      const { supercluster } = federation
      const keptn = await connect({
        servers: supercluster.keptn(HOME.stamp).url,
        noAsyncTraces: true,
      })
      const keptnStore = await jetstreamManager(keptn)
      await keptnStore.streams.add({ name: KEPTN_STREAM, subjects: [KEPTN_PATTERN] })
      federation.startAgents()
      await federation.ready()
      const gateway = await connect({
        servers: supercluster.gatewayOf(HOME.stamp).url,
        ...federationUser,
        noAsyncTraces: true,
      })
      const hubStore = await jetstreamManager(gateway, { domain: DOMAIN })
      const rig = new FanOutRig(options, federation, { keptn, gateway, keptnStore, hubStore })
      await rig.#join()
      return rig
    } catch (error) {
      await federation.close()
      throw error
    }
  }

  /** One task through all stamps, each of which answers at once. */
  async run(): Promise<FanOutRun> {
    const { id, type, body } = taskTriggered()
    const before = await this.#lastFinished()
    this.#stamps.sayPresence()
    await this.#gateway.flush()
    const answered = this.#stamps.answered(id)
    const { seq } = await jetstream(this.#keptn).publish(type, body)
    const storedAt = await timeOf(this.#keptnStore, KEPTN_STREAM, { seq })
    const handedAt = await answered
    const slowestAt = await timeOf(this.#hubStore, NAMES.up, {
      last_by_subj: `signet.${FEDERATION}.up.main.*.*.*.event.${TASK}.finished`,
    })
    const end = Date.now() + LIMIT_MS
    let finished = await this.#lastFinished()
    for (; finished.seq <= before.seq; finished = await this.#lastFinished()) {
      if (Date.now() > end) throw new SignetError('SIGNET_INTERNAL', 'No .finished came in time.')
      await sleep(POLL_MS)
    }
    return {
      deliveredMs: handedAt - storedAt,
      aggregateMs: finished.at - slowestAt,
      totalMs: finished.at - storedAt,
    }
  }

  /** What the hub's process has spent so far, in seconds. */
  async hubCpuSeconds(): Promise<number> {
    return (await measuredAgent(this.#federation.agent(HOME.stamp))()).cpuSeconds
  }

  /**
   * The same without Signet: as many copies and twice as many answers, published over the same connections
   * into streams like those of the hub store, all at once. In milliseconds until the last is stored.
   */
  async yardstick(): Promise<number> {
    const { stamps } = this.#options
    const js = jetstream(this.#gateway, { domain: DOMAIN, timeout: 30_000 })
    const { body } = taskTriggered()
    const publish = (name: string, count: number) =>
      Promise.all(
        Array.from({ length: count }, (_, index) =>
          js.publish(`yard.${name}.${index}`, body, {
            msgID: `${name}:${performance.now()}:${index}`,
          }),
        ),
      )
    const startedAt = performance.now()
    await publish('down', stamps)
    await publish('up', 2 * stamps)
    return performance.now() - startedAt
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#gateway.close()
    await this.#keptn.close()
    await this.#federation.close()
  }

  /** Until the hub has made every consumer and heard every stamp. */
  async #join(): Promise<void> {
    await this.#hubStore.streams.add({ name: YARD.down, subjects: ['yard.down.>'] })
    await this.#hubStore.streams.add({ name: YARD.up, subjects: ['yard.up.>'] })
    const last = placesOf(this.#options.stamps).at(-1)
    if (last !== undefined) await this.#hubStore.consumers.info(NAMES.down, durableName(last.stamp))
    this.#stamps.read()
    const end = Date.now() + LIMIT_MS
    for (;;) {
      this.#stamps.sayPresence()
      await this.#gateway.flush()
      if ((await this.#online()) >= this.#options.stamps) return
      if (Date.now() > end)
        throw new SignetError('SIGNET_INTERNAL', 'The hub did not hear every stamp.')
      await sleep(100)
    }
  }

  async #online(): Promise<number> {
    const response = await fetch(`${await this.#federation.agent(HOME.stamp).url()}/metrics`)
    const samples = (await response.text()).matchAll(/^signet_stamps_online\{[^}]*\} (\d+)$/gm)
    return [...samples].reduce((sum, [, count]) => sum + Number(count), 0)
  }

  async #lastFinished(): Promise<{ readonly seq: number; readonly at: number }> {
    const last_by_subj = `sh.keptn.event.${TASK}.finished`
    const found = await this.#keptnStore.streams
      .getMessage(KEPTN_STREAM, { last_by_subj })
      .catch(() => null)
    return found === null ? { seq: 0, at: 0 } : { seq: found.seq, at: found.time.getTime() }
  }
}

function placesOf(stamps: number) {
  return Array.from({ length: stamps }, (_, index) => ({
    geo: HOME.geo,
    ring: RING,
    stamp: `stamp-${index + 1}`,
  }))
}

async function timeOf(
  store: JetStreamManager,
  stream: string,
  query: { readonly seq: number } | { readonly last_by_subj: string },
): Promise<number> {
  const found = await store.streams.getMessage(stream, query)
  if (found === null) throw new SignetError('SIGNET_INTERNAL', `A message of ${stream} is gone.`)
  return found.time.getTime()
}
