import type { Stamp } from '../domain/topology.ts'
import type { Metrics } from '../observe/metrics.ts'

/** Sets the gauges of the stamps that belong to the federation: how many there are in each place, and are heard of. */
export function observeStamps(
  stamps: readonly Stamp[],
  isThere: (stamp: string) => boolean,
  metrics: Metrics,
): void {
  const places = new Map<string, { geo: string; ring: string; known: number; online: number }>()
  for (const { geo, ring, name } of stamps) {
    const key = `${geo} ${ring}`
    const place = places.get(key) ?? { geo, ring, known: 0, online: 0 }
    places.set(key, place)
    place.known += 1
    if (isThere(name)) place.online += 1
  }
  // A ring that a reload took away is not to be counted for ever.
  metrics.stampsKnown.clear()
  metrics.stampsOnline.clear()
  for (const { geo, ring, known, online } of places.values()) {
    metrics.stampsKnown.set({ geo, ring }, known)
    metrics.stampsOnline.set({ geo, ring }, online)
  }
}
