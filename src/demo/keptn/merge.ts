import type { JsonObject } from './keptn-event.ts'
import { isJsonObject } from './keptn-event.ts'

/**
 * The merge that shipyard-controller makes of everything executors send (wire 6.3, and the code of
 * Keptn 1.4.5 where it says more): maps merge in depth, in arrays the later value's items come
 * first, a later string or a value of another type replaces the earlier one.
 *
 * Numbers and booleans are the exception: the earlier one stays, whatever comes later, because
 * Keptn's type switch has no case for them. And a string that meets `null` becomes empty.
 */
export function merge(earlier: unknown, later: unknown): unknown {
  if (Array.isArray(earlier)) {
    if (later === null || later === undefined) return earlier
    return Array.isArray(later) ? [...(later as unknown[]), ...(earlier as unknown[])] : later
  }
  if (isJsonObject(earlier)) {
    if (later === null || later === undefined) return earlier
    if (!isJsonObject(later)) return later
    return mergeObjects(earlier, later)
  }
  if (typeof earlier === 'string') return later ?? ''
  if (earlier === null || earlier === undefined) return later ?? null
  return earlier
}

/** The merge of two maps: keys of both, in depth where both have one that is not null. */
export function mergeObjects(earlier: JsonObject, later: JsonObject): JsonObject {
  // Made of entries, so that a key named __proto__ stays a key.
  return Object.fromEntries([
    ...Object.entries(earlier),
    ...Object.entries(later).map(([name, value]) => [
      name,
      Object.hasOwn(earlier, name) ? merge(earlier[name], value) : value,
    ]),
  ])
}
