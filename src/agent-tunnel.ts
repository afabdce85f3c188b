import type { ApiRule } from './domain/api-rules.ts'
import { proxyDestination, serviceDestination } from './domain/stamp-surface.ts'
import type { ProxyPaths } from './domain/stamp-surface.ts'
import { CACHE_PREFIX, CACHE_STREAM, storeNames } from './domain/store-names.ts'
import { callRefusal } from './domain/residency.ts'
import { joinedPlace, parseStanding, standingKey } from './domain/stamp-standing.ts'
import type { Place } from './domain/subject.ts'
import { splitTarget } from './domain/request-target.ts'
import type { ControlPlane, Stamp, Topology } from './domain/topology.ts'
import { controlPlaneOf } from './domain/topology.ts'
import type { Border } from './flow/border.ts'
import type { StampServerOptions } from './http/stamp-server.ts'
import { StampServer } from './http/stamp-server.ts'
import type { Tunnel } from './http/tunnel-route.ts'
import { hubBucketPlans } from './hub/hub-streams.ts'
import { ApiLines } from './links/api-lines.ts'
import { Bucket } from './links/bucket.ts'
import type { NatsSide } from './links/nats-side.ts'
import type { Replicas } from './links/replicas.ts'
import { Shelf } from './links/shelf.ts'
import { Store } from './links/store.ts'
import type { Log } from './observe/log.ts'
import type { Metrics } from './observe/metrics.ts'
import type { Tracing } from './observe/tracing.ts'
import type { Part } from './runtime/lifecycle.ts'
import type { TopologySource } from './runtime/topology-source.ts'
import { CoreMessages } from './links/core-messages.ts'
import type { AllowanceOptions } from './tunnel/allowance.ts'
import type { CallRecord } from './tunnel/applied-calls.ts'
import type { KeptnCaller } from './tunnel/keptn-caller.ts'
import { CHUNK_BYTES } from './tunnel/body-flow.ts'
import { EventIntake } from './tunnel/event-intake.ts'
import { ResourceCache } from './tunnel/resource-cache.ts'
import type { ServiceWay } from './tunnel/service-caller.ts'
import { TunnelClient } from './tunnel/tunnel-client.ts'
import { TunnelExit } from './tunnel/tunnel-exit.ts'
import type { TunnelRequest } from './tunnel/tunnel-request.ts'
import { isWhole } from './tunnel/tunnel-request.ts'
import { TUNNEL_TIMES } from './tunnel/tunnel-times.ts'

/** What an agent is told about the tunnel; made from settings. */
export interface TunnelConfig extends ProxyPaths {
  /** How long the answer to a call may take to begin, in milliseconds. */
  readonly answerMs: number
  /** The largest body of a request, in bytes. */
  readonly mostBodyBytes: number
  /** How much of immutable resources the stamp keeps, in bytes; 0: nothing. */
  readonly cacheBytes: number
  /** For the home stamp: where Keptn's services are, and what stamps may ask of them. */
  readonly way: ServiceWay
  readonly rules: readonly ApiRule[]
  readonly limits: AllowanceOptions
}

interface Shared {
  readonly border: Border
  readonly topology: TopologySource
  readonly tunnel: TunnelConfig
  readonly gateway: NatsSide
  readonly replicas: Replicas
  readonly log: Log
  readonly metrics: Metrics
  readonly tracing?: Tracing | undefined
}

/** Calls to Keptn's API that are kept, so that they are applied once: longer than anybody asks again. */
const CALLS_TTL_MS = 1_800_000

/** The end of the tunnel in the home stamp of a control plane; every agent there has it. */
export function createTunnelExit(shared: Shared, controlPlane: ControlPlane): TunnelExit {
  const { topology, tunnel, gateway, replicas, border, log, metrics, tracing } = shared
  const scope = { federation: topology.current.federation, controlPlane: controlPlane.name }
  const store = new Store(gateway, controlPlane.storeDomain)
  const names = storeNames(scope)
  const calls = { name: names.callsBucket, ttlMs: CALLS_TTL_MS, replicas }
  const { stamps } = hubBucketPlans(names, replicas)
  let standings: Bucket<unknown> | undefined
  return new TunnelExit({
    ...tunnel,
    lines: new ApiLines(gateway),
    scope,
    topology,
    joined: async (stamp) => {
      standings ??= await Bucket.open<unknown>(store, stamps)
      const found = await standings.get(standingKey(stamp))
      return joinedPlace(stamp, parseStanding(found?.value))
    },
    openCalls: () => Bucket.open<CallRecord>(store, calls),
    refusal: ({ geo }, call) => {
      const from = controlPlane.home.geo
      const why = callRefusal(topology.current, { from, to: geo, isBody: true }, call)
      if (why !== undefined) border.count('down', 'answer')
      return why
    },
    times: { ...TUNNEL_TIMES, answerMs: tunnel.answerMs },
    log,
    metrics,
    tracing,
  })
}

/** The way from a stamp to Keptn's services. */
export interface StampTunnel extends Tunnel {
  /** What it is made of, in the order of its start. */
  readonly clients: readonly Part[]
  /** The way to the first control plane, which has the stamp's registrations and logs. */
  readonly toFirst: KeptnCaller
}

/** Over NATS: the tunnel's beginning, one way to each control plane, and the one that a request takes. */
export function natsTunnel(
  { topology, tunnel, gateway, border, metrics, tracing }: Omit<Shared, 'replicas' | 'log'>,
  stamp: () => Stamp,
): StampTunnel {
  const { federation, controlPlanes } = topology.current
  const clients = controlPlanes.map(
    ({ name, home }) =>
      new TunnelClient({
        lines: new ApiLines(gateway),
        scope: { federation, controlPlane: name },
        place: () => placeOf(stamp()),
        times: { ...TUNNEL_TIMES, answerMs: tunnel.answerMs },
        mostCalls: MOST_CALLS,
        refusal: leavingRefusal({ topology, border }, stamp, home.geo),
        metrics,
        tracing,
      }),
  )
  // The topology has at least one control plane, or its files were refused.
  const toFirst = clients[0] as TunnelClient
  const open: Tunnel['open'] = (request, signal) => {
    const index = planeIndex(topology.current, controlPlanes, request.target)
    return (clients[index] ?? toFirst).open(request, signal)
  }
  return { clients, toFirst, open }
}

/** Why a request may not leave the geo of a stamp for that of its control plane; undefined where it may. */
export function leavingRefusal(
  { topology, border }: Pick<Shared, 'topology' | 'border'>,
  stamp: () => Stamp,
  to: string,
): (call: TunnelRequest) => string | undefined {
  return (call) => {
    const isBody = !isWhole(call.body) || call.body.length > 0
    const why = callRefusal(topology.current, { from: stamp().geo, to, isBody }, call)
    if (why !== undefined) border.count('up', 'call')
    return why
  }
}

/** The same way, with what cannot change kept in the stamp. */
export function withCache(
  {
    tunnel,
    keptn,
    log,
    metrics,
  }: Pick<Shared, 'tunnel' | 'log' | 'metrics'> & {
    readonly keptn: NatsSide
  },
  way: StampTunnel,
): StampTunnel {
  if (tunnel.cacheBytes === 0) return way
  const cache = new ResourceCache({
    open: (request, signal) => way.open(request, signal),
    shelf: new Shelf(keptn, {
      stream: CACHE_STREAM,
      prefix: CACHE_PREFIX,
      mostBytes: tunnel.cacheBytes,
    }),
    partBytes: () => Math.min(CHUNK_BYTES, keptn.maxPayloadBytes - 1_024),
    log,
    metrics,
  })
  return { ...way, open: (request, signal) => cache.open(request, signal) }
}

function placeOf({ geo, ring, name }: Stamp): Place {
  return { geo, ring, stamp: name }
}

/** What a stamp's agent has under way at once. */
const MOST_CALLS = 512

/** A target that names a project goes to that project's control plane, all else to the first. */
function planeIndex(topology: Topology, planes: readonly ControlPlane[], target: string): number {
  const { path } = splitTarget(target)
  const project = /^\/v1\/project\/([^/%]+)/.exec(path)?.[1]
  const plane = project === undefined ? undefined : controlPlaneOf(topology, project)
  // A reload may put them in another order, or change their projects.
  const index = planes.findIndex(({ name }) => name === (plane ?? topology.controlPlanes[0])?.name)
  return Math.max(0, index)
}

type Routes = Pick<StampServerOptions, 'registrations' | 'onLogs' | 'log'>

interface Listening {
  readonly host: string
  readonly port: number
}

/** The two servers of a stamp: Keptn's services by their names, and a distributor's paths. */
export function createStampServers(
  config: { readonly tunnel: TunnelConfig; readonly services: Listening; readonly http: Listening },
  routes: Routes,
  { tunnel, keptn, metrics }: { tunnel: Tunnel; keptn: NatsSide; metrics: Metrics },
): readonly StampServer[] {
  const events = new EventIntake({
    side: keptn,
    store: new Store(keptn),
    messages: new CoreMessages(keptn),
    onLogs: routes.onLogs,
    integrationId: (name) => routes.registrations.find({ name })[0]?.id,
    metrics,
  })
  const shared = {
    ...routes,
    tunnel,
    events,
    mostBytes: config.tunnel.mostBodyBytes,
    stallMs: TUNNEL_TIMES.stallMs,
  }
  return [
    new StampServer({
      ...shared,
      ...config.services,
      name: 'services server',
      key: 'services',
      setting: 'SIGNET_SERVICES_PORT',
      destination: ({ headers, url = '/' }) => serviceDestination(headers.host, url),
    }),
    new StampServer({
      ...shared,
      ...config.http,
      name: 'HTTP server',
      key: 'http',
      setting: 'SIGNET_HTTP_PORT',
      destination: ({ url = '/' }) => proxyDestination(url, config.tunnel),
    }),
  ]
}
