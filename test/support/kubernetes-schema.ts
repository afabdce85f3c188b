import type { Manifest } from './manifest.ts'

/** The model of each kind: of Kubernetes itself, and of the Prometheus operator. */
const MODELS: Readonly<Record<string, () => Promise<Model>>> = {
  'v1/ConfigMap': async () => (await import('kubernetes-models/v1/ConfigMap')).ConfigMap,
  'v1/Service': async () => (await import('kubernetes-models/v1/Service')).Service,
  'v1/ServiceAccount': async () =>
    (await import('kubernetes-models/v1/ServiceAccount')).ServiceAccount,
  'apps/v1/DaemonSet': async () => (await import('kubernetes-models/apps/v1/DaemonSet')).DaemonSet,
  'apps/v1/StatefulSet': async () =>
    (await import('kubernetes-models/apps/v1/StatefulSet')).StatefulSet,
  'networking.k8s.io/v1/NetworkPolicy': async () =>
    (await import('kubernetes-models/networking.k8s.io/v1/NetworkPolicy')).NetworkPolicy,
  'policy/v1/PodDisruptionBudget': async () =>
    (await import('kubernetes-models/policy/v1/PodDisruptionBudget')).PodDisruptionBudget,
  'monitoring.coreos.com/v1/ServiceMonitor': async () => (await operator()).ServiceMonitor,
  'monitoring.coreos.com/v1/PrometheusRule': async () => (await operator()).PrometheusRule,
}

const operator = () => import('@kubernetes-models/prometheus-operator/monitoring.coreos.com/v1')

/** A class whose objects know the schema of their kind. */
interface Model {
  readonly prototype: { validate(): void }
}

/**
 * What is wrong with a manifest by the schema of its kind: also the keys that the schema does not know, which
 * Kubernetes would drop. Empty where nothing is.
 */
export async function mistakesOf(manifest: Manifest): Promise<readonly string[]> {
  const model = await MODELS[`${manifest.apiVersion}/${manifest.kind}`]?.()
  if (model === undefined) return [`no schema for ${manifest.apiVersion} ${manifest.kind}`]
  const unread = new Set<string>()
  const watching = watched(manifest, '', unread) as object
  Object.setPrototypeOf(watching, model.prototype)
  try {
    ;(watching as Model['prototype']).validate()
    return [...unread].map((path) => `${path} is no key`)
  } catch (error) {
    return [String(error)]
  }
}

/**
 * The schemas let every key pass, and never look at one that they do not know: a value that tells which of its
 * keys were looked at.
 */
function watched(value: unknown, path: string, unread: Set<string>): unknown {
  if (typeof value !== 'object' || value === null) return value
  const inner = Object.entries(value).map(
    ([key, it]) => [key, watched(it, `${path}/${key}`, unread)] as const,
  )
  if (Array.isArray(value)) return inner.map(([, it]) => it)
  const target = Object.fromEntries(inner)
  for (const key of Object.keys(target)) unread.add(`${path}/${key}`)
  return new Proxy(target, {
    get: (from, key) => {
      unread.delete(`${path}/${String(key)}`)
      return Reflect.get(from, key) as unknown
    },
  })
}
