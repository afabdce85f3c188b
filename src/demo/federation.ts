import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { stringify } from 'yaml'
import type { LinkKind } from '../domain/topology.ts'
import { SignetError } from '../errors.ts'
import { AgentProcess } from './agent-process.ts'
import { federationUser } from './nats-config.ts'
import { securedEnvironment, securedServers } from './secured-servers.ts'
import type { Supercluster } from './supercluster.ts'
import { startSupercluster } from './supercluster.ts'

/** A stamp of a federation to be started on this machine. */
export interface FederationStamp {
  readonly name: string
  readonly geo: string
  readonly ring: string
  /** Left out of its ring file: it joins by itself. */
  readonly joins?: true
  readonly link?: LinkKind
}

export interface FederationOptions {
  /** The nats-server to run. */
  readonly binary: string
  /** The built command line: `dist/src/cli.js`. */
  readonly cli: string
  readonly name?: string
  readonly home: { readonly geo: string; readonly stamp: string }
  /** Release order. */
  readonly rings: readonly string[]
  readonly stamps: readonly FederationStamp[]
  /** As in `federation.yaml`. */
  readonly stages: readonly object[]
  /** As in `federation.yaml`. */
  readonly tasks?: Readonly<Record<string, object>>
  /** `residency:` of the geo files, by geo. */
  readonly residency?: Readonly<Record<string, object>>
  /** `rollout:` of the ring files, by ring, as they have it. */
  readonly rollouts?: Readonly<Record<string, object>>
  /** Stamps that are in the topology only: no server runs for them, and no agent. */
  readonly absent?: readonly FederationStamp[]
  /** `handles:` of every ring. */
  readonly handles?: readonly string[]
  /** `join:` of ring files, by ring. */
  readonly join?: Readonly<Record<string, object>>
  /** How many agents every stamp has, home included; default 1. */
  readonly agentsPerStamp?: number
  /** More settings of every agent. */
  readonly environment?: Readonly<Record<string, string>>
  /** More of them that are known only when an agent starts; asked each time. */
  readonly atStart?: () => Readonly<Record<string, string>>
  /** Whether the links between the servers can be cut. */
  readonly proxied?: boolean
  readonly maxPayload?: number
  /** Whether the servers have the accounts and permissions of `signet topology nats-config`. */
  readonly secured?: boolean
  /** Where everything lies, and stays. Default: a temporary folder that goes. */
  readonly dir?: string
}

/** A running federation: the servers, a topology folder, and the agent processes of each stamp. */
export class Federation implements AsyncDisposable {
  readonly supercluster: Supercluster
  readonly topologyDir: string
  readonly dir: string
  readonly options: FederationOptions
  readonly #agents: ReadonlyMap<string, readonly AgentProcess[]>
  readonly #ownsDir: boolean

  constructor(
    options: FederationOptions,
    dir: string,
    supercluster: Supercluster,
    agents: ReadonlyMap<string, readonly AgentProcess[]>,
  ) {
    this.options = options
    this.dir = dir
    this.topologyDir = join(dir, 'topology')
    this.supercluster = supercluster
    this.#agents = agents
    this.#ownsDir = options.dir === undefined
  }

  /** Starts the servers and writes the topology; agents are started with `startAgents`. */
  static async prepare(options: FederationOptions): Promise<Federation> {
    const { binary, home, stamps, proxied = false, maxPayload, agentsPerStamp = 1 } = options
    const { secured = false } = options
    const dir = options.dir ?? (await mkdtemp(join(tmpdir(), 'signet-federation-')))
    await writeTopology(options, join(dir, 'topology'))
    const access = secured ? await securedServers(join(dir, 'topology')) : undefined
    const geos = [...new Set([home.geo, ...stamps.map(({ geo }) => geo)])]
    const supercluster = await startSupercluster({
      binary,
      geos,
      home,
      stamps: stamps.map(({ name, geo }) => ({ name, geo })),
      storeDomain: 'hub',
      dir: join(dir, 'nats'),
      proxied,
      ...(access && { secured: access }),
      ...(maxPayload === undefined ? {} : { maxPayload }),
    })
    await mkdir(join(dir, 'logs'), { recursive: true })
    const names = [home.stamp, ...stamps.map(({ name }) => name)]
    const numbers = Array.from({ length: agentsPerStamp }, (_, index) => index)
    const agents = new Map(
      names.map((stamp) => [
        stamp,
        numbers.map((number) => agentProcess(options, dir, supercluster, stamp, number)),
      ]),
    )
    const federation = new Federation(options, dir, supercluster, agents)
    try {
      await supercluster.ready()
    } catch (error) {
      await federation.close()
      throw error
    }
    return federation
  }

  /** The first agent of a stamp; SIGNET_USAGE where there is no such stamp. */
  agent(stamp: string): AgentProcess {
    const [agent] = this.agentsOf(stamp)
    if (agent !== undefined) return agent
    throw new SignetError('SIGNET_USAGE', `There is no stamp ${stamp}.`)
  }

  /** All agents of a stamp, in the order of their names. */
  agentsOf(stamp: string): readonly AgentProcess[] {
    return this.#agents.get(stamp) ?? []
  }

  get agents(): readonly AgentProcess[] {
    return [...this.#agents.values()].flat()
  }

  /** Starts all agents at once; `ready` waits for them. */
  startAgents(): void {
    for (const agent of this.agents) agent.start()
  }

  /** Resolves when every agent that runs is ready. */
  async ready(limitMs?: number): Promise<void> {
    await Promise.all(
      this.agents.filter((agent) => agent.isRunning).map((agent) => agent.ready(limitMs)),
    )
  }

  /** Ends everything. May be called twice. */
  async close(): Promise<void> {
    await Promise.all(this.agents.map((agent) => agent.kill()))
    await this.supercluster.close()
    if (this.#ownsDir) await rm(this.dir, { recursive: true, force: true, maxRetries: 3 })
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close()
  }
}

function agentProcess(
  { cli, home, stamps, secured = false, environment = {}, atStart }: FederationOptions,
  dir: string,
  supercluster: Supercluster,
  stamp: string,
  number: number,
): AgentProcess {
  const joining = stamps.find(({ name, joins }) => name === stamp && joins)
  const name = `${stamp}-${number}`
  return new AgentProcess({
    stamp,
    name,
    cli,
    logFile: join(dir, 'logs', `${number === 0 ? stamp : name}.log`),
    environment: {
      // As in a pod: an agent that is started again knows that the one before it is gone.
      K8S_POD_NAME: name,
      SIGNET_STAMP: stamp,
      ...(joining && { SIGNET_GEO: joining.geo, SIGNET_RING: joining.ring }),
      SIGNET_TOPOLOGY: join(dir, 'topology'),
      SIGNET_NATS_URL: supercluster.gatewayOf(stamp).url,
      ...(secured ? securedEnvironment(stamp, home.stamp) : sharedEnvironment),
      NATS_URL: supercluster.keptn(stamp).url,
      SIGNET_LISTEN: '127.0.0.1',
      SIGNET_ADMIN_PORT: '0',
      SIGNET_HTTP_PORT: '0',
      SIGNET_SERVICES_PORT: '0',
      SIGNET_PRESENCE_INTERVAL: '1s',
      ...environment,
    },
    ...(atStart === undefined ? {} : { atStart }),
  })
}

/** The account that all agents share where nothing is to be protected. */
const sharedEnvironment = {
  SIGNET_NATS_USER: federationUser.user,
  SIGNET_NATS_PASSWORD: federationUser.pass,
}

/** Writes a topology as one file. */
export async function writeTopology(options: FederationOptions, dir: string): Promise<void> {
  const { name = 'demo', home, rings, stages, tasks, handles, join: joins, rollouts } = options
  const stamps = [...options.stamps, ...(options.absent ?? [])]
  const documents: object[] = [
    {
      apiVersion: 'signet/v1',
      kind: 'Federation',
      name,
      controlPlanes: [{ name: 'main', home, projects: ['*'], store: { domain: 'hub' } }],
      rings,
      stages,
      ...(tasks === undefined ? {} : { tasks }),
    },
  ]
  for (const geo of new Set([home.geo, ...stamps.map((stamp) => stamp.geo)]))
    documents.push({
      apiVersion: 'signet/v1',
      kind: 'Geo',
      geo,
      ...(options.residency?.[geo] && { residency: options.residency[geo] }),
    })
  for (const place of new Set(stamps.map(({ geo, ring }) => `${geo}/${ring}`))) {
    const [geo = '', ring = ''] = place.split('/')
    documents.push({
      apiVersion: 'signet/v1',
      kind: 'Ring',
      geo,
      ring,
      ...(handles === undefined ? {} : { handles }),
      ...(joins?.[ring] && { join: joins[ring] }),
      ...(rollouts?.[ring] && { rollout: rollouts[ring] }),
      stamps: stamps
        .filter((stamp) => stamp.geo === geo && stamp.ring === ring && !stamp.joins)
        .map(({ name: stamp, link }) => ({ name: stamp, ...(link === undefined ? {} : { link }) })),
    })
  }
  await mkdir(dir, { recursive: true })
  const text = documents.map((document) => stringify(document)).join('---\n')
  await writeFile(join(dir, 'federation.yaml'), text)
}
