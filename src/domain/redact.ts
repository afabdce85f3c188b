import type { JsonObject } from './json.ts'
import { isJsonObject } from './json.ts'

/** Fields by their paths: `data.deployment.deploymentURIsLocal`. */
export interface Edits {
  readonly drop: readonly string[]
  readonly hash: readonly string[]
}

export interface Redacted {
  readonly event: JsonObject
  /** The paths of `edits` that were there, and are dropped or hashed now. */
  readonly paths: readonly string[]
}

/**
 * Leaves out and hashes fields of an event (DESIGN 7.6). A name counts in whatever case it is written, for
 * Go's peers read it so (wire 1.1), and a path goes through every element of a list on its way.
 */
export function redact(
  event: JsonObject,
  edits: Edits,
  hashed: (text: string) => string,
): Redacted {
  const paths: string[] = []
  let edited: unknown = event
  const apply = (path: string, replace: (value: unknown) => unknown): void => {
    let isThere = false
    edited = replaced(edited, path.split('.'), (value) => {
      isThere = true
      return replace(value)
    })
    if (isThere) paths.push(path)
  }
  for (const path of edits.drop) apply(path, () => undefined)
  for (const path of edits.hash)
    apply(path, (value) => hashed(typeof value === 'string' ? value : JSON.stringify(value)))
  return { event: edited as JsonObject, paths }
}

/** A value in which the fields of a path are replaced; those replaced by undefined are left out. */
function replaced(
  value: unknown,
  [name = '', ...rest]: readonly string[],
  replace: (value: unknown) => unknown,
): unknown {
  if (Array.isArray(value)) return value.map((item) => replaced(item, [name, ...rest], replace))
  if (!isJsonObject(value)) return value
  const wanted = folded(name)
  return Object.fromEntries(
    Object.entries(value).flatMap(([key, inner]): [string, unknown][] => {
      if (folded(key) !== wanted) return [[key, inner]]
      const next = rest.length > 0 ? replaced(inner, rest, replace) : replace(inner)
      return next === undefined ? [] : [[key, next]]
    }),
  )
}

function folded(name: string): string {
  return name.toLowerCase().toUpperCase()
}
