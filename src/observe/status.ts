import type { FanOut } from '../domain/fanout.ts'
import type { ControlPlane, Stamp, Topology } from '../domain/topology.ts'

/** What the status is made of; parts are seen by what they tell only. */
export interface StatusSources {
  readonly config: { readonly version: string; readonly stamp: string; readonly agent: string }
  readonly topology: Topology
  readonly homeOf: readonly ControlPlane[]
  readonly place: Stamp | undefined
  /** The NATS sides, by name. */
  readonly links: Readonly<Record<string, object>>
  /** How the link over HTTPS stands; undefined where there is none. */
  readonly https: object | undefined
  readonly hubs: readonly HubSource[]
  /** Undefined where this cluster is no stamp. */
  readonly integrations: IntegrationSource | undefined
  /** Whether this agent does. */
  readonly leads: boolean
  /** Who leads the stamp; undefined where nobody is known to. */
  readonly leader: { readonly agent: string; readonly term: number } | undefined
  /** The ids of the stamp's agents that are there. */
  readonly agents: readonly string[]
  readonly reloads: { status(): object }
  readonly reasons: readonly string[]
}

interface IntegrationSource {
  readonly registrations: {
    readonly count: { readonly known: number; readonly alive: number }
    describe(): readonly object[]
  }
  /** How many events wait for one of them. */
  readonly held: number
  readonly recipients: readonly object[]
}

interface HubSource {
  readonly name: string
  readonly fanOuts: readonly FanOut[]
  stamps(now: number): readonly object[]
}

/** `/status`: what an agent is, sees and does, as JSON. Holds no secret: addresses come without users. */
export function agentStatus(sources: StatusSources, now: number): object {
  const { config, topology, homeOf, place, links, https, hubs, integrations } = sources
  const { leads, leader, agents, reasons } = sources
  return {
    federation: topology.federation,
    stamp: config.stamp,
    agent: config.agent,
    version: config.version,
    leads,
    ...(leader === undefined ? {} : { leader }),
    agents,
    ready: reasons.length === 0,
    reasons,
    ...(place === undefined ? {} : { geo: place.geo, ring: place.ring }),
    homeOf: homeOf.map(({ name }) => name),
    configuration: sources.reloads.status(),
    links: { ...links, ...(https === undefined ? {} : { https }) },
    ...(integrations === undefined ? {} : { integrations: integrationStatus(integrations) }),
    hubs: hubs.map((hub) => ({
      name: hub.name,
      stamps: hub.stamps(now),
      fanOuts: hub.fanOuts.map((head) => ({
        id: head.id,
        task: head.task,
        context: head.context,
        project: head.project,
        stage: head.stage,
        service: head.service,
        openedAt: new Date(head.openedAt).toISOString(),
        targets: head.targets.map(({ stamp }) => stamp),
      })),
    })),
  }
}

function integrationStatus({ registrations, held, recipients }: IntegrationSource): object {
  return { ...registrations.count, held, list: registrations.describe(), recipients }
}
