import { SignetError, isSignetError } from '../../errors.ts'
import type { EventData, JsonObject, KeptnEvent } from './keptn-event.ts'
import { isJsonObject, zeroTime } from './keptn-event.ts'

/** A value decoded as Go would, or the reason why Go's decoder refuses it. */
export type Decoded<T> =
  { readonly ok: true; readonly value: T } | { readonly ok: false; readonly reason: string }

/**
 * A message decoded into the model that all of Keptn's services share (wire 1.1): unknown
 * attributes are dropped, names match without regard to case, `null` leaves a field unset, and a
 * wrong type or a time that is not RFC 3339 refuses the whole message.
 */
export function decodeEvent(text: string): Decoded<KeptnEvent> {
  const json = parseJson(text)
  if (!json.ok) return json
  // A bare `null` decodes into an empty struct, and goes on from there.
  const object = json.value === null ? {} : json.value
  if (!isJsonObject(object)) return refused('the message is not an object')
  try {
    const fields = fieldsOf(object)
    return {
      ok: true,
      value: {
        contenttype: textOf(fields, 'contenttype') ?? '',
        data: fields.get('data') ?? null,
        id: textOf(fields, 'id') ?? '',
        shkeptncontext: textOf(fields, 'shkeptncontext') ?? '',
        shkeptnspecversion: textOf(fields, 'shkeptnspecversion') ?? '',
        source: textOf(fields, 'source'),
        specversion: textOf(fields, 'specversion') ?? '',
        time: time(fields.get('time')),
        triggeredid: textOf(fields, 'triggeredid') ?? '',
        gitcommitid: textOf(fields, 'gitcommitid') ?? '',
        type: textOf(fields, 'type'),
      },
    }
  } catch (error) {
    if (isSignetError(error, 'SIGNET_EVENT_MALFORMED')) return refused(error.message)
    throw error
  }
}

/**
 * The common fields of an event's data (wire 1.2). Anything but an object or null is refused, and
 * so are a field that is no string and a label that is no string.
 */
export function decodeEventData(data: unknown): Decoded<EventData> {
  const object = data ?? {}
  if (!isJsonObject(object)) return refused('data is not an object')
  try {
    const fields = fieldsOf(object)
    return {
      ok: true,
      value: {
        project: textOf(fields, 'project') ?? '',
        stage: textOf(fields, 'stage') ?? '',
        service: textOf(fields, 'service') ?? '',
        labels: labels(fields.get('labels')),
        status: textOf(fields, 'status') ?? '',
        result: textOf(fields, 'result') ?? '',
        message: textOf(fields, 'message') ?? '',
      },
    }
  } catch (error) {
    if (isSignetError(error, 'SIGNET_EVENT_MALFORMED')) return refused(error.message)
    throw error
  }
}

/** `text` as JSON, or the reason why it is none. */
export function parseJson(text: string): Decoded<unknown> {
  try {
    return { ok: true, value: JSON.parse(text) as unknown }
  } catch (error) {
    return refused(error instanceof Error ? error.message : 'not JSON')
  }
}

function refused(reason: string): { readonly ok: false; readonly reason: string } {
  return { ok: false, reason }
}

// Go matches names without regard to case, and decodes them in the order of the message: the last
// one that is not null wins.
function fieldsOf(object: JsonObject): ReadonlyMap<string, unknown> {
  const fields = new Map<string, unknown>()
  for (const [name, value] of Object.entries(object)) {
    if (value !== null) fields.set(name.toLowerCase(), value)
  }
  return fields
}

function textOf(fields: ReadonlyMap<string, unknown>, name: string): string | undefined {
  const value = fields.get(name)
  if (value === undefined || typeof value === 'string') return value
  throw malformed(`${name} is not a string`)
}

function labels(value: unknown): Readonly<Record<string, string>> | undefined {
  if (value === undefined) return undefined
  if (!isJsonObject(value)) throw malformed('labels is not an object')
  return Object.fromEntries(
    Object.entries(value).map(([name, label]) => {
      if (label === null) return [name, '']
      if (typeof label !== 'string') throw malformed(`label ${name} is not a string`)
      return [name, label]
    }),
  )
}

const rfc3339 = /^(\d{4})-(\d\d)-(\d\d)T(\d\d):(\d\d):(\d\d)(?:[.,](\d+))?(Z|[+-]\d\d:\d\d)$/

function time(value: unknown): string {
  if (value === undefined) return zeroTime
  const match = typeof value === 'string' ? rfc3339.exec(value) : null
  if (match === null) throw malformed('time is not RFC 3339')
  const [, year, month, day, hour, minute, second, fraction = '', zone = 'Z'] = match
  const date = new Date(Date.UTC(Number(year), Number(month) - 1, Number(day)))
  const real =
    date.getUTCMonth() === Number(month) - 1 &&
    date.getUTCDate() === Number(day) &&
    Number(hour) < 24 &&
    Number(minute) < 60 &&
    Number(second) < 60
  if (!real) throw malformed('time does not exist')
  // Go prints nanoseconds without trailing zeros, and UTC as Z.
  const nanos = fraction.slice(0, 9).replace(/0+$/, '')
  const seconds = nanos === '' ? second : `${second}.${nanos}`
  const offset = zone === '+00:00' || zone === '-00:00' ? 'Z' : zone
  return `${year}-${month}-${day}T${hour}:${minute}:${seconds}${offset}`
}

function malformed(reason: string): SignetError {
  return new SignetError('SIGNET_EVENT_MALFORMED', reason)
}
