import type { Place } from './subject.ts'
import type { GeoRing, Stamp, Topology } from './topology.ts'
import { globMatches } from './topology.ts'

/** Stamps that stand in no ring file and appear by themselves, where a ring lets them (DESIGN 5, 7.8). */

/** Why a stamp that announces itself is not taken in. */
export type Refusal =
  /** No ring file lets a stamp of this name into this place. */
  | 'not-allowed'
  /** A ring file has it in another geo. */
  | 'wrong-place'
  /** It is the name of a home stamp, or of one that has joined in another place. */
  | 'name-taken'

/** Each refusal in words, to end a sentence. */
export const REFUSALS: Readonly<Record<Refusal, string>> = {
  'not-allowed': 'no ring file allows its name there (join.allow)',
  'wrong-place': 'a ring file lists it in another geo',
  'name-taken': 'its name is taken',
}

/** What a topology says of a stamp that announces itself. */
export type JoinVerdict =
  | { readonly kind: 'listed'; readonly stamp: Stamp }
  | { readonly kind: 'allowed'; readonly approve: 'auto' | 'manual' }
  | { readonly kind: 'refused'; readonly reason: Refusal }

/**
 * Judges a stamp by where it says it stands; `taken` is where one of its name has joined before. What ring
 * files list comes before what they allow.
 */
export function judgePlace(topology: Topology, place: Place, taken?: Place): JoinVerdict {
  const stamp = topology.stamps.find(({ name }) => name === place.stamp)
  // Its ring may just have changed, and its agent not know it yet; its geo cannot.
  if (stamp !== undefined)
    return stamp.geo === place.geo ? { kind: 'listed', stamp } : refused('wrong-place')
  if (topology.controlPlanes.some(({ home }) => home.stamp === place.stamp))
    return refused('name-taken')
  const rule = geoRingOf(topology, place)?.join
  if (rule?.allow.some((glob) => globMatches(glob, place.stamp)) !== true)
    return refused('not-allowed')
  if (taken !== undefined && !isAt(taken, place)) return refused('name-taken')
  return { kind: 'allowed', approve: rule.approve }
}

/** A joined stamp as a ring file would have it that says no more than its name. */
export function joinedStamp({ geo, ring, stamp }: Place): Stamp {
  return { name: stamp, geo, ring, link: 'auto', labels: {}, handles: [] }
}

/**
 * A topology with the stamps that joined: each after those that its ring file lists, by name, so that the
 * order in which answers are merged does not depend on who came first. Those that the topology lists, or no
 * longer allows, are left out.
 */
export function withJoined(topology: Topology, joined: readonly Place[]): Topology {
  const stamps = joined
    .filter((place) => judgePlace(topology, place).kind === 'allowed')
    .toSorted((a, b) => (a.stamp < b.stamp ? -1 : 1))
    .map(joinedStamp)
  if (stamps.length === 0) return topology
  const { rings } = topology
  return {
    ...topology,
    // A stable sort by what the listed ones are sorted by already.
    stamps: [...topology.stamps, ...stamps].sort(
      (a, b) => rings.indexOf(a.ring) - rings.indexOf(b.ring) || compare(a.geo, b.geo),
    ),
  }
}

function geoRingOf({ geoRings = [] }: Topology, place: Place): GeoRing | undefined {
  return geoRings.find(({ geo, ring }) => geo === place.geo && ring === place.ring)
}

function isAt(
  a: { readonly geo: string; readonly ring: string },
  b: { readonly geo: string; readonly ring: string },
): boolean {
  return a.geo === b.geo && a.ring === b.ring
}

function refused(reason: Refusal): JoinVerdict {
  return { kind: 'refused', reason }
}

function compare(a: string, b: string): number {
  if (a === b) return 0
  return a < b ? -1 : 1
}
