import type { ControlPlane, Stamp, Topology } from '../topology.ts'

/** The map of a federation: geos, in each its rings in release order, and what stands in them. */
export interface MapGeo {
  readonly name: string
  readonly homes: readonly ControlPlane[]
  readonly rings: readonly MapRing[]
}

interface MapRing {
  readonly name: string
  /** Without home stamps, which are no targets. */
  readonly stamps: readonly Stamp[]
}

/** Every geo has an entry for every ring, empty where no stamp stands. */
export function mapOf(topology: Topology): readonly MapGeo[] {
  const homes = new Set(topology.controlPlanes.map(({ home }) => home.stamp))
  return topology.geos.map(({ name }) => ({
    name,
    homes: topology.controlPlanes.filter(({ home }) => home.geo === name),
    rings: topology.rings.map((ring) => ({
      name: ring,
      stamps: topology.stamps.filter(
        (stamp) => stamp.geo === name && stamp.ring === ring && !homes.has(stamp.name),
      ),
    })),
  }))
}

/** The globs of the stages that mean a ring, each once. */
export function stagesOf(topology: Topology, ring: string): readonly string[] {
  const globs = topology.stages
    .filter(({ rings }) => rings.includes(ring))
    .map(({ stage }) => stage)
  return [...new Set(globs)]
}

/** `1 stamp`, `2 stamps` */
export function counted(count: number, noun: string): string {
  return `${count} ${noun}${count === 1 ? '' : 's'}`
}
