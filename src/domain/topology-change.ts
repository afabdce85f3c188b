import type { ControlPlane, Topology } from './topology.ts'

/** What another topology would do to one that runs. */
export interface TopologyChange {
  readonly added: readonly string[]
  readonly removed: readonly string[]
  /** Stamps that stand in another ring. */
  readonly moved: readonly string[]
}

/** Which stamps come, go and move; empty where only rules and policies change. */
export function topologyChange(current: Topology, next: Topology): TopologyChange {
  const before = new Map(current.stamps.map(({ name, ring }) => [name, ring]))
  const after = new Map(next.stamps.map(({ name, ring }) => [name, ring]))
  return {
    added: [...after.keys()].filter((name) => !before.has(name)),
    removed: [...before.keys()].filter((name) => !after.has(name)),
    moved: [...after].flatMap(([name, ring]) =>
      before.has(name) && before.get(name) !== ring ? [name] : [],
    ),
  }
}

/**
 * Why an agent cannot go over from one topology to another while it runs, a sentence for each reason; empty
 * where it can. `stamp`: the one that it serves, where that must be in the topology. What names streams, consumers and subjects stays: events that are under way
 * would be left behind in them.
 */
export function whyNotReload(
  current: Topology,
  next: Topology,
  stamp: string | undefined,
): readonly string[] {
  return [
    ...federationReasons(current, next),
    ...controlPlaneReasons(current, next),
    ...(stamp === undefined ? [] : ownStampReasons(current, next, stamp)),
    ...geoReasons(current, next),
  ]
}

const RESTART = 'stop all agents, and start them with the new files'

function federationReasons({ federation: before }: Topology, { federation: after }: Topology) {
  if (before === after) return []
  return [`federation ${before} would be named ${after}, as all its streams are; ${RESTART}`]
}

function controlPlaneReasons(current: Topology, next: Topology): readonly string[] {
  const reasons: string[] = []
  const after = new Map(next.controlPlanes.map((plane) => [plane.name, plane]))
  for (const plane of current.controlPlanes) {
    const same = after.get(plane.name)
    after.delete(plane.name)
    if (same === undefined) reasons.push(`control plane ${plane.name} would be gone; ${RESTART}`)
    else reasons.push(...planeReasons(plane, same))
  }
  for (const name of after.keys()) reasons.push(`control plane ${name} would be new; ${RESTART}`)
  return reasons
}

function planeReasons(before: ControlPlane, after: ControlPlane): readonly string[] {
  const home = ({ home: { geo, stamp } }: ControlPlane): string => `${geo}/${stamp}`
  const moved = (what: string, from: string, to: string): readonly string[] =>
    from === to
      ? []
      : [`${what} of control plane ${before.name} would be ${to}, and is ${from}; ${RESTART}`]
  return [
    ...moved('the home', home(before), home(after)),
    ...moved('the store', before.storeDomain, after.storeDomain),
  ]
}

function ownStampReasons(current: Topology, next: Topology, stamp: string): readonly string[] {
  const has = ({ stamps, controlPlanes }: Topology): boolean =>
    stamps.some(({ name }) => name === stamp) ||
    controlPlanes.some(({ home }) => home.stamp === stamp)
  if (!has(current) || has(next)) return []
  return [
    `stamp ${stamp}, which this agent serves, would be gone; ` +
      'stop this agent if the stamp is to go, or put it back',
  ]
}

function geoReasons(current: Topology, next: Topology): readonly string[] {
  const before = new Map(current.stamps.map(({ name, geo }) => [name, geo]))
  return next.stamps.flatMap(({ name, geo }) => {
    const from = before.get(name)
    if (from === undefined || from === geo) return []
    return [
      `stamp ${name} would go from geo ${from} to ${geo}; ` +
        'a cluster in another geo is another stamp: give it a name of its own',
    ]
  })
}
