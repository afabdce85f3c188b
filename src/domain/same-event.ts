import { isJsonObject, parseJsonObject } from './json.ts'

/**
 * Whether two texts are one event to whoever reads them. Keptn writes an event anew for every way that it
 * goes (wire 1.1, 1.4): keys in another order, other escapes, with or without a content type, and with a
 * new time where it waited in a queue. What it means is in the attributes below and in its data.
 */
export function isSameEvent(one: string, other: string): boolean {
  const [a, b] = [parseJsonObject(one), parseJsonObject(other)]
  if (a === undefined || b === undefined) return false
  return (
    ATTRIBUTES.every((name) => (a[name] ?? '') === (b[name] ?? '')) &&
    isSameJson(a['data'], b['data'])
  )
}

const ATTRIBUTES = ['id', 'type', 'source', 'shkeptncontext', 'triggeredid'] as const

/** Whether two JSON values are equal, whatever the order of their keys. */
export function isSameJson(a: unknown, b: unknown): boolean {
  if (a === b) return true
  if (Array.isArray(a))
    return Array.isArray(b) && a.length === b.length && a.every((it, i) => isSameJson(it, b[i]))
  if (!isJsonObject(a) || !isJsonObject(b)) return false
  const keys = Object.keys(a)
  return (
    keys.length === Object.keys(b).length &&
    keys.every((key) => Object.hasOwn(b, key) && isSameJson(a[key], b[key]))
  )
}
