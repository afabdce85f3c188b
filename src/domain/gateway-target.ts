import type { KeptnServiceName } from './keptn-service.ts'
import { splitTarget } from './request-target.ts'

/** Where Keptn's public gateway has its services, below `/api` (wire 5.4). */
const PREFIXES: Readonly<Record<KeptnServiceName, string>> = {
  'shipyard-controller': '/controlPlane',
  'resource-service': '/resource-service',
  'mongodb-datastore': '/mongodb-datastore',
  'secret-service': '/secrets',
  'api-service': '',
}

const RESOURCE = '/resource/'

/**
 * The target of a service's target at the gateway. That decodes a path once, and so the name of a resource
 * must be escaped once more, as the distributor does (wire 3.6), unless the client has seen to it: a name
 * with `%25` in it is taken for one that was escaped twice.
 */
export function gatewayTarget(service: KeptnServiceName, target: string): string {
  const { path, query } = splitTarget(target)
  const at = service === 'resource-service' ? path.lastIndexOf(RESOURCE) : -1
  if (at === -1) return PREFIXES[service] + target
  const from = at + RESOURCE.length
  const name = path.slice(from)
  const escaped = name.includes('%25') ? name : name.replaceAll('%', '%25')
  return PREFIXES[service] + path.slice(0, from) + escaped + query
}
