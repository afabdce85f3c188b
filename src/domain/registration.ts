import type { Integration, Subscription } from './interest.ts'

/** A subscription as Uniform keeps it. */
export interface RegisteredSubscription extends Subscription {
  readonly id: string
}

/** An integration as Keptn's Uniform API has it (wire 4.1). No field is ever missing. */
export interface Registration {
  /** Empty in what an integration sends. */
  readonly id: string
  readonly name: string
  readonly metadata: {
    readonly hostname: string
    readonly integrationversion: string
    readonly distributorversion: string
    readonly location: string
    readonly kubernetesmetadata: {
      readonly namespace: string
      readonly podname: string
      readonly deploymentname: string
    }
    /** RFC 3339. */
    readonly lastseen: string
  }
  readonly subscriptions: readonly RegisteredSubscription[]
}

/** A registration with a subscription added, or replaced where its id is known. */
export function withSubscription(
  registration: Registration,
  subscription: RegisteredSubscription,
): Registration {
  const { subscriptions } = registration
  const isKnown = subscriptions.some(({ id }) => id === subscription.id)
  return {
    ...registration,
    subscriptions: isKnown
      ? subscriptions.map((one) => (one.id === subscription.id ? subscription : one))
      : [...subscriptions, subscription],
  }
}

export function withoutSubscription(registration: Registration, id: string): Registration {
  return {
    ...registration,
    subscriptions: registration.subscriptions.filter((one) => one.id !== id),
  }
}

/** A registration that was seen at a time, in milliseconds since the epoch. */
export function seenAt(registration: Registration, at: number): Registration {
  const lastseen = new Date(at).toISOString()
  return { ...registration, metadata: { ...registration.metadata, lastseen } }
}

/** Filters of the list of registrations: all optional, all exact (wire 4.1). Empty counts as absent. */
export type RegistrationFilter = Readonly<
  Partial<
    Record<'id' | 'name' | 'namespace' | 'hostname' | 'project' | 'stage' | 'service', string>
  >
>

export function matchesFilter(registration: Registration, filter: RegistrationFilter): boolean {
  const { id, name, metadata, subscriptions } = registration
  const names = (part: keyof Subscription['filter'], wanted: string | undefined): boolean =>
    isUnset(wanted) || subscriptions.some((one) => one.filter[part].includes(wanted))
  return (
    fits(filter.id, id) &&
    fits(filter.name, name) &&
    fits(filter.namespace, metadata.kubernetesmetadata.namespace) &&
    fits(filter.hostname, metadata.hostname) &&
    names('projects', filter.project) &&
    names('stages', filter.stage) &&
    names('services', filter.service)
  )
}

function fits(wanted: string | undefined, actual: string): boolean {
  return isUnset(wanted) || wanted === actual
}

function isUnset(wanted: string | undefined): wanted is undefined | '' {
  return wanted === undefined || wanted === ''
}

/** What a stamp tells of its registrations: the same text whatever the order they came in. */
export function interestOfAll(
  registrations: Iterable<Registration & { readonly alive?: boolean }>,
): Integration[] {
  return [...registrations]
    .sort((a, b) => compare(a.name, b.name) || compare(a.id, b.id))
    .map(({ name, subscriptions, alive }) => ({
      name,
      subscriptions: subscriptions.map(({ event, filter }) => ({ event, filter })),
      ...(alive === undefined ? {} : { alive }),
    }))
}

function compare(a: string, b: string): number {
  if (a === b) return 0
  return a < b ? -1 : 1
}
