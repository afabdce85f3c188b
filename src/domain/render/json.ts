import type { Topology } from '../topology.ts'
import { mapOf } from './layout.ts'

/** The map as JSON: what the pictures show, and the rules beside it. Times are in milliseconds. */
export function renderJson(topology: Topology): string {
  const residencyOf = new Map(topology.geos.map(({ name, residency }) => [name, residency]))
  const map = {
    federation: topology.federation,
    controlPlanes: topology.controlPlanes,
    rings: topology.rings,
    geos: mapOf(topology).map(({ name, homes, rings }) => ({
      name,
      homes: homes.map(({ name: controlPlane, home }) => ({ controlPlane, stamp: home.stamp })),
      residency: residencyOf.get(name),
      rings: rings
        .filter(({ stamps }) => stamps.length > 0)
        .map((ring) => ({
          name: ring.name,
          stamps: ring.stamps.map(({ name, link, labels, handles }) => ({
            name,
            link,
            labels,
            handles,
          })),
        })),
    })),
    stages: topology.stages,
    tasks: topology.tasks,
    geoRings: topology.geoRings ?? [],
  }
  return `${JSON.stringify(map, null, 2)}\n`
}
