import type { JetStreamManager } from '@nats-io/jetstream'
import { jetstreamManager } from '@nats-io/jetstream'
import type { NatsConnection } from '@nats-io/transport-node'
import { connect, headers } from '@nats-io/transport-node'
import { setTimeout as sleep } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import type { Agent, AgentConfig } from '../../src/agent.ts'
import { createAgent } from '../../src/agent.ts'
import { loadTopology } from '../../src/config/topology-load.ts'
import type { AgentProcess } from '../../src/demo/agent-process.ts'
import type { FederationOptions } from '../../src/demo/federation.ts'
import { Federation } from '../../src/demo/federation.ts'
import type { Integration } from '../../src/demo/integration/integration.ts'
import { startIntegration } from '../../src/demo/integration/integration.ts'
import type { IntegrationOptions } from '../../src/demo/integration/integration-options.ts'
import type { KeptnDoubleOptions } from '../../src/demo/keptn/double-options.ts'
import type { KeptnDouble } from '../../src/demo/keptn/keptn-double.ts'
import { startKeptnDouble } from '../../src/demo/keptn/keptn-double.ts'
import type { NatsProcess } from '../../src/demo/nats-process.ts'
import type { Supercluster } from '../../src/demo/supercluster.ts'
import { KEPTN_STREAM, LOCAL_STREAM, storeNames } from '../../src/domain/store-names.ts'
import type { Log } from '../../src/observe/log.ts'
import { createLog } from '../../src/observe/log.ts'
import { agentConfig } from './agent-config.ts'
import { Listener } from './listener.ts'
import { natsServerBinary } from './nats-server.ts'
import { accessOf, testAccess } from './rig-access.ts'
import { SimulatedStamps } from './simulated-stamps.ts'
import type { StoredMessage } from './stream-reader.ts'
import { GrowingStream, readStream } from './stream-reader.ts'

export const HOME = 'core'
const CLI = fileURLToPath(new URL('../../src/cli.js', import.meta.url))

/** An agent in this process, and where it listens. */
export interface AgentInside extends Agent {
  readonly adminUrl: string
  /** Where integrations find Keptn's services; empty where it is no stamp. */
  readonly servicesUrl: string
  /** What it logs as information or a warning, as JSON. */
  readonly logged: readonly string[]
}

export type RigOptions = Partial<Omit<FederationOptions, 'binary' | 'cli' | 'home'>>

/** `names`, all in one ring, in the given geos by turns. */
export function stampsIn(geos: readonly string[], names: readonly string[], ring = 'canary') {
  return names.map((name, index) => ({ name, ring, geo: geos[index % geos.length] as string }))
}

/**
 * Servers and topology of a federation with home stamp `core` in geo `hub`, whose stage `dev` means ring
 * `canary`; by default with stamps `a` in `eu` and `b` in `us`. Agents are started by whoever asks for
 * them: as processes, which can be killed, or inside this one, which is cheaper.
 */
export async function startRig(options: RigOptions = {}): Promise<Rig> {
  const federation = await Federation.prepare({
    binary: await natsServerBinary(),
    cli: CLI,
    home: { geo: 'hub', stamp: HOME },
    rings: ['canary'],
    stamps: stampsIn(['eu', 'us'], ['a', 'b']),
    stages: [{ stage: 'dev', rings: ['canary'] }],
    // All that is tried in the open can be tried with the permissions of `signet topology nats-config` as well.
    ...(process.env['SIGNET_TEST_SECURED'] === '1' && { secured: true }),
    ...options,
  })
  return new Rig(federation)
}

/** A federation under test, and the hands and eyes that a test has in it. Closes all it has started. */
export class Rig implements AsyncDisposable {
  readonly federation: Federation
  readonly names = storeNames({ federation: 'demo', controlPlane: 'main' })
  readonly #closing: (() => Promise<unknown>)[] = []
  readonly #connections = new Map<string, Promise<NatsConnection>>()
  readonly #streams = new Map<string, GrowingStream>()
  #keptn: KeptnDouble | undefined

  constructor(federation: Federation) {
    this.federation = federation
  }

  get supercluster(): Supercluster {
    return this.federation.supercluster
  }

  get stamps(): readonly string[] {
    return this.federation.options.stamps.map(({ name }) => name)
  }

  /** The Keptn double of the home stamp. */
  get keptn(): KeptnDouble {
    if (this.#keptn === undefined) throw new Error('startKeptn comes first')
    return this.#keptn
  }

  /** Stage `dev` with a sequence `delivery` of `tasks`, unless a shipyard is given. */
  async startKeptn(
    tasks: readonly string[] = ['deployment'],
    options: Partial<KeptnDoubleOptions> = {},
  ): Promise<KeptnDouble> {
    const sequence = { name: 'delivery', tasks: tasks.map((name) => ({ name })) }
    this.#keptn = await startKeptnDouble({
      natsUrl: this.supercluster.keptn(HOME).url,
      dispatchMs: 50,
      shipyard: { spec: { stages: [{ name: 'dev', sequences: [sequence] }] } },
      ...options,
    })
    const double = this.#keptn
    this.#closing.push(() => double.stop())
    return double
  }

  async startIntegration(
    stamp: string,
    options: Partial<IntegrationOptions> = {},
    task = 'deployment',
  ): Promise<Integration> {
    const integration = await startIntegration({
      natsUrl: this.supercluster.keptn(stamp).url,
      name: `${task}-service`,
      namespace: 'keptn',
      node: 'node-1',
      subscriptions: [{ event: `sh.keptn.event.${task}.triggered` }],
      ...options,
    })
    this.#closing.push(() => integration.kill())
    return integration
  }

  /** One integration in every stamp, by stamp. */
  async startIntegrations(
    options: (stamp: string) => Partial<IntegrationOptions> = () => ({}),
    task = 'deployment',
  ): Promise<ReadonlyMap<string, Integration>> {
    const started = this.stamps.map(
      async (stamp) => [stamp, await this.startIntegration(stamp, options(stamp), task)] as const,
    )
    return new Map(await Promise.all(started))
  }

  agent(stamp: string): AgentProcess {
    return this.federation.agent(stamp)
  }

  /** All agents as processes, ready; `except` are not started. */
  async startAgents(...except: readonly string[]): Promise<void> {
    for (const agent of this.federation.agents) if (!except.includes(agent.stamp)) agent.start()
    await this.federation.ready()
  }

  /** All agents in this process, ready; `except` are not started. */
  async startAgentsInside(...except: readonly string[]): Promise<void> {
    const stamps = [HOME, ...this.stamps].filter((stamp) => !except.includes(stamp))
    await Promise.all(stamps.map((stamp) => this.startAgentInside(stamp)))
  }

  /** An agent in this process, ready. */
  async startAgentInside(stamp: string, over: Partial<AgentConfig> = {}): Promise<AgentInside> {
    let [adminUrl, servicesUrl] = ['', '']
    const logged: string[] = []
    const log: Log = {
      ...createLog('silent', { stamp }),
      warn: (facts, message) => logged.push(JSON.stringify({ message, ...facts })),
      info: (facts, message) => {
        logged.push(JSON.stringify({ message, ...facts }))
        const { admin, services } = facts as { admin?: string; services?: string }
        adminUrl = admin ?? adminUrl
        servicesUrl = services ?? servicesUrl
      },
    }
    const { topology } = await loadTopology(this.federation.topologyDir)
    const joining = this.federation.options.stamps.find(
      ({ name, joins }) => name === stamp && joins,
    )
    const agent = createAgent(
      {
        ...agentConfig({
          topology,
          stamp,
          gateway: {
            servers: [this.supercluster.gatewayOf(stamp).url],
            auth: accessOf(this.federation, stamp).gateway,
          },
          keptn: {
            servers: [this.supercluster.keptn(stamp).url],
            auth: accessOf(this.federation, stamp).keptn,
          },
        }),
        ...(joining && { joinAt: { geo: joining.geo, ring: joining.ring } }),
        ...over,
      },
      log,
    )
    this.#closing.push(() => agent.stop().catch(() => undefined))
    await agent.start()
    await eventually(() => agent.reasons().length === 0, 20_000, `agent ${stamp} is ready`)
    return { ...agent, adminUrl, servicesUrl, logged }
  }

  /**
   * The stamps that no server runs for and that may have NATS, in this process, behind the gateway of a geo;
   * they handle `tasks`.
   */
  async simulateAbsent(tasks: readonly string[], geo?: string): Promise<SimulatedStamps> {
    const { home, absent = [] } = this.federation.options
    const simulated = new SimulatedStamps(
      await this.connection(this.supercluster.gateway(geo ?? home.geo)),
      {
        scope: { federation: 'demo', controlPlane: 'main' },
        domain: 'hub',
        tasks,
        stamps: absent.filter(({ link }) => link !== 'https'),
      },
    )
    this.#closing.push(() => simulated[Symbol.asyncDispose]())
    return simulated
  }

  /** A connection to the Keptn NATS of a stamp. */
  nats(stamp: string): Promise<NatsConnection> {
    return this.connection(this.supercluster.keptn(stamp))
  }

  /** A connection to any server, one for each, which comes back after every outage. */
  connection(server: NatsProcess): Promise<NatsConnection> {
    const known = this.#connections.get(server.name)
    if (known !== undefined) return known
    const connecting = connect({
      servers: server.url,
      maxReconnectAttempts: -1,
      reconnectTimeWait: 50,
      reconnectJitter: 10,
      ...testAccess(this.federation, server.name),
    })
    this.#connections.set(server.name, connecting)
    this.#closing.push(async () => (await connecting).close())
    return connecting
  }

  /** JetStream of the hub store, asked where it runs. */
  async hubStore(): Promise<JetStreamManager> {
    return jetstreamManager(await this.connection(this.supercluster.store), { checkAPI: false })
  }

  /** JetStream of a stamp's Keptn NATS. */
  async keptnStore(stamp: string): Promise<JetStreamManager> {
    return jetstreamManager(await this.nats(stamp), { checkAPI: false })
  }

  /** Hears everything under a pattern at a stamp's Keptn NATS from now on. */
  async listen(stamp: string, pattern = 'sh.keptn.>'): Promise<Listener> {
    const nc = await this.nats(stamp)
    const listener = new Listener(nc, pattern)
    await nc.flush()
    return listener
  }

  /**
   * Publishes to a stamp's Keptn NATS, and resolves when the stream that captures it has it: at home
   * Keptn's own.
   */
  async publish(
    stamp: string,
    subject: string,
    body: string | Uint8Array,
    fields: Readonly<Record<string, string>> = {},
  ): Promise<number> {
    const nc = await this.nats(stamp)
    const head = headers()
    for (const [name, value] of Object.entries(fields)) head.set(name, value)
    const answer = await nc.request(subject, body, { timeout: 5_000, headers: head })
    const { stream, seq } = answer.json<{ stream?: string; seq?: number }>()
    const expected = stamp === HOME ? KEPTN_STREAM : LOCAL_STREAM
    if (stream !== expected || seq === undefined) throw new Error(`stored in ${stream}: ${subject}`)
    return seq
  }

  /** The whole of a stream in the hub store; empty where there is none yet. */
  stored(stream: 'down' | 'up' | 'deadLetters'): Promise<readonly StoredMessage[]> {
    return this.storedUnder(this.names[stream])
  }

  /** The same, of any stream of the hub store by its name. */
  async storedUnder(name: string): Promise<readonly StoredMessage[]> {
    return readStream(await this.connection(this.supercluster.store), name)
  }

  /** The whole of a stream of a stamp's Keptn NATS; not for two readers at once. */
  async storedIn(stamp: string, stream: string): Promise<readonly StoredMessage[]> {
    const key = `${stamp}/${stream}`
    const known = this.#streams.get(key) ?? new GrowingStream(await this.nats(stamp), stream)
    this.#streams.set(key, known)
    return known.read()
  }

  /** The reasons of all dead letters, with the subjects they had, in order. */
  async deadLetters(): Promise<readonly { reason: string; from: string; subject: string }[]> {
    return (await this.stored('deadLetters')).map((message) => {
      const [, , , , direction, stamp, reason = ''] = message.subject.split('.')
      return { reason, from: `${direction}/${stamp}`, subject: message.header('Signet-Subject') }
    })
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.allSettled(this.#closing.toReversed().map((close) => close()))
    await this.federation.close()
  }
}

/** Asks until the answer is truthy, and returns it; failures of the question count as "not yet". */
export async function eventually<T>(
  probe: () => T | Promise<T>,
  limitMs = 10_000,
  what = 'it',
): Promise<Exclude<T, false | 0 | '' | null | undefined>> {
  const end = Date.now() + limitMs
  let last: unknown
  for (;;) {
    try {
      const value = await probe()
      if (value) return value as Exclude<T, false | 0 | '' | null | undefined>
      last = value
    } catch (error) {
      last = error
    }
    if (Date.now() > end) throw new Error(`did not come about: ${what} (${String(last)})`)
    await sleep(20)
  }
}
