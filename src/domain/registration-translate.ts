import type { Registration } from './registration.ts'
import type { Place } from './subject.ts'

/**
 * How the control plane sees an integration of a stamp (DESIGN 7.8): the name stays, because go-sdk queues
 * and answers under it and JES finds itself by it (wire 2.7); the namespace tells the stamps apart.
 */

/** The namespace of a stamp's integration at the control plane. */
export function upstreamNamespace(namespace: string, stamp: string): string {
  return `${namespace}.${stamp}`
}

/** The namespace that an integration of this stamp registered with; undefined where it is not of this stamp. */
export function localNamespace(namespace: string, stamp: string): string | undefined {
  const suffix = `.${stamp}`
  if (!namespace.endsWith(suffix) || namespace.length === suffix.length) return undefined
  return namespace.slice(0, -suffix.length)
}

/**
 * What registers an integration at the control plane. Without its subscriptions: Keptn would give them ids
 * of its own, and throw them away where it knows the integration; they follow one by one, under ours.
 */
export function toUpstream(registration: Registration, place: Place): Registration {
  const { metadata, name } = registration
  const { kubernetesmetadata } = metadata
  const namespace = upstreamNamespace(kubernetesmetadata.namespace, place.stamp)
  return {
    id: '',
    name,
    metadata: {
      ...metadata,
      location: `${place.geo}/${place.ring}/${place.stamp}`,
      kubernetesmetadata: { ...kubernetesmetadata, namespace },
      lastseen: '0001-01-01T00:00:00Z',
    },
    subscriptions: [],
  }
}

/**
 * Whether what the control plane has under an id is this integration. `a` in `b-c` and `a-b` in `c` make
 * one id there (wire 4.2).
 */
export function isTheSame(upstream: Registration, local: Registration, stamp: string): boolean {
  const { namespace } = upstream.metadata.kubernetesmetadata
  return (
    upstream.name === local.name &&
    localNamespace(namespace, stamp) === local.metadata.kubernetesmetadata.namespace
  )
}

/** Logs of a stamp's integrations as the control plane is told them. */
export interface TranslatedLogs {
  readonly logs: readonly unknown[]
  /** How many were left out, because no integration of this stamp has the id that they name. */
  readonly unknown: number
}

/**
 * Error logs under the ids that the control plane knows (wire 5.3). `upstreamId` tells it for an id of this
 * stamp. One that names nobody passes; one that names somebody else does not: it would show up there.
 */
export function translateLogs(
  logs: readonly unknown[],
  upstreamId: (id: string) => string | undefined,
): TranslatedLogs {
  const translated = logs.flatMap((log) => {
    if (typeof log !== 'object' || log === null || !('integrationid' in log)) return [log]
    const { integrationid } = log
    if (integrationid === '' || integrationid === null) return [log]
    const id = typeof integrationid === 'string' ? upstreamId(integrationid) : undefined
    return id === undefined ? [] : [{ ...log, integrationid: id }]
  })
  return { logs: translated, unknown: logs.length - translated.length }
}
