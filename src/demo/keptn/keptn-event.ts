/**
 * An event as every Go peer of Keptn holds it after decoding (wire 1.1): a fixed set of attributes,
 * whatever else the message carried is gone. An absent optional string is the empty string, as in
 * Go; only `source` and `type` can be missing, because they are pointers there.
 */
export interface KeptnEvent {
  readonly contenttype: string
  readonly data: unknown
  readonly id: string
  readonly shkeptncontext: string
  readonly shkeptnspecversion: string
  readonly source: string | undefined
  readonly specversion: string
  /** RFC 3339; `0001-01-01T00:00:00Z` where the message had none. */
  readonly time: string
  readonly triggeredid: string
  readonly gitcommitid: string
  readonly type: string | undefined
}

/** The fields of `data` that all of Keptn reads (wire 1.2). Absent strings are empty. */
export interface EventData {
  readonly project: string
  readonly stage: string
  readonly service: string
  readonly labels: Readonly<Record<string, string>> | undefined
  readonly status: string
  readonly result: string
  readonly message: string
}

export type JsonObject = Readonly<Record<string, unknown>>

/** What Go prints for a time that was never set. */
export const zeroTime = '0001-01-01T00:00:00Z'

/** Whether `value` is what Go would decode into a map. */
export function isJsonObject(value: unknown): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

/** The parts of an event type as Keptn's grammar sees them (wire 1.3), or undefined for any other. */
export type EventType =
  | { readonly of: 'task'; readonly task: string; readonly kind: string }
  | {
      readonly of: 'sequence'
      readonly stage: string
      readonly sequence: string
      readonly kind: string
    }

/**
 * Splits an event type by its number of parts alone, as Keptn does: five are a task's, six a
 * sequence's. So `sh.keptn.event.deployment.status.changed` is a sequence `status` in a stage
 * `deployment` (wire 1.3).
 */
export function parseEventType(type: string): EventType | undefined {
  const parts = type.split('.')
  if (parts.includes('')) return undefined
  const [, , , fourth = '', fifth = '', sixth = ''] = parts
  if (parts.length === 5) return { of: 'task', task: fourth, kind: fifth }
  if (parts.length === 6) return { of: 'sequence', stage: fourth, sequence: fifth, kind: sixth }
  return undefined
}
