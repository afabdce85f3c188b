import type { Refusal } from '../domain/join.ts'
import { joinedStamp, judgePlace, REFUSALS } from '../domain/join.ts'
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
      /** Why the hub may not let it in; its topology may be a newer one. */
      readonly doubt?: string
    }
  | { readonly ok: false; readonly message: string }

/** What the settings say of where an agent stands. */
export interface StampSettings {
  readonly stamp: string
  readonly geo?: string | undefined
  readonly ring?: string | undefined
}

/**
 * Looks up the stamp that an agent is told to be. One that the topology lacks joins by itself, if it is told
 * where it stands; without that it is a misspelling or a gap.
 */
export function stampInTopology(topology: Topology, settings: StampSettings): StampInTopology {
  const { stamp: name, geo, ring } = settings
  const stamp = topology.stamps.find((it) => it.name === name)
  const homeOf = topology.controlPlanes.filter(({ home }) => home.stamp === name)
  if (stamp !== undefined || homeOf.length > 0) {
    const contradiction = stamp === undefined ? undefined : misplaced(stamp, settings)
    if (contradiction !== undefined) return { ok: false, message: contradiction }
    return { ok: true, homeOf, ...(stamp === undefined ? {} : { stamp }) }
  }
  if (geo === undefined && ring === undefined) return stranger(topology, name)
  if (geo === undefined || ring === undefined) {
    const [set, missing] = geo === undefined ? ['RING', 'GEO'] : ['GEO', 'RING']
    return {
      ok: false,
      message: `SIGNET_${set} is set without SIGNET_${missing}; set both or none`,
    }
  }
  return joining(topology, name, geo, ring)
}

/** A stamp that stands in no ring file, and says where it stands. */
function joining(topology: Topology, stamp: string, geo: string, ring: string): StampInTopology {
  const geos = topology.geos.map((it) => it.name)
  if (!geos.includes(geo)) return unknown('SIGNET_GEO', geo, 'geo', geos)
  if (!topology.rings.includes(ring)) return unknown('SIGNET_RING', ring, 'ring', topology.rings)
  const place = { geo, ring, stamp }
  const verdict = judgePlace(topology, place)
  const doubt = verdict.kind === 'refused' ? doubtOf(verdict.reason) : {}
  return { ok: true, stamp: joinedStamp(place), homeOf: [], ...doubt }
}

function doubtOf(reason: Refusal): { readonly doubt: string } {
  return { doubt: `By its topology this stamp is not let in: ${REFUSALS[reason]}.` }
}

function unknown(
  variable: string,
  value: string,
  what: string,
  known: readonly string[],
): StampInTopology {
  const hint = suggestion(value, known) ?? `it knows ${known.join(', ')}`
  return {
    ok: false,
    message: `${variable} is ${quote(value)}, and the topology has no such ${what}; ${hint}`,
  }
}

function misplaced({ name, geo, ring }: Stamp, settings: StampSettings): string | undefined {
  const isThere =
    (settings.geo === undefined || settings.geo === geo) &&
    (settings.ring === undefined || settings.ring === ring)
  if (isThere) return undefined
  return `The topology has stamp ${quote(name)} in ${geo}/${ring}, and SIGNET_GEO and SIGNET_RING say otherwise; leave them out`
}

function stranger(topology: Topology, name: string): StampInTopology {
  const names = [
    ...topology.stamps.map((it) => it.name),
    ...topology.controlPlanes.map(({ home }) => home.stamp),
  ]
  const hint =
    suggestion(name, names) ??
    'add it to a ring file, name another, or, where its ring lets stamps join, set SIGNET_GEO and SIGNET_RING'
  return {
    ok: false,
    message: `SIGNET_STAMP is ${quote(name)}, and the topology has no such stamp; ${hint}`,
  }
}
