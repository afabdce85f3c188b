import type { AgentConfig } from './agent.ts'
import { INBOUND_STREAM, LEASE_BUCKET, storeNames } from './domain/store-names.ts'
import type { ControlPlane } from './domain/topology.ts'
import { AgentList } from './links/agent-list.ts'
import { StoredLease } from './links/lease.ts'
import type { NatsSide } from './links/nats-side.ts'
import { Store } from './links/store.ts'
import type { Lease } from './links/term.ts'
import type { Part } from './runtime/lifecycle.ts'

/** What the agents of a stamp agree by on the one that leads, and know each other from. */
export interface LeaseOfStamp {
  readonly lease: Lease
  readonly agents: AgentList
  /** Says that this agent is there. */
  readonly listing: Part
}

export function createLease(
  config: AgentConfig,
  homeOf: ControlPlane | undefined,
  gateway: NatsSide | undefined,
  keptn: NatsSide,
): LeaseOfStamp {
  const { agent, version } = config
  const place = leasePlace(config, homeOf, gateway, keptn)
  const agents = new AgentList({ ...place, agent, version })
  // Keptn itself does not run without JetStream; a stamp may.
  const aloneWithoutJetStream = homeOf === undefined
  const lease = new StoredLease({ ...place, agent, aloneWithoutJetStream })
  return { lease, agents, listing: listPart(agents) }
}

function listPart(agents: AgentList): Part {
  return {
    name: 'list of agents',
    start: () => {
      agents.start()
      return Promise.resolve()
    },
    stop: () => agents.stop(),
  }
}

/** Where a lease must answer within this time, in milliseconds, to be renewed in time. */
const LEASE_ANSWER_MS = 1_000

/** Where the agents of a stamp hold their lease: at home in the hub store, as the hub does not run without it. */
function leasePlace(
  { topology, replicas }: AgentConfig,
  homeOf: ControlPlane | undefined,
  gateway: NatsSide | undefined,
  keptn: NatsSide,
) {
  const answer = { timeoutMs: LEASE_ANSWER_MS }
  if (homeOf === undefined || gateway === undefined) {
    const store = new Store(keptn, undefined, answer)
    return { store, bucket: LEASE_BUCKET, witness: INBOUND_STREAM, replicas: 1 }
  }
  const store = new Store(gateway, homeOf.storeDomain, answer)
  const scope = { federation: topology.federation, controlPlane: homeOf.name }
  const { leaseBucket, down } = storeNames(scope)
  return { store, bucket: leaseBucket, witness: down, replicas }
}
