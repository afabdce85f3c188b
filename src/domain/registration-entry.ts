import type { RegisteredSubscription, Registration } from './registration.ts'
import { seenAt, withoutSubscription, withSubscription } from './registration.ts'
import { parseRegistration } from './registration-parse.ts'
import { areSame, mergeSubscriptions, wantTheSame } from './subscription-merge.ts'

/** What is known of an integration's entry at the control plane. */
export interface UpstreamEntry {
  /** Its id there. */
  readonly id: string
  /** The subscriptions that it had there when stamp and control plane were last one; null: they never were. */
  readonly subscriptions: readonly RegisteredSubscription[] | null
  readonly integrationversion: string
  readonly distributorversion: string
}

/** What the agents of a stamp keep of one integration; they share it. */
export interface RegistrationEntry {
  readonly registration: Registration
  /** Whether it has pinged since its registration or its subscriptions last changed. */
  readonly hadPinged: boolean
  /** Undefined while the control plane does not know it. */
  readonly upstream: UpstreamEntry | undefined
  /** It is gone, and kept until every agent, and the control plane, has learned of it. */
  readonly isRemoved: boolean
}

/**
 * A change of one entry. It may be made again, on another state of the entry: when another agent was faster
 * (the change comes on top of its), or when it is not known whether it was stored. Made twice it is made once.
 */
export type EntryChange = (entry: RegistrationEntry | undefined) => RegistrationEntry | undefined

/**
 * It registered, as `wanted` with an id and ids for its subscriptions. One that is known keeps its
 * subscriptions, unless it has none, and takes over the versions (wire 4.2); `more` is what others of the
 * same name and namespace have.
 */
export function registered(
  wanted: Registration,
  at: number,
  more: readonly RegisteredSubscription[] = [],
): EntryChange {
  return (entry) => {
    if (entry === undefined || entry.isRemoved) {
      const subscriptions = withMissing(wanted.subscriptions, more)
      const registration = seenAt({ ...wanted, subscriptions }, at)
      return { registration, hadPinged: false, upstream: entry?.upstream, isRemoved: false }
    }
    const known = entry.registration
    const { integrationversion, distributorversion } = wanted.metadata
    const own = known.subscriptions.length > 0 ? known.subscriptions : wanted.subscriptions
    const registration = {
      ...known,
      metadata: { ...known.metadata, integrationversion, distributorversion },
      subscriptions: withMissing(own, more),
    }
    return { ...entry, registration: seenAt(registration, at), hadPinged: false }
  }
}

/** It pinged, and was answered with these subscriptions. */
export function pinged(answered: readonly RegisteredSubscription[], at: number): EntryChange {
  return whereKept((entry) => ({
    ...entry,
    registration: seenAt(entry.registration, at),
    // Another agent may have changed them meanwhile: then it learns of it with its next ping.
    hadPinged: entry.hadPinged || wantTheSame(entry.registration.subscriptions, answered),
  }))
}

export function subscribed(subscription: RegisteredSubscription): EntryChange {
  return whereKept((entry) => rewired(entry, withSubscription(entry.registration, subscription)))
}

export function unsubscribed(subscriptionId: string): EntryChange {
  return whereKept((entry) =>
    rewired(entry, withoutSubscription(entry.registration, subscriptionId)),
  )
}

export function removed(entry: RegistrationEntry | undefined): RegistrationEntry | undefined {
  return entry === undefined ? undefined : { ...entry, hadPinged: false, isRemoved: true }
}

/** The control plane keeps it under an id; `isNew` where it has just made it, without subscriptions. */
export function registeredUpstream(
  told: Registration,
  id: string,
  isNew: boolean,
  newId: () => string,
): EntryChange {
  const { integrationversion, distributorversion } = told.metadata
  const withId = (one: RegisteredSubscription): RegisteredSubscription =>
    one.id === '' ? { ...one, id: newId() } : one
  return (entry) => {
    if (entry === undefined) return undefined
    const isSameEntry = entry.upstream?.id === id && !isNew
    const subscriptions = isNew ? [] : isSameEntry ? (entry.upstream?.subscriptions ?? null) : null
    const { registration } = entry
    return {
      ...entry,
      upstream: { id, subscriptions, integrationversion, distributorversion },
      // What Keptn gave no id can be put nowhere.
      registration: {
        ...registration,
        subscriptions: isSameEntry
          ? registration.subscriptions
          : registration.subscriptions.map(withId),
      },
    }
  }
}

/** The control plane no longer has what it had under this id. */
export function forgottenUpstream(id: string): EntryChange {
  return (entry) =>
    entry?.upstream === undefined || entry.upstream.id !== id
      ? entry
      : { ...entry, upstream: undefined }
}

/** The control plane has these subscriptions of it now: they are brought together with the stamp's. */
export function comparedUpstream(
  id: string,
  subscriptions: readonly RegisteredSubscription[],
): EntryChange {
  return whereKept((entry) => {
    const { upstream, registration } = entry
    if (upstream?.id !== id) return entry
    const merged = mergeSubscriptions(
      registration.subscriptions,
      upstream.subscriptions,
      subscriptions,
    )
    return rewired(
      { ...entry, upstream: { ...upstream, subscriptions } },
      { ...registration, subscriptions: merged.subscriptions },
    )
  })
}

/** The control plane was told, and has these subscriptions of it now. */
export function toldUpstream(
  id: string,
  subscriptions: readonly RegisteredSubscription[],
): EntryChange {
  return whereKept((entry) =>
    entry.upstream?.id === id
      ? { ...entry, upstream: { ...entry.upstream, subscriptions } }
      : entry,
  )
}

/** Whether the control plane does not have it as the stamp wants it. */
export function differsUpstream({ registration, upstream }: RegistrationEntry): boolean {
  if (upstream?.subscriptions === undefined || upstream.subscriptions === null) return true
  const { integrationversion, distributorversion } = registration.metadata
  return (
    upstream.integrationversion !== integrationversion ||
    upstream.distributorversion !== distributorversion ||
    !areSame(registration.subscriptions, upstream.subscriptions)
  )
}

/** Reads an entry of a bucket; undefined where it is none, of a version that keeps something else perhaps. */
export function parseEntry(json: unknown): RegistrationEntry | undefined {
  if (typeof json !== 'object' || json === null) return undefined
  const fields = json as Readonly<Record<string, unknown>>
  const registration = parseRegistration(fields['registration'])
  if (!registration.ok || registration.value.id === '') return undefined
  return {
    registration: registration.value,
    hadPinged: fields['hadPinged'] === true,
    upstream: parseUpstream(fields['upstream']),
    isRemoved: fields['isRemoved'] === true,
  }
}

function parseUpstream(json: unknown): UpstreamEntry | undefined {
  if (typeof json !== 'object' || json === null) return undefined
  const fields = json as Readonly<Record<string, unknown>>
  const { id, integrationversion, distributorversion } = fields
  if (typeof id !== 'string' || id === '') return undefined
  const list = fields['subscriptions']
  const read = list === null ? undefined : parseRegistration({ subscriptions: list })
  return {
    id,
    subscriptions: read?.ok === true ? read.value.subscriptions : null,
    integrationversion: typeof integrationversion === 'string' ? integrationversion : '',
    distributorversion: typeof distributorversion === 'string' ? distributorversion : '',
  }
}

function whereKept(change: (entry: RegistrationEntry) => RegistrationEntry): EntryChange {
  return (entry) => (entry === undefined || entry.isRemoved ? entry : change(entry))
}

function withMissing(
  own: readonly RegisteredSubscription[],
  more: readonly RegisteredSubscription[],
): readonly RegisteredSubscription[] {
  const missing = more.filter(({ id }) => own.every((one) => one.id !== id))
  return [...own, ...new Map(missing.map((one) => [one.id, one])).values()]
}

/** With other subscriptions; where they want something else, it has to ping before it listens to that. */
function rewired(entry: RegistrationEntry, registration: Registration): RegistrationEntry {
  const isSame = wantTheSame(entry.registration.subscriptions, registration.subscriptions)
  return { ...entry, registration, hadPinged: entry.hadPinged && isSame }
}
