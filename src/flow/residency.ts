import { createHash } from 'node:crypto'
import type { Edits } from '../domain/redact.ts'
import { redact } from '../domain/redact.ts'
import { crossing } from '../domain/residency.ts'
import { parseJsonObject } from '../domain/json.ts'
import type { Topology } from '../domain/topology.ts'

/** Something that holds data of geos, on its way to another one. */
export interface Way {
  /** The geos whose data it holds; each has to let it go. */
  readonly from: readonly string[]
  readonly to: string
  /** What rules call it: the tail of an event's type, or one of src/domain/residency.ts. */
  readonly tail: string
}

export type Crossed =
  | {
      readonly kind: 'passes'
      /** The same bytes, unless something had to be left out or hashed. */
      readonly body: Uint8Array
      /** The paths of what was left out or hashed. */
      readonly redacted: readonly string[]
    }
  | { readonly kind: 'refused'; readonly by: string; readonly why: string }

/**
 * Takes an event over the border of its geo (DESIGN 7.6). The agent and `signet topology explain` both do it
 * with this. What a rule wants edited and cannot be read is refused: nobody can say what is in it.
 */
export function cross(topology: Topology, { from, to, tail }: Way, body: Uint8Array): Crossed {
  const verdict = crossing(topology, from, to, tail)
  if (verdict.kind === 'refused')
    return {
      ...verdict,
      why: `the residency of geo ${verdict.by} does not let ${tail} go to ${to}`,
    }
  if (verdict.drop.length === 0 && verdict.hash.length === 0)
    return { kind: 'passes', body, redacted: [] }
  try {
    return edited(body, verdict) ?? unreadable(from, to, tail)
  } catch (error) {
    // Nested deeper than the stack; see JSON.stringify.
    if (error instanceof RangeError) return unreadable(from, to, tail)
    throw error
  }
}

function edited(body: Uint8Array, edits: Edits): Crossed | undefined {
  const event = parseJsonObject(Buffer.from(body).toString('utf8'))
  if (event === undefined) return undefined
  const { event: next, paths } = redact(event, edits, hashed)
  return {
    kind: 'passes',
    body: paths.length === 0 ? body : Buffer.from(JSON.stringify(next)),
    redacted: paths,
  }
}

function unreadable(from: readonly string[], to: string, tail: string): Crossed {
  const by = from[0] ?? ''
  const why = `${tail} may go from ${from.join(', ')} to ${to} only with fields left out, and cannot be read`
  return { kind: 'refused', by, why }
}

/** Tells two values apart and hides them; what can be guessed can be found by trying (docs/security.md). */
function hashed(text: string): string {
  return `sha256:${createHash('sha256').update(text).digest('hex')}`
}
