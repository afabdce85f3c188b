import type { KeptnServiceName } from './keptn-service.ts'
import { KEPTN_SERVICES } from './keptn-service.ts'
import { splitTarget } from './request-target.ts'

/** Where a request to one of a stamp's two ports belongs. */
export type Destination =
  /** The registrations and logs that the stamp answers itself; `target` is shipyard-controller's. */
  | { readonly kind: 'registrations'; readonly target: string }
  | { readonly kind: 'health' }
  /** `answer`: what a client is told of an event that was taken. */
  | { readonly kind: 'event'; readonly answer: 'nothing' | 'context' }
  | { readonly kind: 'service'; readonly service: KeptnServiceName; readonly target: string }
  | { readonly kind: 'unknown'; readonly status: 404 | 421; readonly message: string }

/** What a distributor's proxy has (wire 3.6), and what its forerunners had (wire 9). */
const PROXY_PREFIXES: readonly (readonly [string, KeptnServiceName])[] = [
  ['/controlPlane', 'shipyard-controller'],
  ['/resource-service', 'resource-service'],
  ['/configuration-service', 'resource-service'],
  ['/mongodb-datastore', 'mongodb-datastore'],
  ['/secrets', 'secret-service'],
]
/** Where api-service takes an event (wire 5.2); in a stamp it goes where all its events go. */
const API_EVENT = '/v1/event'

export interface ProxyPaths {
  /** `API_PROXY_PATH` */
  readonly proxyPath: string
  /** `EVENT_FORWARDING_PATH` */
  readonly eventPath: string
}

/** The distributor's surface: by path. */
export function proxyDestination(target: string, paths: ProxyPaths): Destination {
  const { path } = splitTarget(target)
  if (path === '/health') return { kind: 'health' }
  if (path === paths.eventPath) return { kind: 'event', answer: 'nothing' }
  if (path === API_EVENT) return { kind: 'event', answer: 'context' }
  const base = paths.proxyPath.replace(/\/+$/, '')
  const inner = base !== '' && target.startsWith(`${base}/`) ? target.slice(base.length) : target
  for (const [prefix, service] of PROXY_PREFIXES) {
    if (!inner.startsWith(prefix)) continue
    const rest = inner.slice(prefix.length)
    if (rest === '' || rest.startsWith('?')) return atService(service, `/${rest}`)
    if (rest.startsWith('/')) return atService(service, rest)
  }
  return {
    kind: 'unknown',
    status: 404,
    message: `this stamp knows ${[...PROXY_PREFIXES.map(([it]) => it), paths.eventPath].join(', ')}`,
  }
}

/**
 * Keptn's services by their names, as its clients dial them (wire 2.2), alone or with the rest of a name in
 * the cluster. Registrations are answered under whatever name an agent is reached by.
 */
export function serviceDestination(host: string | undefined, target: string): Destination {
  const { path } = splitTarget(target)
  if (path === '/health') return { kind: 'health' }
  const name = (host ?? '').toLowerCase().replace(/:\d*$/, '').split('.', 1)[0]
  const service = KEPTN_SERVICES.find((it) => it === name)
  if (service === 'api-service' && path === API_EVENT) return { kind: 'event', answer: 'context' }
  if (service !== undefined) return atService(service, target)
  if (isRegistrations(path)) return { kind: 'registrations', target }
  return {
    kind: 'unknown',
    status: 421,
    message: `no service of Keptn has this Host; known are ${KEPTN_SERVICES.join(', ')}`,
  }
}

function atService(service: KeptnServiceName, target: string): Destination {
  const isLocal = service === 'shipyard-controller' && isRegistrations(splitTarget(target).path)
  return isLocal ? { kind: 'registrations', target } : { kind: 'service', service, target }
}

/** What a stamp's registrations answer (wire 4.1, 5.3). */
function isRegistrations(path: string): boolean {
  return path === '/v1/log' || /^\/v1\/uniform\/registration(?:\/|$)/.test(path)
}
