import { SignetError, isSignetError } from '../../errors.ts'
import type { Decoded } from './go-decode.ts'
import type { JsonObject } from './keptn-event.ts'
import { isJsonObject } from './keptn-event.ts'

/** What an integration wants to hear (wire 4.1). An empty list in a filter means everything. */
export interface Subscription {
  readonly id: string
  readonly event: string
  readonly filter: SubscriptionFilter
}

export interface SubscriptionFilter {
  readonly projects: readonly string[] | null
  readonly stages: readonly string[] | null
  readonly services: readonly string[] | null
}

/** A registered integration in the shape of the Uniform API: nothing is ever left out. */
export interface Registration {
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
    readonly lastseen: string
  }
  readonly subscriptions: readonly Subscription[] | null
}

/** A registration from a request's body; a field of the wrong type refuses all of it. */
export function decodeRegistration(json: unknown): Decoded<Registration> {
  return decoding(json, (root) => {
    const metadata = part(root, 'metadata')
    const kubernetes = part(metadata, 'kubernetesmetadata')
    return {
      id: text(root, 'id'),
      name: text(root, 'name'),
      metadata: {
        hostname: text(metadata, 'hostname'),
        integrationversion: text(metadata, 'integrationversion'),
        distributorversion: text(metadata, 'distributorversion'),
        location: text(metadata, 'location'),
        kubernetesmetadata: {
          namespace: text(kubernetes, 'namespace'),
          podname: text(kubernetes, 'podname'),
          deploymentname: text(kubernetes, 'deploymentname'),
        },
        lastseen: '',
      },
      subscriptions: list(root, 'subscriptions')?.map(subscription) ?? null,
    }
  })
}

/** A subscription from a request's body. */
export function decodeSubscription(json: unknown): Decoded<Subscription> {
  return decoding(json, subscription)
}

function subscription(json: unknown): Subscription {
  if (!isJsonObject(json)) throw malformed('a subscription is not an object')
  const filter = part(json, 'filter')
  return {
    id: text(json, 'id'),
    event: text(json, 'event'),
    filter: {
      projects: strings(filter, 'projects'),
      stages: strings(filter, 'stages'),
      services: strings(filter, 'services'),
    },
  }
}

function decoding<T>(json: unknown, decode: (root: JsonObject) => T): Decoded<T> {
  if (!isJsonObject(json)) return { ok: false, reason: 'not an object' }
  try {
    return { ok: true, value: decode(json) }
  } catch (error) {
    if (isSignetError(error, 'SIGNET_EVENT_MALFORMED')) return { ok: false, reason: error.message }
    throw error
  }
}

function part(object: JsonObject, name: string): JsonObject {
  const value = object[name] ?? {}
  if (!isJsonObject(value)) throw malformed(`${name} is not an object`)
  return value
}

function text(object: JsonObject, name: string): string {
  const value = object[name] ?? ''
  if (typeof value !== 'string') throw malformed(`${name} is not a string`)
  return value
}

function list(object: JsonObject, name: string): readonly unknown[] | null {
  const value = object[name] ?? null
  if (value !== null && !Array.isArray(value)) throw malformed(`${name} is not a list`)
  return value as readonly unknown[] | null
}

function strings(object: JsonObject, name: string): readonly string[] | null {
  const values = list(object, name)
  if (values === null) return null
  return values.map((value) => {
    if (typeof value !== 'string') throw malformed(`${name} has an item that is not a string`)
    return value
  })
}

function malformed(reason: string): SignetError {
  return new SignetError('SIGNET_EVENT_MALFORMED', reason)
}
