import { createKeptnSide, publisherPart } from './agent-keptn-side.ts'
import type { Leading, LeadingOptions, StampOf } from './agent-leading.ts'
import { placeOf } from './agent-leading.ts'
import type { Integration } from './domain/interest.ts'
import { KEPTN_PATTERN } from './domain/store-names.ts'
import type { ControlPlane, Stamp } from './domain/topology.ts'
import { DeadLetters } from './flow/dead-letters.ts'
import type { KeptnApi } from './https/keptn-api.ts'
import { CoreSource } from './links/core-source.ts'
import { perTopology } from './runtime/topology-source.ts'
import { Behalf } from './stamp/behalf.ts'
import { InterestGate } from './stamp/gate.ts'
import { HttpsRole } from './stamp/https-role.ts'
import { HubTurns } from './stamp/turns.ts'
import { registrationsUpstream } from './stamp/upstream.ts'

export interface HttpsLeadingOptions extends Omit<
  LeadingOptions,
  'gateway' | 'messages' | 'homeOf' | 'stampOf' | 'live' | 'agents' | 'api'
> {
  readonly api: KeptnApi
  /** How often it is polled, in milliseconds. */
  readonly pollingMs: number
  readonly stampOf: StampOf
}

/** How often all open events are asked for, whatever else says that there is nothing new; in milliseconds. */
const SWEEP_MS = 300_000

/** Makes the parts of one term in a stamp whose link is HTTPS, in the order of their start: no gateway is among them. */
export function createHttpsLeading(options: HttpsLeadingOptions): Leading {
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
  const deadLetters = new DeadLetters({
    scope,
    stamp: options.stamp,
    publisher,
    maxPayloadBytes: () => keptn.maxPayloadBytes,
    log,
    metrics,
  })
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
    deadLetters: () => deadLetters,
  })
  const integrations = (): readonly Integration[] => [
    ...(registrations.list() ?? []),
    ...behalf.unregistered,
    ...handledBy(now()),
  ]
  const turns = new HubTurns({ ...scope, api, topology, stamp: now, integrations })
  const role = new HttpsRole({
    ...shared,
    api,
    scope,
    home: controlPlane.home.stamp,
    gate,
    turns,
    integrations,
    deadLetters,
    intervalMs: pollingMs,
    sweepMs: SWEEP_MS,
  })
  const uplink = registrationsUpstream(upstream)
  return {
    parts: [publisherPart(keptn, publisher, term), reconciler, behalf, role, uplink],
    watched: [role, behalf],
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
