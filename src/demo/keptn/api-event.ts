import type { KeptnEvent } from './keptn-event.ts'
import { isJsonObject, parseEventType } from './keptn-event.ts'

/** Where api-service says an event without a usable source came from. */
const apiSource = 'https://github.com/keptn/keptn/api'

const uuid = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/i

/**
 * What api-service makes of an event that was posted to it (wire 5.2): a new id, the time of now,
 * a context that is a UUID; `shkeptnspecversion` is lost on the way.
 */
export function rewritePosted(event: KeptnEvent, nowMs: number, newId: () => string): KeptnEvent {
  return {
    ...event,
    contenttype: 'application/json',
    id: newId(),
    time: new Date(nowMs).toISOString(),
    specversion: '1.0',
    shkeptnspecversion: '',
    source: isUsableSource(event.source) ? event.source : apiSource,
    shkeptncontext: contextOf(event.shkeptncontext, newId),
  }
}

/** The first of the attributes that api-service insists on and that is missing (HTTP 422). */
export function missingAttribute(event: KeptnEvent): 'data' | 'source' | 'type' | undefined {
  if (event.data === null) return 'data'
  if (event.source === undefined) return 'source'
  return event.type === undefined ? 'type' : undefined
}

/**
 * Why api-service refuses a posted event where validation is on (wire 5.2), or undefined. Refused
 * as a whole: task `.triggered`, sequence `.finished`, and every `.status.changed`.
 */
export function refusalOf(event: KeptnEvent): string | undefined {
  const { type = '', triggeredid } = event
  const data = isJsonObject(event.data) ? event.data : {}
  const lacks = (...names: readonly string[]) => {
    const missing = names.find((name) => typeof data[name] !== 'string' || data[name] === '')
    return missing === undefined ? undefined : `mandatory field '${missing}' missing`
  }
  if (type === 'sh.keptn.log.error' || type === 'sh.keptn.events.problem') return undefined
  if (type === 'sh.keptn.event.monitoring.configure') return lacks('project', 'type')
  const parsed = parseEventType(type)
  const scope = () => lacks('project', 'stage', 'service')
  const answer = () => (triggeredid === '' ? `mandatory field 'triggeredid' missing` : undefined)
  switch (`${parsed?.of} ${parsed?.kind}`) {
    case 'sequence triggered': {
      const stage = parsed?.of === 'sequence' ? parsed.stage : ''
      const fits = data['stage'] === stage
      return scope() ?? (fits ? undefined : 'stage of the event type and of data differ')
    }
    case 'task started':
      return scope() ?? answer()
    case 'task finished':
      return scope() ?? answer() ?? lacks('result', 'status')
    case 'task invalidated':
      return scope()
    default:
      return `event of type ${type} is not allowed`
  }
}

// A text that is no UUID becomes one from its first 16 bytes, filled up with spaces, so that the
// same text always means the same context.
function contextOf(context: string, newId: () => string): string {
  if (context === '') return newId()
  if (uuid.test(context)) return context
  const bytes = Buffer.alloc(16, ' ')
  bytes.set(Buffer.from(context).subarray(0, 16))
  return bytes.toString('hex').replace(/^(.{8})(.{4})(.{4})(.{4})/, '$1-$2-$3-$4-')
}

// What Go's URL parser refuses: control characters, broken escapes, a colon where a scheme belongs.
function isUsableSource(source: string | undefined): source is string {
  return (
    source !== undefined && source !== '' && !/\p{Cc}|%(?![0-9a-f]{2})|^[^a-z/?#]*:/iu.test(source)
  )
}
