import type { KeptnEvent } from './event.ts'
import type { Subscription } from './interest.ts'
import { isWantedBy } from './interest.ts'
import type { RegisteredSubscription, Registration } from './registration.ts'

/** An integration that has topics and a recipient and no more: the agent speaks Keptn for it (DESIGN 7.8). */
export interface BehalfIntegration {
  readonly name: string
  /** Empty in one that is not registered, as it may be for a distributor. */
  readonly namespace: string
  /** Whether Keptn's Uniform is told of it; otherwise `subscriptions` are all it ever wants. */
  readonly isRegistered: boolean
  /** What it wants at first; afterwards its registration says, which can be edited in the Bridge. */
  readonly subscriptions: readonly Subscription[]
  /** As the registration has them (wire 4.1). */
  readonly hostname: string
  readonly podName: string
  readonly version: string
  readonly distributorVersion: string
  /** Absent: `<geo>/<ring>/<stamp>`. */
  readonly location?: string
  /** How often its registration is renewed, in milliseconds. */
  readonly heartbeatMs: number
  readonly recipient: RecipientAddress
}

/** Where the events of an integration are posted to. */
export interface RecipientAddress {
  /** Without credentials. */
  readonly url: string
  /** The header that the credentials of its URL make. */
  readonly authorization?: string
  /** How long one try may take, in milliseconds. */
  readonly timeoutMs: number
}

/** What a subscription without a registration has no id for (wire 3.3). */
export type Wish = Subscription & Partial<Pick<RegisteredSubscription, 'id'>>

/** Keptn's own components, which are never registered as integrations (wire 3.1). */
export const KEPTN_COMPONENTS: ReadonlySet<string> = new Set([
  'statistics-service',
  'api-service',
  'mongodb-datastore',
  'resource-service',
  'secret-service',
  'shipyard-controller',
])

/** Whether a distributor would register an integration of that name and namespace (wire 3.1). */
export function isRegistrable(name: string, namespace: string): boolean {
  return name !== '' && namespace !== '' && !KEPTN_COMPONENTS.has(name)
}

/** Tells integrations apart: one name in two namespaces is two. */
export function identityOf({ name, namespace }: BehalfIntegration): string {
  return `${name}\u0000${namespace}`
}

/** What the agent registers for an integration (wire 3.1, 4.1); `place` is its location unless it says one. */
export function registrationFor(integration: BehalfIntegration, place: string): Registration {
  const {
    name,
    namespace,
    hostname,
    podName,
    version,
    distributorVersion,
    location,
    subscriptions,
  } = integration
  return {
    id: '',
    name,
    metadata: {
      hostname,
      integrationversion: version,
      distributorversion: distributorVersion,
      location: location ?? place,
      kubernetesmetadata: { namespace, podname: podName, deploymentname: name },
      lastseen: '0001-01-01T00:00:00Z',
    },
    subscriptions: subscriptions.map((one) => ({ ...one, id: '' })),
  }
}

/** Those wishes that an event fulfils: it is posted once for each of them (wire 3.3). */
export function wishesFor(wishes: readonly Wish[], event: KeptnEvent): readonly Wish[] {
  return wishes.filter((wish) => isWantedBy(wish, event))
}

/** What became of one try to post an event. */
export type PostOutcome =
  | { readonly kind: 'taken' }
  /** Another try is of no use. */
  | { readonly kind: 'refused'; readonly why: string }
  /** It does not answer, or not yet: whether it has the event is not known. */
  | { readonly kind: 'failed'; readonly why: string }

/** 408, 425 and 429 ask for another try themselves. */
const TRY_AGAIN = new Set([408, 425, 429])

/** What an HTTP status says of an event that was posted. */
export function outcomeOf(status: number): PostOutcome {
  if (status >= 200 && status < 300) return { kind: 'taken' }
  const why = `it answers ${status}`
  if (status >= 500 || TRY_AGAIN.has(status)) return { kind: 'failed', why }
  return { kind: 'refused', why }
}

/** A distributor tries so often, with these pauses (wire 3.3), and then gives up; we go on, ever more slowly. */
const FIRST_TRIES = 4
const FIRST_MS = { from: 400, to: 4_500 }
const LATER_MOST_MS = 30_000
/** An event that could not be posted for so long is set aside. */
export const GIVE_UP_MS = 3_600_000

/** The pause after the how-manieth failed try (from 1), in milliseconds; `random` is in [0, 1). */
export function pauseAfter(tries: number, random: number): number {
  const { from, to } = FIRST_MS
  if (tries < FIRST_TRIES) {
    const ceiling = Math.min(to, from * 2 ** tries)
    return Math.round(from + (ceiling - from) * random)
  }
  const most = Math.min(LATER_MOST_MS, to * 2 ** Math.min(tries - FIRST_TRIES, 4))
  return Math.round(most / 2 + (most / 2) * random)
}
