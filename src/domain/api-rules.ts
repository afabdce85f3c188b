import { KEPTN_SERVICES } from './keptn-service.ts'
import type { KeptnServiceName } from './keptn-service.ts'
import { decodings, splitTarget } from './request-target.ts'
import { globMatches } from './topology.ts'

/**
 * Which calls to Keptn's services a stamp may make. A rule reads `[<stamp glob>: ]<methods> <service>/<path>`:
 * methods with `|` between them or `*`; in the path `*` stands for one segment and a closing `**` for any
 * rest. What is not allowed is refused, and what Keptn's own gateway denies (wire 5.4) is refused whatever
 * is allowed, for the services behind it check nothing.
 */
export interface ApiRule {
  /** A glob of stamps. */
  readonly stamp: string
  /** Upper case; empty: every method. */
  readonly methods: readonly string[]
  readonly service: KeptnServiceName
  readonly segments: readonly string[]
}

export const API_METHODS = ['GET', 'HEAD', 'OPTIONS', 'POST', 'PUT', 'PATCH', 'DELETE'] as const

/** What the integrations of wire 7 need, and what agents say of them (DESIGN 7.8). */
export const DEFAULT_API_RULES: readonly string[] = [
  '* shipyard-controller/v1/uniform/registration/**',
  'POST shipyard-controller/v1/log',
  'GET|HEAD shipyard-controller/v1/project',
  'GET|HEAD shipyard-controller/v1/project/*',
  'GET|HEAD shipyard-controller/v1/project/*/stage/**',
  'GET|HEAD|POST|PUT resource-service/v1/project/*/resource/**',
  'GET|HEAD|POST|PUT resource-service/v1/project/*/stage/*/resource/**',
  'GET|HEAD|POST|PUT resource-service/v1/project/*/stage/*/service/*/resource/**',
  'GET|HEAD|OPTIONS mongodb-datastore/event/**',
  'GET|HEAD api-service/v1/metadata',
]

const DENIED: readonly ApiRule[] = [
  'DELETE shipyard-controller/v1/log',
  // Takes an event past NATS and past the datastore (wire 5.2).
  'POST shipyard-controller/v1/event',
  '* shipyard-controller/swagger-ui/**',
  '* api-service/swagger-ui/**',
  '* api-service/v1/auth',
  'POST|PUT|PATCH|DELETE mongodb-datastore/**',
  '* mongodb-datastore/health',
  '* resource-service/v1/project',
  '* resource-service/v1/project/*',
  '* resource-service/v1/project/*/stage',
  '* resource-service/v1/project/*/stage/*',
  '* resource-service/v1/project/*/stage/*/service',
  '* resource-service/v1/project/*/stage/*/service/*',
  '* resource-service/v1/project/*/service/**',
].map((text) => {
  const rule = parseApiRule(text)
  if (rule === undefined) throw new Error(`"${text}" is no rule`)
  return rule
})

/** Undefined where the text is no rule. */
export function parseApiRule(text: string): ApiRule | undefined {
  const match = /^(?:([\w*.-]+):\s*)?([A-Za-z|]+|\*)\s+([a-z-]+)(\/\S*)$/.exec(text.trim())
  if (match === null) return undefined
  const [, stamp = '*', methods = '', name = '', path = ''] = match
  const service = KEPTN_SERVICES.find((it) => it === name)
  const upper = methods === '*' ? [] : methods.toUpperCase().split('|')
  const segments = path.slice(1).split('/')
  const isKnown = upper.every((it) => API_METHODS.some((method) => method === it))
  if (service === undefined || !isKnown || segments.slice(0, -1).includes('**')) return undefined
  return { stamp, methods: upper, service, segments }
}

export type ApiVerdict =
  | { readonly ok: true }
  | {
      readonly ok: false
      readonly reason: 'method' | 'denied' | 'not-allowed'
      readonly message: string
    }

/** Whether a stamp may make a call. `target` has passed `targetMistake`. */
export function judgeCall(
  rules: readonly ApiRule[],
  stamp: string,
  call: { readonly service: KeptnServiceName; readonly method: string; readonly target: string },
): ApiVerdict {
  const { service, method, target } = call
  if (!API_METHODS.some((it) => it === method))
    return refuse('method', 'only the methods of Keptn’s API pass')
  const { path } = splitTarget(target)
  const views = decodings(path).map((decoded) =>
    decoded.replaceAll(/\/{2,}/g, '/').replace(/(?<=.)\/$/, ''),
  )
  for (const view of views) {
    const segments = view.slice(1).split('/')
    if (DENIED.some((rule) => covers(rule, service, method) && matches(rule.segments, segments)))
      return refuse(
        'denied',
        `${method} ${service} is closed there to everybody outside the control plane`,
      )
  }
  const segments = path.slice(1).split('/')
  const isAllowed = rules.some(
    (rule) =>
      covers(rule, service, method) &&
      globMatches(rule.stamp, stamp) &&
      matches(rule.segments, segments),
  )
  if (isAllowed) return { ok: true }
  return refuse(
    'not-allowed',
    `stamp ${stamp} may not ask ${service} for this; SIGNET_TUNNEL_ALLOW at the hub says what it may`,
  )
}

function covers(rule: ApiRule, service: string, method: string): boolean {
  return rule.service === service && (rule.methods.length === 0 || rule.methods.includes(method))
}

/** Segments are compared as they stand: a name that is escaped where it need not be is not that name. */
function matches(wanted: readonly string[], segments: readonly string[]): boolean {
  for (const [index, want] of wanted.entries()) {
    if (want === '**') return true
    const actual = segments[index]
    if (actual === undefined) return false
    if (want === '*' ? !isOneSegment(actual) : want !== actual) return false
  }
  return segments.length === wanted.length
}

/** Not empty, and one segment to whoever decodes it, too. */
function isOneSegment(segment: string): boolean {
  return segment !== '' && !decodings(segment).some((decoded) => decoded.includes('/'))
}

function refuse(reason: 'method' | 'denied' | 'not-allowed', message: string): ApiVerdict {
  return { ok: false, reason, message }
}

/** Whether doing it twice is doing it once: reading, and the sign of life of a registration (wire 4.1). */
export function isRepeatable({
  method,
  service,
  target,
}: {
  readonly method: string
  readonly service: string
  readonly target: string
}): boolean {
  if (method === 'GET' || method === 'HEAD' || method === 'OPTIONS') return true
  const { path } = splitTarget(target)
  return (
    method === 'PUT' &&
    service === 'shipyard-controller' &&
    /^\/v1\/uniform\/registration\/[^/]+\/ping$/.test(path)
  )
}
