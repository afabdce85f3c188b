import { clipText } from './fanout.ts'
import { isJsonObject, parseJsonObject } from './json.ts'

/** One place where an event of a context lies stored. */
export interface Sighting {
  /** Keptn's own stream at home; the copies for stamps; what stamps sent; what was set aside. */
  readonly where: 'keptn' | 'down' | 'up' | 'dead-letters'
  /** The stamp that a copy is for or an event came from, and that a dead letter was set aside in. */
  readonly stamp?: string
  /** Why it was set aside. */
  readonly reason?: string
  /** When the server stored it, in milliseconds since the epoch. */
  readonly at: number
  readonly sequence: number
  readonly event: SeenEvent
}

/** What a trace tells of an event. Empty where the event says nothing of it, or is broken. */
export interface SeenEvent {
  readonly id: string
  readonly type: string
  readonly source: string
  readonly triggeredid: string
  readonly project: string
  readonly stage: string
  readonly service: string
  readonly result: string
  readonly status: string
  readonly message: string
}

const MESSAGE_LIMIT = 500
const TEXT_LIMIT = 256

/**
 * Reads an event for a trace: undefined where it is of another context. More forgiving than the checks of
 * what may pass, for what was set aside is what one wants to see; a text that is no JSON belongs to whatever
 * context it mentions.
 */
export function seenEvent(text: string, context: string): SeenEvent | undefined {
  const json = parseJsonObject(text)
  if (json !== undefined && json['shkeptncontext'] !== context) return undefined
  const data = isJsonObject(json?.['data']) ? json['data'] : {}
  const from = (object: Readonly<Record<string, unknown>> | undefined, key: string): string => {
    const value = object?.[key]
    return typeof value === 'string' ? clipText(value, TEXT_LIMIT) : ''
  }
  const message = data['message']
  return {
    id: from(json, 'id'),
    type: from(json, 'type'),
    source: from(json, 'source'),
    triggeredid: from(json, 'triggeredid'),
    project: from(data, 'project'),
    stage: from(data, 'stage'),
    service: from(data, 'service'),
    result: from(data, 'result'),
    status: from(data, 'status'),
    message: typeof message === 'string' ? clipText(message, MESSAGE_LIMIT) : '',
  }
}
