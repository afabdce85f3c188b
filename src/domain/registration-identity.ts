import type { Registration } from './registration.ts'
import type { EntryChange } from './registration-entry.ts'
import { registered } from './registration-entry.ts'

/** What makes the ids that Uniform hands out. */
export interface RegistrationIds {
  /** The id of an integration: the hex SHA-1 of `<name>-<namespace>-<hostname>` (wire 4.2). */
  readonly ofIntegration: (text: string) => string
  /** A new UUID. */
  readonly ofSubscription: () => string
}

export type Registering =
  | {
      readonly kind: 'created' | 'existing'
      readonly registration: Registration
      /** What makes it of whatever is known under its id by then. */
      readonly change: EntryChange
    }
  /** What identifies it is missing: the names of those fields. */
  | { readonly kind: 'incomplete'; readonly missing: readonly string[] }

/**
 * Registers an integration by name and namespace (wire 4.2), at a time in milliseconds since the epoch. A
 * known one keeps its id and its subscriptions, and takes over only the versions; where its list is empty
 * it adopts what the caller sent, with ids, which Keptn forgets to assign. Of several the one that was
 * seen last is meant, and gets what only the others have. Unlike Keptn's, an empty name or namespace never
 * matches somebody else's record.
 */
export function register(
  wanted: Registration,
  known: Iterable<Registration>,
  ids: RegistrationIds,
  at: number,
): Registering {
  const { name, metadata } = wanted
  const { namespace } = metadata.kubernetesmetadata
  const subscriptions = wanted.subscriptions.map((one) => ({ ...one, id: ids.ofSubscription() }))
  const matching = name === '' || namespace === '' ? [] : find(known, name, namespace)
  const [existing, ...others] = matching
  if (existing !== undefined) {
    const more = others.flatMap((other) => other.subscriptions)
    const change = registered({ ...wanted, id: existing.id, subscriptions }, at, more)
    const entry = { registration: existing, hadPinged: false, upstream: undefined }
    const { registration = existing } = change({ ...entry, isRemoved: false }) ?? {}
    return { kind: 'existing', registration, change }
  }
  const identity = { name, namespace, hostname: metadata.hostname }
  const missing = Object.entries(identity).flatMap(([field, value]) => (value === '' ? field : []))
  if (missing.length > 0) return { kind: 'incomplete', missing }
  const id = ids.ofIntegration(`${name}-${namespace}-${metadata.hostname}`)
  const registration = { ...wanted, id, subscriptions }
  return { kind: 'created', registration, change: registered(registration, at) }
}

/** The last seen first. */
function find(
  known: Iterable<Registration>,
  name: string,
  namespace: string,
): readonly Registration[] {
  return [...known]
    .filter((one) => one.name === name && one.metadata.kubernetesmetadata.namespace === namespace)
    .sort((a, b) => seen(b) - seen(a))
}

function seen({ metadata }: Registration): number {
  const at = Date.parse(metadata.lastseen)
  return Number.isNaN(at) ? 0 : at
}
