import { decodeEventData } from '../keptn/go-decode.ts'
import { isJsonObject } from '../keptn/keptn-event.ts'
import type { SubscriptionFilter } from '../keptn/registration.ts'

/**
 * Whether an event's data passes a subscription's filter (wire 2.4): each dimension that names
 * something must contain the event's. Values are joined and split at commas on the way, so one with
 * a comma in it never matches as a whole. Data that cannot be decoded passes no filter.
 */
export function passes(filter: SubscriptionFilter, data: unknown): boolean {
  const decoded = decodeEventData(data)
  if (!decoded.ok) return false
  const { project, stage, service } = decoded.value
  return (
    contains(filter.projects, project) &&
    contains(filter.stages, stage) &&
    contains(filter.services, service)
  )
}

function contains(names: readonly string[] | null, name: string): boolean {
  const split = (names ?? []).join(',').split(',')
  return (split.length === 1 && split[0] === '') || split.includes(name)
}

/** An event's data as it is handed to the integration, or the end of the process. */
export type Marked =
  { readonly ok: true; readonly data: unknown } | { readonly ok: false; readonly reason: string }

/**
 * Puts the subscription's id into `data.temporaryData.distributor` (wire 1.2), as cp-connector
 * does: not at all where temporary data without a distributor is there already, and with a panic
 * where it is no object.
 */
export function markSubscription(data: unknown, subscriptionID: string): Marked {
  const object = data ?? {}
  if (!isJsonObject(object)) return { ok: true, data }
  const distributor = { subscriptionID }
  if (!Object.hasOwn(object, 'temporaryData')) {
    return { ok: true, data: { ...object, temporaryData: { distributor } } }
  }
  const temporaryData = object['temporaryData']
  if (!isJsonObject(temporaryData)) {
    return { ok: false, reason: 'panic: interface conversion: temporaryData is not a map' }
  }
  if (!Object.hasOwn(temporaryData, 'distributor')) return { ok: true, data }
  return { ok: true, data: { ...object, temporaryData: { ...temporaryData, distributor } } }
}
