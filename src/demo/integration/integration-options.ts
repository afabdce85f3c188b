import type { NatsAccess } from '../keptn/double-options.ts'
import type { KeptnEvent } from '../keptn/keptn-event.ts'
import type { Registration, SubscriptionFilter } from '../keptn/registration.ts'
import type { Answer } from './answer-events.ts'

/** A subscription as an integration asks for it; what its filter leaves out means everything. */
interface WantedSubscription {
  readonly event: string
  readonly filter?: Partial<SubscriptionFilter>
}

/**
 * How an integration double behaves. Without `registrationUrl` it has a fixed list of
 * subscriptions, is registered nowhere and pings nobody (wire 2.3).
 */
export interface IntegrationOptions extends NatsAccess {
  /** Name of the registration, queue group and source of its events. */
  readonly name: string
  readonly subscriptions: readonly WantedSubscription[]
  readonly registrationUrl?: string
  /** Sent as Host header instead of the URL's own. */
  readonly hostHeader?: string
  readonly token?: string
  readonly namespace: string
  readonly node: string
  /** Default `control-plane`. */
  readonly location?: string
  /** Default 5 s. */
  readonly pingMs?: number
  /** Between the ten tries of a ping; default 3 s. */
  readonly pingRetryMs?: number
  /**
   * Does the work of one `.triggered`; its answer counts before the options below. `null` means
   * that only `.started` is sent, as go-sdk does for a handler that returns nothing.
   */
  readonly handle?: (
    event: KeptnEvent,
  ) => Promise<Answer | null | undefined> | Answer | null | undefined
  /** How long the work takes, in milliseconds; default 0. */
  readonly delayMs?: number | ((event: KeptnEvent) => number)
  readonly result?: string
  readonly status?: string
  readonly message?: string
  readonly data?: Answer['data']
  /** How many `.started` and as many `.finished` to send for one `.triggered`; default 1. */
  readonly pairs?: number
  /** Sends `.started` and never a `.finished`. */
  readonly startedOnly?: boolean
  /** Sends a `.status.changed` with this message after `.started`. */
  readonly statusChanged?: string
}

/** The registration that such an integration sends (wire 2.7, 4.1). */
export function registrationOf(options: IntegrationOptions): Registration {
  const { name, namespace, node, location = 'control-plane' } = options
  return {
    id: '',
    name,
    metadata: {
      hostname: node,
      integrationversion: '0.0.0',
      distributorversion: '0.15.0',
      location,
      kubernetesmetadata: { namespace, podname: `${name}-0`, deploymentname: name },
      lastseen: '0001-01-01T00:00:00Z',
    },
    subscriptions: options.subscriptions.map(({ event, filter }) => ({
      id: '',
      event,
      filter: { projects: [], stages: [], services: [], ...filter },
    })),
  }
}
