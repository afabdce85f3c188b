import type { ExecutionContext } from 'ava'
import type { Supercluster } from '../../src/demo/supercluster.ts'
import { startSupercluster } from '../../src/demo/supercluster.ts'
import type { ApiRule } from '../../src/domain/api-rules.ts'
import { DEFAULT_API_RULES } from '../../src/domain/api-rules.ts'
import { proxyDestination, serviceDestination } from '../../src/domain/stamp-surface.ts'
import { storeNames } from '../../src/domain/store-names.ts'
import type { StampServerOptions } from '../../src/http/stamp-server.ts'
import { StampServer } from '../../src/http/stamp-server.ts'
import type { Tunnel } from '../../src/http/tunnel-route.ts'
import { ApiLines } from '../../src/links/api-lines.ts'
import { Bucket } from '../../src/links/bucket.ts'
import type { NatsAddress } from '../../src/links/nats-options.ts'
import { NatsSide } from '../../src/links/nats-side.ts'
import { Store } from '../../src/links/store.ts'
import { Metrics } from '../../src/observe/metrics.ts'
import { fixedTopology } from '../../src/runtime/topology-source.ts'
import type { CallRecord } from '../../src/tunnel/applied-calls.ts'
import { TunnelClient } from '../../src/tunnel/tunnel-client.ts'
import type { TunnelExitOptions } from '../../src/tunnel/tunnel-exit.ts'
import { TunnelExit } from '../../src/tunnel/tunnel-exit.ts'
import type { TunnelTimes } from '../../src/tunnel/tunnel-times.ts'
import { TUNNEL_TIMES } from '../../src/tunnel/tunnel-times.ts'
import type { EchoService } from './echo-service.ts'
import { startEchoService } from './echo-service.ts'
import { natsServer, natsServerBinary } from './nats-server.ts'
import { registrations, silent } from './registrations.ts'
import { PLACE, SCOPE, topology } from './stamp-agent.ts'
import { rules, servicesAt } from './tunnel-config.ts'

/** Everything at the resource service, and what is allowed anyway. */
const OPEN = rules('* resource-service/**', '* shipyard-controller/**', ...DEFAULT_API_RULES)

export interface TunnelRigOptions {
  readonly times?: Partial<TunnelTimes>
  readonly rules?: readonly ApiRule[]
  readonly limits?: TunnelExitOptions['limits']
  readonly maxPayload?: number
  /** Whether stamp and home are in two geos, with links that can be cut; else they share one server. */
  readonly apart?: boolean
  /** More of the one server's configuration, and who connects to it, with the name as password. */
  readonly config?: string
  readonly users?: { readonly stamp: string; readonly home: string }
}

/** Where the two ends of the tunnel connect to. */
interface Servers {
  readonly stamp: NatsAddress
  readonly home: NatsAddress
  readonly cluster?: Supercluster
  close(): Promise<unknown>
}

/** A gateway server with a hub store, and ends of the tunnel on it with connections of their own. */
export class TunnelRig {
  readonly #closing: (() => Promise<unknown>)[] = []
  readonly service: EchoService
  readonly #options: TunnelRigOptions
  readonly #servers: Servers

  private constructor(servers: Servers, service: EchoService, options: TunnelRigOptions) {
    this.#servers = servers
    this.service = service
    this.#options = options
  }

  static async start(t: ExecutionContext, options: TunnelRigOptions = {}): Promise<TunnelRig> {
    const servers = await startServers(options)
    const service = await startEchoService()
    const rig = new TunnelRig(servers, service, options)
    t.teardown(async () => {
      for (const close of rig.#closing.toReversed()) await close()
      await service[Symbol.asyncDispose]()
      await servers.close()
    })
    return rig
  }

  /** The servers of two geos, for faults between them. */
  get cluster(): Supercluster {
    if (this.#servers.cluster === undefined) throw new Error('this rig has one server')
    return this.#servers.cluster
  }

  async side(name: string): Promise<NatsSide> {
    const side = new NatsSide({
      side: 'gateway',
      address: name === 'eu-core' ? this.#servers.home : this.#servers.stamp,
      clientName: 'test',
      inboxPrefix: `_INBOX.${name}`,
      events: { connected: () => {}, disconnected: () => {}, error: () => {} },
    })
    await side.connect(AbortSignal.timeout(10_000))
    this.#closing.push(() => side.close())
    return side
  }

  async client(over: Partial<TunnelTimes> = {}): Promise<TunnelClient> {
    const client = new TunnelClient({
      lines: new ApiLines(await this.side(PLACE.stamp)),
      scope: SCOPE,
      place: () => PLACE,
      times: { ...TUNNEL_TIMES, ...this.#options.times, ...over },
      mostCalls: 512,
      metrics: new Metrics(),
    })
    await client.start()
    this.#closing.push(() => client.stop(AbortSignal.timeout(2_000)))
    return client
  }

  /** The two ports of a stamp, as one: by path, and by Host name where that is one of Keptn's. */
  async http(tunnel: Tunnel, over: Partial<StampServerOptions> = {}): Promise<string> {
    const server = new StampServer({
      registrations: registrations(),
      onLogs: () => Promise.resolve({ ok: true }),
      events: { take: () => Promise.reject(new Error('no events here')) },
      tunnel,
      mostBytes: 67_108_864,
      stallMs: 60_000,
      name: 'test server',
      key: 'test',
      host: '127.0.0.1',
      port: 0,
      setting: 'none',
      destination: ({ headers, url = '/' }) => {
        const byHost = serviceDestination(headers.host, url)
        return byHost.kind === 'unknown'
          ? proxyDestination(url, { proxyPath: '/', eventPath: '/event' })
          : byHost
      },
      log: silent,
      ...over,
    })
    await server.start()
    this.#closing.push(() => server.stop(AbortSignal.timeout(1_000)))
    return server.url
  }

  async exit(over: Partial<TunnelExitOptions> = {}): Promise<TunnelExit & { side: NatsSide }> {
    const side = await this.side('eu-core')
    const store = new Store(side, 'hub')
    const url = this.service.url
    const exit = new TunnelExit({
      lines: new ApiLines(side),
      scope: SCOPE,
      topology: fixedTopology(topology()),
      rules: this.#options.rules ?? OPEN,
      way: {
        kind: 'internal',
        urls: servicesAt(url),
      },
      limits: this.#options.limits ?? { mostCalls: 256, mostBytes: 67_108_864 },
      joined: () => Promise.resolve(undefined),
      openCalls: () =>
        Bucket.open<CallRecord>(store, {
          name: storeNames(SCOPE).callsBucket,
          ttlMs: 900_000,
          replicas: 1,
        }),
      times: { ...TUNNEL_TIMES, ...this.#options.times },
      log: silent,
      metrics: new Metrics(),
      ...over,
    })
    await exit.start()
    await side.connection.flush()
    this.#closing.push(() => exit.stop(AbortSignal.timeout(2_000)))
    return Object.assign(exit, { side })
  }
}

async function startServers({
  maxPayload = 1_048_576,
  apart,
  config = '',
  users,
}: TunnelRigOptions): Promise<Servers> {
  if (apart === true) {
    const cluster = await startSupercluster({
      binary: await natsServerBinary(),
      geos: ['hub', PLACE.geo],
      home: { geo: 'hub', stamp: 'eu-core' },
      stamps: [{ name: PLACE.stamp, geo: PLACE.geo }],
      maxPayload,
      proxied: true,
    })
    await cluster.ready()
    const auth = { user: 'fed', password: 'fed' }
    return {
      stamp: { servers: [cluster.gatewayOf(PLACE.stamp).url], auth },
      home: { servers: [cluster.gatewayOf('eu-core').url], auth },
      cluster,
      close: () => cluster.close(),
    }
  }
  const jetstream = `jetstream { domain: hub }\nmax_payload: ${maxPayload}`
  const server = await natsServer({ config: `${jetstream}\n${config}` })
  const address = (user: string | undefined): NatsAddress => ({
    servers: [server.url],
    auth: user === undefined ? {} : { user, password: user },
  })
  return {
    stamp: address(users?.stamp),
    home: address(users?.home),
    close: () => server[Symbol.asyncDispose](),
  }
}
