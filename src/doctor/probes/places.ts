import { LEASE_BUCKET, storeNames } from '../../domain/store-names.ts'
import type { Scope } from '../../domain/subject.ts'
import type { ControlPlane } from '../../domain/topology.ts'
import { Inspection } from '../../links/inspection.ts'
import type { NatsSide } from '../../links/nats-side.ts'
import { Store } from '../../links/store.ts'
import type { SetupFacts } from '../facts.ts'

const ANSWER_MS = 3_000

/** The sides that are connected. */
export interface ConnectedSides {
  readonly gateway?: NatsSide
  readonly keptn?: NatsSide
}

/** JetStream where something of this stamp lies. */
export interface StorePlace {
  /** For people. */
  readonly name: string
  readonly store: Store
  readonly look: Inspection
}

/** The hub store of a control plane. */
export interface HubStorePlace extends StorePlace {
  readonly plane: ControlPlane
  readonly scope: Scope
}

export function keptnPlace(keptn: NatsSide): StorePlace {
  return place('the Keptn NATS', new Store(keptn, undefined, { timeoutMs: ANSWER_MS }))
}

export function hubPlaces(gateway: NatsSide, { topology }: SetupFacts): readonly HubStorePlace[] {
  return topology.controlPlanes.map((plane) => {
    const { name, storeDomain } = plane
    const store = new Store(gateway, storeDomain, { timeoutMs: ANSWER_MS })
    return {
      ...place(`the hub store of ${name} (domain ${storeDomain})`, store),
      plane,
      scope: { federation: topology.federation, controlPlane: name },
    }
  })
}

/** Whether this is the home stamp of a control plane, which alone may look into its hub store. */
export function isHome({ settings }: SetupFacts, { home }: ControlPlane): boolean {
  return home.stamp === settings.stamp
}

/** Whether the agent of this stamp has a gateway at all: one whose link is https has none. */
export function usesGateway({ standing }: SetupFacts): boolean {
  return !standing.ok || standing.homeOf.length > 0 || standing.stamp?.link !== 'https'
}

/**
 * Where the agents of this stamp hold their lease: as `src/agent-lease.ts`. Undefined where the server that it
 * is on is not connected.
 */
export function leasePlace(
  setup: SetupFacts,
  { gateway, keptn }: ConnectedSides,
): { readonly place: StorePlace; readonly bucket: string } | undefined {
  const { standing } = setup
  if (!standing.ok || standing.homeOf.length === 0)
    return keptn && { place: keptnPlace(keptn), bucket: LEASE_BUCKET }
  const own = (gateway === undefined ? [] : hubPlaces(gateway, setup)).find(({ plane }) =>
    isHome(setup, plane),
  )
  return own && { place: own, bucket: storeNames(own.scope).leaseBucket }
}

function place(name: string, store: Store): StorePlace {
  return { name, store, look: new Inspection(store) }
}
