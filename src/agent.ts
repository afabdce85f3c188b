import type { ApiConfig } from './agent-api.ts'
import { apiPart, apiTunnel, createUplink, linkWarning, OVER_HTTPS } from './agent-api.ts'
import { createBothLinks } from './agent-both.ts'
import { createHttpsLeading } from './agent-https.ts'
import { createLease } from './agent-lease.ts'
import type { Leading, Watched } from './agent-leading.ts'
import { createLeading } from './agent-leading.ts'
import { probePart, sidePart } from './agent-side-parts.ts'
import type { StampTunnel, TunnelConfig } from './agent-tunnel.ts'
import {
  createStampServers,
  createTunnelExit,
  natsTunnel,
  withCache,
  leavingRefusal,
} from './agent-tunnel.ts'
import type { Place } from './domain/subject.ts'
import { inboxPrefix } from './domain/subject.ts'
import type { Stamp, Topology } from './domain/topology.ts'
import type { BehalfIntegration } from './domain/behalf.ts'
import { joinedStamp } from './domain/join.ts'
import type { UpstreamPace } from './domain/upstream-schedule.ts'
import { SignetError } from './errors.ts'
import { Border } from './flow/border.ts'
import { AdminServer } from './http/admin-server.ts'
import { CoreMessages } from './links/core-messages.ts'
import type { NatsAddress } from './links/nats-options.ts'
import { NatsSide } from './links/nats-side.ts'
import type { Replicas } from './links/replicas.ts'
import { Store } from './links/store.ts'
import type { Term } from './links/term.ts'
import type { Log } from './observe/log.ts'
import { Metrics } from './observe/metrics.ts'
import { Reloads } from './observe/reloads.ts'
import { agentStatus } from './observe/status.ts'
import type { Tracing } from './observe/tracing.ts'
import { Leadership } from './runtime/leadership.ts'
import type { Part } from './runtime/lifecycle.ts'
import { Lifecycle } from './runtime/lifecycle.ts'
import { LiveTopology, perTopology } from './runtime/topology-source.ts'
import { Registrations } from './stamp/registrations.ts'
import { logsUpstream } from './stamp/upstream.ts'

/** Everything an agent needs to know; made from settings and topology, and checked before. */
export interface AgentConfig {
  readonly version: string
  readonly topology: Topology
  /** This stamp's name: a stamp of the topology, or the home stamp of a control plane. */
  readonly stamp: string
  /** Where the stamp stands if the topology does not list it: it joins by itself (DESIGN 7.8). */
  readonly joinAt?: { readonly geo: string; readonly ring: string }
  /** Those that the agent registers and posts events to; absent: none. Not at home. */
  readonly integrations?: readonly BehalfIntegration[]
  /** Which of the agents of its stamp it is; letters, digits, `-` and `_`. */
  readonly agent: string
  /** Never turned to where the link of the stamp is `https`. */
  readonly gateway: NatsAddress
  readonly keptn: NatsAddress
  /** Where the link is `https`, or may become so; absent: it stays NATS. */
  readonly api?: ApiConfig
  readonly admin: { readonly host: string; readonly port: number }
  /** Where this stamp's integrations find Keptn's services by their fixed names. */
  readonly services: { readonly host: string; readonly port: number }
  /** Where they find the distributor's proxy paths. */
  readonly http: { readonly host: string; readonly port: number }
  readonly inFlight: number
  readonly drainMs: number
  readonly dedupeWindowMs: number
  readonly retentionMs: number
  readonly presenceIntervalMs: number
  readonly replicas: Replicas
  readonly tunnel: TunnelConfig
  /** Where traces go; absent: nowhere. */
  readonly tracing?: Tracing
  /** How often the control plane is told of integrations, where it is not the usual. */
  readonly upstreamPace?: UpstreamPace
  /** How often a hub asks for the integrations of stamps that poll, in milliseconds, where not as usual. */
  readonly registrationsMs?: number
}

export interface Agent {
  /** Resolves when everything works; may take as long as the servers take to come up. */
  start(): Promise<void>
  /** Drains. May be called twice, and during the start. */
  stop(): Promise<void>
  /** Why it is not ready; empty where it is. */
  reasons(): readonly string[]
  /** How its files stand to what it runs with; whoever reads them says so here. */
  readonly reloads: Reloads
  /**
   * Goes over to another topology, as a whole, once everything for it is prepared; `whyNotReload` must have
   * no objection. Rejects when `signal` is aborted before that.
   */
  replaceTopology(next: Topology, signal: AbortSignal): Promise<void>
  /** Takes over the settings that may change while it runs. */
  retune(settings: LiveSettings): void
}

/** What of the settings may change while an agent runs, besides its log. */
export type LiveSettings = Pick<AgentConfig, 'presenceIntervalMs'>

/**
 * The composition root: what an agent is made of, in the order of its start. The parts are handed to the
 * lifecycle, which stops them in the reverse order; the admin server goes last, so that metrics can be
 * scraped to the end. What is here runs in every agent of a stamp; src/agent-leading.ts has what runs in one.
 */
export function createAgent(config: AgentConfig, log: Log): Agent {
  const { topology: first, stamp } = config
  const topology = new LiveTopology(first)
  let live: LiveSettings = config
  // No reload changes what follows, but for the ring of the place.
  const homeOf = first.controlPlanes.filter(({ home }) => home.stamp === stamp)
  // A home stamp is no target, whatever ring it stands in, and a second stream over Keptn's subjects would
  // keep Keptn from starting (wire 1.7).
  const place = homeOf.length > 0 ? undefined : ownStamp(config, first)
  if (place === undefined && homeOf.length === 0) throw unknownStamp(stamp)

  const metrics = new Metrics()
  const border = new Border({ topology, metrics })
  const reloads = new Reloads(metrics, Date.now)
  const up = createUplink(place?.link ?? 'nats', config.api, () =>
    natsSide('gateway', config.gateway, config, log, metrics),
  )
  const keptn = natsSide('keptn', config.keptn, config, log, metrics)
  const keptnStore = new Store(keptn)
  const local = place === undefined ? undefined : createLocal(place)
  const { lease, agents, listing } = createLease(config, homeOf[0], up.gateway, keptn)
  const leadership = new Leadership({
    lease,
    make: lead,
    drainMs: config.drainMs,
    onChange: () => {
      const { term } = leadership
      if (term === undefined) log.info({}, 'This agent leads its stamp no more.')
      else log.info({ term }, 'This agent leads its stamp.')
    },
    onTrouble: (error) => {
      log.error({ error }, 'What a leader runs could not be started or stopped.')
    },
  })
  const watched = (): readonly Watched[] => leadership.led?.watched ?? []
  const reasons = (): readonly string[] => [
    ...(lifecycle.state === 'draining' ? ['the agent drains'] : []),
    ...(up.gateway === undefined || local?.both?.choice.standing === 'https'
      ? []
      : sideReason('gateway', up.gateway)),
    ...sideReason('Keptn', keptn),
    ...(leadership.notReady === undefined ? [] : [leadership.notReady]),
    ...watched().flatMap(({ name, notReady }) =>
      notReady === undefined ? [] : [`${name}: ${notReady}`],
    ),
  ]
  const admin = new AdminServer({
    ...config.admin,
    log,
    role: () =>
      leadership.leads ? 'leader' : leadership.standing === 'follows' ? 'follower' : 'none',
    reasons,
    warnings: () => [
      ...watched().flatMap(({ name, warning }) =>
        warning === undefined ? [] : [`${name}: ${warning}`],
      ),
      ...reloads.warnings,
      ...linkWarning(place?.link, local?.stamp().link),
      ...(local?.both?.choice.standing === 'https' ? [OVER_HTTPS] : []),
    ],
    status: async () => {
      const { led, leads, leader } = leadership
      const recipients = led?.recipients ?? []
      const integrations =
        local === undefined ? undefined : { ...local, held: led?.held ?? 0, recipients }
      const hubs = led?.hubs ?? []
      const lead = { leads, leader, agents: await agents.read() }
      const links = { ...(up.gateway && { gateway: up.gateway.state }), keptn: keptn.state }
      const https = up.api && (led?.https ?? { endpoint: up.api.shownEndpoint, polls: false })
      const sources = { config, homeOf, links, https, hubs, integrations, reloads }
      const now = { topology: topology.current, place: local?.stamp(), reasons: reasons() }
      return agentStatus({ ...sources, ...now, ...lead }, Date.now())
    },
    metrics: () => {
      metrics.leader.set(leadership.leads ? 1 : 0)
      local?.registrations.observe()
      // Also what the parts of an earlier term set after its end: nobody else says it meanwhile, or another agent does.
      if (leadership.led === undefined) metrics.endTerm()
      for (const part of watched()) part.observe()
      return metrics.text(standsAt(stamp, topology.current, local?.stamp()))
    },
  })
  const parts: Part[] = [
    admin,
    ...(config.tracing === undefined ? [] : [tracesPart(config.tracing)]),
    ...(up.api === undefined ? [] : [apiPart(up.api)]),
    sidePart(keptn),
    // Before the gateway: a stamp that is cut off still answers its integrations, or they would end.
    ...(local?.parts ?? []),
    ...(up.kind === 'nats' ? gatewayParts(up.gateway) : []),
    ...(local?.tunnels ?? []),
    listing,
    leadership,
  ]
  const lifecycle = new Lifecycle(parts, config.drainMs)
  return {
    start: () => lifecycle.start(),
    stop: () => lifecycle.stop(),
    reasons,
    reloads,
    replaceTopology: (next, signal) => topology.replace(next, signal),
    retune: (settings) => {
      live = settings
    },
  }

  function gatewayParts(side: NatsSide): readonly Part[] {
    const shared = { ...config, topology, gateway: side, border, log, metrics }
    return [
      sidePart(side),
      probePart(side, keptn),
      // Every agent has an end of the tunnel, whoever leads.
      ...homeOf.map((plane) => createTunnelExit(shared, plane)),
    ]
  }

  /** What the agent runs in a term in which it leads. */
  function lead(term: Term): Leading {
    const shared = { ...config, topology, keptn, term, border, log, metrics }
    const known = { live: () => live, agents: () => agents.known }
    if (up.kind !== 'nats') {
      // A home stamp is reached over NATS.
      const stampOf = local as NonNullable<typeof local>
      const { both: links } = stampOf
      const both = up.kind === 'both' && links ? { ...known, ...links, ...up } : undefined
      return createHttpsLeading({ ...shared, ...up, stampOf, ...(both && { both }) })
    }
    const { gateway } = up
    return createLeading({
      ...shared,
      ...known,
      gateway,
      messages: new CoreMessages(gateway),
      homeOf: homeOf[0],
      stampOf: local,
    })
  }

  /** What every agent of a stamp has for the integrations there, whether it leads or follows. */
  function createLocal(atStart: Stamp) {
    const stampNow = perTopology(topology, (current) => ownStamp(config, current) ?? atStart)
    // Never goes back, as the wall clock may: an integration would seem alive for so long.
    const now = (): number => performance.timeOrigin + performance.now()
    const registrations = new Registrations({
      keptnStore,
      messages: new CoreMessages(keptn),
      onConnect: (listener) => {
        keptn.onConnect(listener)
      },
      now,
      maxBytes: () => Math.min(up.gateway?.maxPayloadBytes ?? Infinity, keptn.maxPayloadBytes) / 2,
      log,
      metrics,
    })
    const shared = { ...config, topology, keptn, border, log, metrics }
    // Where the first way leads.
    const to = first.controlPlanes[0]?.home.geo ?? ''
    const refusal = leavingRefusal(shared, stampNow, to)
    const overNats = up.gateway && natsTunnel({ ...shared, gateway: up.gateway }, stampNow)
    const overHttps =
      up.api && apiTunnel({ ...config, rules: config.tunnel.rules, api: up.api, refusal, metrics })
    const both =
      up.kind === 'both' && overNats && overHttps
        ? createBothLinks({ ...config, up, keptn, topology: first, overNats, overHttps, log })
        : undefined
    // One of them is there.
    const way = (both?.tunnel ?? overNats ?? overHttps) as StampTunnel
    const tunnel = withCache(shared, way)
    const upstream = {
      caller: tunnel.toFirst,
      registrations,
      place: stampNow,
      border: { border, to },
      now,
      pace: config.upstreamPace,
      log,
      metrics,
    }
    const routes = { registrations, log, onLogs: logsUpstream(upstream) }
    const servers = createStampServers(config, routes, { tunnel, keptn, metrics })
    // Pings are answered before the first event is handed over, and until the last one is.
    const localParts: readonly Part[] = [registrations, ...servers]
    const tunnels = tunnel.clients
    return { stamp: stampNow, registrations, upstream, parts: localParts, tunnels, both }
  }
}

function ownStamp({ stamp, joinAt }: AgentConfig, { stamps }: Topology): Stamp | undefined {
  const listed = stamps.find(({ name }) => name === stamp)
  return listed ?? (joinAt === undefined ? undefined : joinedStamp({ ...joinAt, stamp }))
}

/** Where its numbers say that it stands: a home stamp is in no ring, unless a ring file lists it. */
function standsAt(name: string, { controlPlanes, stamps }: Topology, own?: Stamp): Place {
  const { geo = '', ring = '' } = own ?? stamps.find((it) => it.name === name) ?? {}
  const home = controlPlanes.find((plane) => plane.home.stamp === name)?.home
  return { geo: home?.geo ?? geo, ring, stamp: name }
}

function natsSide(
  side: 'gateway' | 'keptn',
  address: NatsAddress,
  { stamp, version }: AgentConfig,
  log: Log,
  metrics: Metrics,
): NatsSide {
  metrics.linkUp.set({ link: side }, 0)
  return new NatsSide({
    side,
    address,
    clientName: `signet ${version} ${stamp}`,
    inboxPrefix: inboxPrefix(stamp),
    events: {
      connected: (server) => {
        metrics.linkUp.set({ link: side }, 1)
        log.info({ side, server }, 'Connected.')
      },
      disconnected: (reason) => {
        metrics.linkUp.set({ link: side }, 0)
        log.warn({ side, reason }, 'Not connected.')
      },
      error: (error) => {
        log.warn({ side, error: error.message }, 'The server reports an error.')
      },
    },
  })
}

/** Stopped after all that is traced. */
function tracesPart(tracing: Tracing): Part {
  return { name: 'traces', start: () => Promise.resolve(), stop: () => tracing.stop() }
}

function sideReason(name: string, side: NatsSide): string[] {
  const { connected, reason } = side.state
  return connected ? [] : [`${name} NATS: ${reason ?? 'not connected'}`]
}

function unknownStamp(stamp: string): SignetError {
  return new SignetError(
    'SIGNET_CONFIG_INVALID',
    `The topology has no stamp "${stamp}". Set SIGNET_STAMP to a stamp of it, or to a home stamp.`,
    { details: { stamp } },
  )
}
