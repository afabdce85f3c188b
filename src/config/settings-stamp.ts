import type { ControlPlane, Stamp, Topology } from '../domain/topology.ts'
import { quote } from './mistake.ts'
import { suggestion } from './nearest.ts'

/** What the stamp of a settings' `stamp` is in a topology. */
export type StampInTopology =
  | {
      readonly ok: true
      /** Absent for a home stamp that stands in no ring. */
      readonly stamp?: Stamp
      /** The control planes whose home it is. */
      readonly homeOf: readonly ControlPlane[]
    }
  | { readonly ok: false; readonly message: string }

/** Looks up the stamp that an agent is told to be; one that the topology lacks is a misspelling or a gap. */
export function stampInTopology(topology: Topology, name: string): StampInTopology {
  const stamp = topology.stamps.find((it) => it.name === name)
  const homeOf = topology.controlPlanes.filter(({ home }) => home.stamp === name)
  if (stamp !== undefined || homeOf.length > 0)
    return { ok: true, homeOf, ...(stamp === undefined ? {} : { stamp }) }
  const names = [
    ...topology.stamps.map((it) => it.name),
    ...topology.controlPlanes.map(({ home }) => home.stamp),
  ]
  const hint = suggestion(name, names) ?? 'add it to a ring file, or name another'
  return {
    ok: false,
    message: `SIGNET_STAMP is ${quote(name)}, and the topology has no such stamp; ${hint}`,
  }
}
