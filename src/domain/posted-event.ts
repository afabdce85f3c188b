import type { KeptnEvent } from './event.ts'
import { isSameJson } from './same-event.ts'

/**
 * What becomes of an event that is posted to Keptn's API (wire 5.2): it gets a new id and a new time, and
 * with them goes what would tell it from a copy. What is left says whether one has arrived.
 */

/** Where the API says an event came from whose own source it cannot use. */
const API_SOURCE = 'https://github.com/keptn/keptn/api'
const UUID = /^[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i
const UUID_BYTES = 16

/** The context that a posted event has in Keptn; undefined where that cannot be known. */
export function storedContext(context: string): string | undefined {
  if (context === '') return undefined
  if (UUID.test(context)) return context
  // Any other text becomes the UUID of its first bytes, filled up with spaces.
  const bytes = new Uint8Array(UUID_BYTES).fill(0x20)
  bytes.set(new TextEncoder().encode(context).subarray(0, UUID_BYTES))
  const hex = Array.from(bytes, (byte) => byte.toString(16).padStart(2, '0')).join('')
  return hex.replace(/^(.{8})(.{4})(.{4})(.{4})/, '$1-$2-$3-$4-')
}

/** Whether an event that Keptn's datastore has is one that was posted, or a copy of it. */
export function isPosted(event: KeptnEvent, storedText: string): boolean {
  let stored: unknown
  try {
    stored = JSON.parse(storedText)
  } catch {
    return false
  }
  if (typeof stored !== 'object' || stored === null) return false
  const { type, triggeredid, source, data } = stored as Readonly<Record<string, unknown>>
  return (
    type === event.type &&
    (triggeredid ?? '') === event.triggeredid &&
    (source === event.source || source === API_SOURCE) &&
    isSameJson(data, event.data)
  )
}
