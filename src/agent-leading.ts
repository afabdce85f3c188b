import type { AgentConfig, LiveSettings } from './agent.ts'
import { createKeptnSide, publisherPart } from './agent-keptn-side.ts'
import type { TunnelConfig } from './agent-tunnel.ts'
import type { Place } from './domain/subject.ts'
import type { ControlPlane, Stamp } from './domain/topology.ts'
import { KEPTN_PATTERN } from './domain/store-names.ts'
import type { Border } from './flow/border.ts'
import { DeadLetters } from './flow/dead-letters.ts'
import { KeptnRegistrations } from './https/keptn-registrations.ts'
import { KeptnSequences } from './https/keptn-sequences.ts'
import type { ShipyardControllerOptions } from './https/shipyard-controller.ts'
import { Hub } from './hub/hub.ts'
import { ControlListener } from './links/control-listener.ts'
import type { CoreMessages } from './links/core-messages.ts'
import { CoreSource } from './links/core-source.ts'
import type { NatsSide } from './links/nats-side.ts'
import { Publisher } from './links/publisher.ts'
import { Store } from './links/store.ts'
import type { Term } from './links/term.ts'
import type { Log } from './observe/log.ts'
import type { Metrics } from './observe/metrics.ts'
import type { Part } from './runtime/lifecycle.ts'
import type { TopologySource } from './runtime/topology-source.ts'
import { perTopology } from './runtime/topology-source.ts'
import { Behalf } from './stamp/behalf.ts'
import { homeGeo } from './stamp/collect.ts'
import { InterestGate } from './stamp/gate.ts'
import { PresencePart } from './stamp/presence.ts'
import type { Registrations } from './stamp/registrations.ts'
import { StampRole } from './stamp/stamp-role.ts'
import type { UpstreamOptions } from './stamp/upstream.ts'
import { registrationsUpstream } from './stamp/upstream.ts'

export interface LeadingOptions extends Omit<
  AgentConfig,
  'gateway' | 'keptn' | 'api' | 'topology' | keyof LiveSettings
> {
  readonly topology: TopologySource
  /** The settings that may change while the agent runs. */
  readonly live: () => LiveSettings
  /** The ids of the stamp's agents. */
  readonly agents: () => readonly string[]
  readonly gateway: NatsSide
  readonly keptn: NatsSide
  readonly messages: CoreMessages
  readonly term: Term
  readonly border: Border
  /** The control plane whose home this is. */
  readonly homeOf: ControlPlane | undefined
  readonly stampOf: StampOf | undefined
  readonly log: Log
  readonly metrics: Metrics
}

/** The stamp that this is, as the topology has it now, with its integrations. */
export interface StampOf {
  readonly stamp: () => Stamp
  readonly registrations: Registrations
  readonly upstream: UpstreamOptions
}

/** A part that says how it is. */
export interface Watched {
  readonly name: string
  /** Why it does not work, or undefined. */
  readonly notReady: string | undefined
  /** What is weaker than it should be, though it works. */
  readonly warning?: string | undefined
  /** Sets the gauges that say how things stand now. */
  observe(): void
}

/** What runs in the one agent of a stamp that leads, for one term. */
export interface Leading {
  readonly parts: readonly Part[]
  readonly watched: readonly Watched[]
  readonly hubs: readonly Hub[]
  /** How many events wait for their integrations. */
  readonly held: number
  /** Where events are posted to, for `/status`. */
  readonly recipients: readonly object[]
  /** How the link over HTTPS stands, for `/status`; absent where there is none. */
  readonly https?: object
}

/** Presence that was missed so many times means offline; never less than this, in milliseconds. */
const MISSED_PRESENCES = 3.5
const LEAST_OFFLINE_MS = 2_000
/** How often Keptn is asked for the integrations of stamps that poll. */
const REGISTRATIONS_MS = 30_000

/** Makes the parts of one term, in the order of their start: the hub at home, the stamp elsewhere. */
export function createLeading(options: LeadingOptions): Leading {
  const { topology, gateway, keptn, term, border, homeOf, stampOf, log, metrics } = options
  const gatewayPublisher = new Publisher(gateway, term)
  const keptnSide = createKeptnSide({ ...options, isHome: homeOf !== undefined })
  const { publisher: keptnPublisher, store: keptnStore, wayIn, reconciler } = keptnSide
  const geo = homeOf?.home.geo ?? stampOf?.stamp().geo ?? ''
  const deadLetters = (controlPlane: string): DeadLetters =>
    new DeadLetters({
      scope: { federation: topology.current.federation, controlPlane },
      stamp: options.stamp,
      publisher: gatewayPublisher,
      maxPayloadBytes: () => gateway.maxPayloadBytes,
      crossing: { border, from: geo, to: homeGeo(topology.current, controlPlane) },
      log,
      metrics,
    })
  const shared = { ...options, keptnStore, publisher: gatewayPublisher, wayIn }
  const keptnAsked = homeOf === undefined ? undefined : createAsked(options.tunnel.way)
  const hubs = homeOf === undefined ? [] : [createHub(homeOf)]
  const stamp = stampOf === undefined ? undefined : createStamp(stampOf)
  return {
    parts: [
      publisherPart(keptn, keptnPublisher, term),
      publisherPart(gateway, gatewayPublisher, term),
      // Before all that brings events in.
      reconciler,
      ...(keptnAsked === undefined ? [] : [keptnAsked]),
      ...hubs,
      ...(stamp === undefined ? [] : [stamp.behalf, stamp.role, stamp.presence, stamp.uplink]),
    ],
    watched: [...hubs, ...(stamp === undefined ? [] : [stamp.role, stamp.behalf])],
    hubs,
    get recipients() {
      return stamp?.behalf.describe() ?? []
    },
    get held() {
      return stamp?.gate.held ?? 0
    },
  }

  function createHub(controlPlane: ControlPlane): Hub {
    return new Hub({
      ...shared,
      control: new ControlListener(gateway),
      controlPlane,
      hubStore: new Store(gateway, controlPlane.storeDomain, { right: term }),
      deadLetters: deadLetters(controlPlane.name),
      offlineAfterMs: () =>
        Math.max(LEAST_OFFLINE_MS, MISSED_PRESENCES * options.live().presenceIntervalMs),
      keptnMaxPayloadBytes: () => keptn.maxPayloadBytes,
      isPaused: keptnAsked && ((scope) => keptnAsked.sequences.isPaused(scope)),
      registrations: keptnAsked && (() => keptnAsked.registrations.list()),
      registrationsMs: options.registrationsMs ?? REGISTRATIONS_MS,
    })
  }

  function createStamp(own: StampOf) {
    const { stamp: now, registrations, upstream } = own
    const place = perTopology(topology, () => placeOf(now()))
    const gate = new InterestGate({
      topology,
      handles: () => now().handles,
      integrations: registrations,
      log,
    })
    const parts = {
      ...shared,
      place,
      listen: () => new CoreSource(keptn, KEPTN_PATTERN),
      registrations,
      deadLetters,
    }
    const behalf = new Behalf({ ...parts, integrations: options.integrations ?? [] })
    const role = new StampRole({
      ...parts,
      hubStore: (domain) => new Store(gateway, domain, { right: term }),
      gate,
    })
    const presence = new PresencePart({
      topology,
      place,
      messages: options.messages,
      agentVersion: options.version,
      agents: options.agents,
      intervalMs: () => options.live().presenceIntervalMs,
      isKeptnConnected: () => keptn.state.connected,
      registrations,
      unregistered: behalf.unregistered,
    })
    const uplink = registrationsUpstream(upstream)
    return { gate, behalf, role, presence, uplink }
  }
}

/** The way that the tunnel takes to Keptn's services is the way to this one. */
function shipyardAt(way: TunnelConfig['way']): ShipyardControllerOptions {
  if (way.kind === 'internal') return { url: way.urls['shipyard-controller'] }
  const { endpoint, token, verifyTls } = way
  return { url: `${endpoint}/controlPlane`, token, verifyTls }
}

/** What the hub asks Keptn. It starts before the hub, and so is closed after it. */
function createAsked(way: TunnelConfig['way']) {
  const sequences = new KeptnSequences(shipyardAt(way))
  const registrations = new KeptnRegistrations(shipyardAt(way))
  return {
    name: 'calls to shipyard-controller',
    sequences,
    registrations,
    start: () => Promise.resolve(),
    stop: async () => {
      await Promise.all([sequences.close(), registrations.close()])
    },
  }
}

export function placeOf({ geo, ring, name }: Stamp): Place {
  return { geo, ring, stamp: name }
}
