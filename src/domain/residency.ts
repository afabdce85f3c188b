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

/** What all geos together say of which something holds data, on its way to another geo. */
export type Crossing =
  | { readonly kind: 'open'; readonly drop: readonly string[]; readonly hash: readonly string[] }
  | {
      readonly kind: 'refused'
      /** The geo that does not let it go. */
      readonly by: string
    }

/**
 * Judges what holds data of several geos: each of them has to let it go, and what any of them wants left out
 * or hashed is; left out counts for more.
 */
export function crossing(
  topology: Topology,
  from: readonly string[],
  to: string,
  tail: string,
): Crossing {
  const drop = new Set<string>()
  const hash = new Set<string>()
  for (const geo of from) {
    const verdict = residencyVerdict(topology, geo, to, tail)
    if (verdict.kind === 'refused') return { kind: 'refused', by: geo }
    if (verdict.kind !== 'rule') continue
    for (const path of verdict.drop) drop.add(path)
    for (const path of verdict.hash) hash.add(path)
  }
  return { kind: 'open', drop: [...drop], hash: [...hash].filter((path) => !drop.has(path)) }
}

/** The geo of a stamp, home stamps among them; undefined where the topology has no such stamp. */
export function geoOfStamp({ stamps, controlPlanes }: Topology, stamp: string): string | undefined {
  const listed = stamps.find(({ name }) => name === stamp)
  return listed?.geo ?? controlPlanes.find(({ home }) => home.stamp === stamp)?.home.geo
}

/** What rules call an error log that an integration sends to Keptn's Uniform, as Keptn's own event type does. */
export const LOG_TAIL = 'log.error'

/** What rules call a call to Keptn's API: `api.resource-service.put`. */
export function callTail({
  service,
  method,
}: {
  readonly service: string
  readonly method: string
}): string {
  return `api.${service}.${method.toLowerCase()}`
}

function names(rule: ResidencyRule, to: string, tail: string): boolean {
  return rule.to === to && rule.events.some((glob) => globMatches(glob, tail))
}

/**
 * Whether a call to Keptn's API names integrations and their subscriptions only, as presence does: that is
 * no data of a geo. The logs that go with `/v1/log` are judged one by one before.
 */
export function isNamingCall({ target }: { readonly target: string }): boolean {
  const [path = ''] = target.split('?')
  return path === '/v1/log' || /^\/v1\/uniform\/registration(?:\/|$)/.test(path)
}

/**
 * Why a call to Keptn's API, or its answer, may not leave a geo; undefined where it may. What a rule would
 * have fields left out of is refused where there is a body (`isBody`): a body of a call is no event.
 */
export function callRefusal(
  topology: Topology,
  { from, to, isBody }: { readonly from: string; readonly to: string; readonly isBody: boolean },
  call: { readonly service: string; readonly method: string; readonly target: string },
): string | undefined {
  if (isNamingCall(call)) return undefined
  const tail = callTail(call)
  const verdict = crossing(topology, [from], to, tail)
  if (verdict.kind === 'refused')
    return `the residency of geo ${from} does not let ${tail} go to ${to}`
  if (!isBody || verdict.drop.length + verdict.hash.length === 0) return undefined
  return `the residency of geo ${from} lets ${tail} go to ${to} only with fields left out, which a call has not`
}
