import { createHash } from 'node:crypto'
import type { Registration, Subscription } from './registration.ts'

/** Filters of the list of registrations: all optional, all exact (wire 4.1). */
export interface RegistrationFilter {
  readonly id?: string | undefined
  readonly name?: string | undefined
  readonly namespace?: string | undefined
  readonly hostname?: string | undefined
  readonly project?: string | undefined
  readonly stage?: string | undefined
  readonly service?: string | undefined
}

/** What became of a registration: 201 for a new one, 200 for a known one, 400 without an identity. */
export type Registered =
  | { readonly code: 200 | 201; readonly id: string }
  | { readonly code: 400; readonly message: string }

/** The integrations that registered (wire 4), with Keptn's idea of what makes two of them one. */
export class Uniform {
  readonly #integrations = new Map<string, Registration>()
  readonly #now: () => number
  readonly #newId: () => string

  constructor(now: () => number, newId: () => string) {
    this.#now = now
    this.#newId = newId
  }

  /**
   * Registers an integration by name and namespace alone (wire 4.2): for one that is known, all
   * that the caller sent is thrown away but the versions, and its subscriptions count only where
   * the stored list is empty, without ids then.
   */
  register(wanted: Registration): Registered {
    const { namespace } = wanted.metadata.kubernetesmetadata
    const known = this.list({ name: wanted.name, namespace })
    const newest = known.toSorted(byLastSeen).at(-1)
    if (newest !== undefined) return { code: 200, id: this.#adopt(newest, known, wanted) }
    const { hostname } = wanted.metadata
    if (wanted.name === '' || namespace === '' || hostname === '') {
      return {
        code: 400,
        message: 'incomplete integration ID: name, namespace and node are needed',
      }
    }
    const id = createHash('sha1').update(`${wanted.name}-${namespace}-${hostname}`).digest('hex')
    const subscriptions = (wanted.subscriptions ?? []).map(({ event, filter }) => {
      return { id: this.#newId(), event, filter }
    })
    this.#store({ ...wanted, id, subscriptions })
    return { code: 201, id }
  }

  list(filter: RegistrationFilter): readonly Registration[] {
    return [...this.#integrations.values()].filter((candidate) => {
      const subscriptions = candidate.subscriptions ?? []
      const has = (part: 'projects' | 'stages' | 'services', value: string | undefined) =>
        isUnset(value) || subscriptions.some(({ filter: f }) => f[part]?.includes(value))
      return (
        fits(filter.id, candidate.id) &&
        fits(filter.name, candidate.name) &&
        fits(filter.namespace, candidate.metadata.kubernetesmetadata.namespace) &&
        fits(filter.hostname, candidate.metadata.hostname) &&
        has('projects', filter.project) &&
        has('stages', filter.stage) &&
        has('services', filter.service)
      )
    })
  }

  /** Renews a registration and returns it, or undefined where it is gone. */
  ping(id: string): Registration | undefined {
    const known = this.#integrations.get(id)
    return known === undefined ? undefined : this.#store(known)
  }

  unregister(id: string): void {
    this.#integrations.delete(id)
  }

  get(id: string): Registration | undefined {
    return this.#integrations.get(id)
  }

  /** Adds a subscription, or replaces the one of that id. False where the integration is unknown. */
  putSubscription(id: string, subscription: Subscription): boolean {
    const known = this.#integrations.get(id)
    if (known === undefined) return false
    const others = known.subscriptions ?? []
    const isKnown = others.some((other) => other.id === subscription.id)
    const subscriptions = isKnown
      ? others.map((other) => (other.id === subscription.id ? subscription : other))
      : [...others, subscription]
    this.#integrations.set(id, { ...known, subscriptions })
    return true
  }

  /** Removes a subscription. For an unknown integration it leaves an empty document, as Keptn does. */
  deleteSubscription(id: string, subscriptionId: string): boolean {
    const known = this.#integrations.get(id)
    if (known === undefined) {
      this.#integrations.set(id, strayDocument(id))
      return false
    }
    const subscriptions = (known.subscriptions ?? []).filter((other) => other.id !== subscriptionId)
    this.#integrations.set(id, { ...known, subscriptions })
    return true
  }

  /** Removes what has not been seen for `ttlMs` (wire 4.3). */
  expire(ttlMs: number): void {
    const oldest = this.#now() - ttlMs
    for (const { id, metadata } of this.#integrations.values()) {
      const isStray = metadata.lastseen === strayLastSeen
      if (!isStray && Date.parse(metadata.lastseen) < oldest) this.#integrations.delete(id)
    }
  }

  #adopt(newest: Registration, known: readonly Registration[], wanted: Registration): string {
    const own = newest.subscriptions ?? []
    const missing = known
      .filter((other) => other !== newest)
      .flatMap((other) => other.subscriptions ?? [])
      .filter((candidate, index, all) => all.findIndex(({ id }) => id === candidate.id) === index)
      .filter(({ id }) => own.every((subscription) => subscription.id !== id))
    const merged = [...own, ...missing]
    const { integrationversion, distributorversion } = wanted.metadata
    this.#store({
      ...newest,
      metadata: { ...newest.metadata, integrationversion, distributorversion },
      subscriptions: merged.length > 0 ? merged : wanted.subscriptions,
    })
    return newest.id
  }

  #store(registration: Registration): Registration {
    const lastseen = new Date(this.#now()).toISOString()
    const seen = { ...registration, metadata: { ...registration.metadata, lastseen } }
    this.#integrations.set(seen.id, seen)
    return seen
  }
}

const strayLastSeen = '0001-01-01T00:00:00Z'

// It has no lastseen for the TTL index to look at, so it stays for ever.
function strayDocument(id: string): Registration {
  return {
    id,
    name: '',
    metadata: {
      hostname: '',
      integrationversion: '',
      distributorversion: '',
      location: '',
      kubernetesmetadata: { namespace: '', podname: '', deploymentname: '' },
      lastseen: strayLastSeen,
    },
    subscriptions: null,
  }
}

function byLastSeen(a: Registration, b: Registration): number {
  return Date.parse(a.metadata.lastseen) - Date.parse(b.metadata.lastseen)
}

// An empty value drops its filter, so a registration without a name or a namespace finds others'.
function isUnset(value: string | undefined): value is undefined | '' {
  return value === undefined || value === ''
}

function fits(wanted: string | undefined, value: string): boolean {
  return isUnset(wanted) || wanted === value
}
