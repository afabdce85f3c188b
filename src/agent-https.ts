import { createKeptnSide, publisherPart } from './agent-keptn-side.ts'
import type { BothLinks } from './agent-both.ts'
import type { Leading, LeadingOptions, StampOf } from './agent-leading.ts'
import { placeOf } from './agent-leading.ts'
import type { KeptnEvent } from './domain/event.ts'
import type { Integration } from './domain/interest.ts'
import { LOOK_BACK_MS } from './domain/poll-cursor.ts'
import { KEPTN_PATTERN } from './domain/store-names.ts'
import type { Place } from './domain/subject.ts'
import type { ControlPlane, Stamp } from './domain/topology.ts'
import { DeadLetters } from './flow/dead-letters.ts'
import type { WayIn } from './flow/way-in.ts'
import type { KeptnApi } from './https/keptn-api.ts'
import { CoreMessages } from './links/core-messages.ts'
import { CoreSource } from './links/core-source.ts'
import type { NatsSide } from './links/nats-side.ts'
import { Publisher } from './links/publisher.ts'
import { Store } from './links/store.ts'
import { perTopology } from './runtime/topology-source.ts'
import { Behalf } from './stamp/behalf.ts'
import { homeGeo } from './stamp/collect.ts'
import { deliverPump } from './stamp/deliver.ts'
import { Deliveries } from './stamp/deliveries.ts'
import type { Gate } from './stamp/gate.ts'
import type { FanOutsHere } from './stamp/fan-outs-here.ts'
import { InterestGate } from './stamp/gate.ts'
import { HttpsRole } from './stamp/https-role.ts'
import { PresencePart } from './stamp/presence.ts'
import { HubTurns } from './stamp/turns.ts'
import { natsWay } from './stamp/up-nats.ts'
import { registrationsUpstream } from './stamp/upstream.ts'

export interface HttpsLeadingOptions extends Omit<
  LeadingOptions,
  'gateway' | 'messages' | 'homeOf' | 'stampOf' | 'live' | 'agents' | 'api'
> {
  readonly api: KeptnApi
  /** How often it is polled, in milliseconds. */
  readonly pollingMs: number
  readonly stampOf: StampOf
  /** Where the link is NATS as long as there is NATS. */
  readonly both?: BothOptions
}

interface BothOptions
  extends Pick<BothLinks, 'choice' | 'deferred'>, Pick<LeadingOptions, 'live' | 'agents'> {
  readonly gateway: NatsSide
  readonly failoverAfterMs: number
}

/** How often all open events are asked for, whatever else says that there is nothing new; in milliseconds. */
const SWEEP_MS = 300_000

/**
 * Makes the parts of one term in a stamp whose link is HTTPS, in the order of their start: no gateway is among
 * them. Or HTTPS while NATS is gone: then what needs the gateway is among them, deferred.
 */
export function createHttpsLeading({ both, ...options }: HttpsLeadingOptions): Leading {
  const { topology, keptn, term, stampOf, api, pollingMs, log, metrics } = options
  const { stamp: now, registrations, upstream } = stampOf
  // The first one: the public API is that of one control plane.
  const controlPlane = topology.current.controlPlanes[0] as ControlPlane
  const scope = { federation: topology.current.federation, controlPlane: controlPlane.name }
  const keptnSide = createKeptnSide({ ...options, isHome: false })
  const { publisher, store: keptnStore, wayIn, reconciler } = keptnSide
  const place = perTopology(topology, () => placeOf(now()))
  const gate = new InterestGate({
    topology,
    handles: () => now().handles,
    integrations: registrations,
    log,
  })
  const inStamp = new DeadLetters({
    scope,
    stamp: options.stamp,
    publisher,
    maxPayloadBytes: () => keptn.maxPayloadBytes,
    log,
    metrics,
  })
  const nats =
    both &&
    createNatsHalf({
      ...options,
      both,
      gate,
      wayIn,
      place,
      isEcho: (event) => role.wasPosted(event),
      fanOuts: { note: (cause) => role.noteFanOut(cause) },
    })
  const deadLetters = (name = controlPlane.name): DeadLetters =>
    both?.choice.standing === 'nats' && nats ? nats.deadLetters(name) : inStamp
  const shared = {
    ...options,
    place,
    publisher,
    keptnStore,
    wayIn,
    registrations,
    listen: () => new CoreSource(keptn, KEPTN_PATTERN),
  }
  const behalf = new Behalf({
    ...shared,
    integrations: options.integrations ?? [],
    deadLetters,
  })
  const integrations = (): readonly Integration[] => [
    ...(registrations.list() ?? []),
    ...behalf.unregistered,
    ...handledBy(now()),
  ]
  const turns = new HubTurns({ ...scope, api, topology, stamp: now, integrations })
  const role: HttpsRole = new HttpsRole({
    ...shared,
    api,
    scope,
    home: controlPlane.home.stamp,
    homeGeo: controlPlane.home.geo,
    gate,
    turns,
    integrations,
    deadLetters: () => deadLetters(),
    intervalMs: pollingMs,
    sweepMs: SWEEP_MS,
    ...(nats && both && { both: { ...both, nats: nats.way, lookBackMs: lookBackMs(both) } }),
  })
  const presence =
    both &&
    new PresencePart({
      topology,
      place,
      messages: new CoreMessages(both.gateway),
      agentVersion: options.version,
      agents: both.agents,
      intervalMs: () => both.live().presenceIntervalMs,
      isKeptnConnected: () => keptn.state.connected,
      link: () => both.choice.standing,
      registrations,
      unregistered: behalf.unregistered,
    })
  const uplink = registrationsUpstream(upstream)
  return {
    parts: [
      publisherPart(keptn, publisher, term),
      ...(nats === undefined ? [] : [nats.publisher]),
      reconciler,
      behalf,
      role,
      ...(nats && both && presence
        ? [both.deferred('what comes over NATS', [nats.deliveries, presence])]
        : []),
      uplink,
    ],
    watched: [role, ...(nats === undefined ? [] : [nats.deliveries]), behalf],
    hubs: [],
    get recipients() {
      return behalf.describe()
    },
    get held() {
      return gate.held
    },
    get https() {
      return role.describe()
    },
  }
}

/** What a leader has at the gateway of a stamp that can do without. */
function createNatsHalf({
  topology,
  stamp,
  term,
  both,
  gate,
  wayIn,
  place,
  border,
  isEcho,
  fanOuts,
  inFlight,
  log,
  metrics,
}: HttpsLeadingOptions & {
  readonly both: BothOptions
  readonly gate: Gate
  readonly wayIn: WayIn
  readonly place: () => Place
  readonly isEcho: (event: KeptnEvent) => boolean
  readonly fanOuts: Pick<FanOutsHere, 'note'>
}) {
  const { gateway, choice, deferred } = both
  const { federation, controlPlanes } = topology.current
  const publisher = new Publisher(gateway, term)
  const deadLetters = (controlPlane: string): DeadLetters =>
    new DeadLetters({
      scope: { federation, controlPlane },
      stamp,
      publisher,
      maxPayloadBytes: () => gateway.maxPayloadBytes,
      crossing: { border, from: place().geo, to: homeGeo(topology.current, controlPlane) },
      log,
      metrics,
    })
  const pumps = controlPlanes.map(({ name, storeDomain }) =>
    deliverPump({
      scope: { federation, controlPlane: name },
      place: place(),
      hubStore: new Store(gateway, storeDomain, { right: term }),
      term,
      wayIn,
      gate,
      deadLetters: deadLetters(name),
      isEcho,
      fanOuts,
      inFlight,
      log,
      metrics,
    }),
  )
  return {
    publisher: deferred('publisher', [publisherPart(gateway, publisher, term)]),
    deliveries: new Deliveries(pumps, metrics, () => choice.standing === 'nats'),
    way: natsWay({ topology, place, publisher, deadLetters, border, metrics }),
    deadLetters,
  }
}

/** From when on a poll looks at what NATS may not have brought any more. */
function lookBackMs({ failoverAfterMs }: BothOptions): number {
  return LOOK_BACK_MS + failoverAfterMs
}

/** What the topology says that a stamp handles is wanted as if an integration had said so. */
function handledBy({ handles }: Stamp): readonly Integration[] {
  if (handles.length === 0) return []
  const filter = { projects: [], stages: [], services: [] }
  const subscriptions = handles.map((task) => ({
    event: `sh.keptn.event.${task}.triggered`,
    filter,
  }))
  return [{ name: '', subscriptions }]
}
