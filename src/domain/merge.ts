import type { JsonObject } from './json.ts'
import { isJsonObject } from './json.ts'

/**
 * The deep merge that Keptn makes of the data of a task's `.finished` events (wire 6.3, and measured with
 * shipyard-controller's own function, 0.17 to 1.4.5): maps merge; a later string replaces; arrays are
 * concatenated, the later event's items first; whatever changes its type is replaced by the later one.
 * Three cases surprise: a number or a boolean that is there stays, whatever comes later; a later null
 * leaves maps and arrays alone and makes a string empty; an earlier null yields to anything.
 */

/** A merge under way; made by `startMerge`, never changed. */
export interface Merge {
  readonly maxBytes: number
  /** Undefined once the answers have been found too large. */
  readonly data: JsonObject | undefined
  /** The merged JSON is at most so large. */
  readonly bytesAtMost: number
}

/** What came of a merge: undefined data where it would have exceeded its limit. */
export interface Merged {
  readonly data: JsonObject | undefined
}

/** Go reads JSON to a depth of 10,000; our stack and everybody's readers are content with less. */
const MAX_DEPTH = 500

/**
 * Keys of an answer that no aggregate takes over. `temporaryData` belongs to the delivery of one event to
 * one integration (wire 1.2). `signet` tells of earlier tasks: Keptn has it already, and an integration
 * that sends back what it was given would multiply what foreign hands put there. The others are the
 * fan-out's own.
 */
const OWN_KEYS: ReadonlySet<string> = new Set([
  'project',
  'stage',
  'service',
  'status',
  'result',
  'message',
  'temporaryData',
  'signet',
])

/** Begins a merge whose JSON may have at most `maxBytes` bytes in UTF-8. */
export function startMerge(maxBytes: number): Merge {
  return { maxBytes, data: {}, bytesAtMost: 2 }
}

/**
 * Adds the `data` of one `.finished`; call it in topology order, and within a stamp in the order of
 * `finishedInOrder`. Bodies may be read one at a time: nothing but the merged data is kept. The answers
 * are left out altogether as soon as they are too large, for half of a merge looks like a whole one.
 */
export function mergeAnswer(merge: Merge, data: JsonObject): Merge {
  if (merge.data === undefined) return merge
  const overfull: Merge = { ...merge, data: undefined }
  if (isDeeper(data, MAX_DEPTH)) return overfull
  const kept = Object.fromEntries(Object.entries(data).filter(([key]) => !OWN_KEYS.has(key)))
  const merged = mergeMaps(merge.data, kept)
  // Merging never makes two texts longer than both together; measuring waits until it may matter.
  let bytesAtMost = merge.bytesAtMost + jsonBytes(kept)
  if (bytesAtMost > merge.maxBytes) bytesAtMost = jsonBytes(merged)
  return bytesAtMost > merge.maxBytes ? overfull : { ...merge, data: merged, bytesAtMost }
}

/** The merged data of all answers, without the fan-out's own fields. */
export function finishMerge({ data }: Merge): Merged {
  return { data }
}

/** Keptn's merge of two values. Neither is changed; parts of both live on in the result. */
export function mergeValues(earlier: unknown, later: unknown): unknown {
  if (earlier === null || earlier === undefined) return later
  if (Array.isArray(earlier)) {
    if (Array.isArray(later)) return [...(later as unknown[]), ...(earlier as unknown[])]
    // Go appends nothing to nothing and has no array any more.
    return later === null && earlier.length > 0 ? earlier : later
  }
  if (isJsonObject(earlier)) {
    if (isJsonObject(later)) return mergeMaps(earlier, later)
    return later === null ? earlier : later
  }
  if (typeof earlier === 'string') return later === null ? '' : later
  return earlier
}

/** How many bytes a value's JSON has in UTF-8. */
export function jsonBytes(value: unknown): number {
  return new TextEncoder().encode(JSON.stringify(value)).length
}

function mergeMaps(earlier: JsonObject, later: JsonObject): JsonObject {
  const merged = new Map(Object.entries(earlier))
  for (const [key, value] of Object.entries(later)) {
    merged.set(key, mergeValues(merged.get(key), value))
  }
  // Defines its keys instead of assigning them, so that `__proto__` is a key like any other.
  return Object.fromEntries(merged)
}

function isDeeper(value: unknown, depth: number): boolean {
  if (typeof value !== 'object' || value === null) return false
  return depth === 0 || Object.values(value).some((child) => isDeeper(child, depth - 1))
}
