import type { ResidencyRule, Topology } from './topology.ts'
import { globMatches } from './topology.ts'

/** What a geo's residency says of an event on its way to another geo (DESIGN 7.6). */
export type ResidencyVerdict =
  /** It does not leave its geo. */
  | { readonly kind: 'inside' }
  /** No rule names it. */
  | { readonly kind: 'allowed' }
  | { readonly kind: 'refused' }
  /** The first rule that names it lets it go, with these fields dropped or hashed. */
  | {
      readonly kind: 'rule'
      readonly index: number
      readonly drop: readonly string[]
      readonly hash: readonly string[]
    }

/** Judges an event of the given tail (`event.deployment.finished`) between two geos. */
export function residencyVerdict(
  topology: Topology,
  from: string,
  to: string,
  tail: string,
): ResidencyVerdict {
  if (from === to) return { kind: 'inside' }
  const residency = topology.geos.find(({ name }) => name === from)?.residency
  if (residency === undefined) return { kind: 'allowed' }
  const index = residency.allow.findIndex((rule) => names(rule, to, tail))
  const rule = residency.allow[index]
  if (rule === undefined) return { kind: residency.leave === 'deny' ? 'refused' : 'allowed' }
  return { kind: 'rule', index, drop: rule.drop, hash: rule.hash }
}

function names(rule: ResidencyRule, to: string, tail: string): boolean {
  return rule.to === to && rule.events.some((glob) => globMatches(glob, tail))
}
