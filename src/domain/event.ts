import type { EventType } from './event-type.ts'
import { parseEventType, readSlip } from './event-type.ts'
import { isPublishable } from './subject.ts'
import type { JsonObject } from './json.ts'
import { isJsonObject } from './json.ts'

/**
 * The envelope of a Keptn CloudEvent as far as Signet needs it. The bytes themselves travel unchanged;
 * nothing is ever made from this view.
 */
export interface KeptnEvent {
  readonly id: string
  readonly source: string
  readonly type: string
  readonly parsedType: EventType
  /** RFC 3339, as it stood in the event. */
  readonly time: string
  /** `shkeptncontext`; empty where the event has none. */
  readonly context: string
  readonly triggeredid: string
  readonly gitcommitid: string
  readonly shkeptnspecversion: string
  /** Empty where the event has none that a message could carry on. */
  readonly traceparent: string
  readonly project: string
  readonly stage: string
  readonly service: string
  readonly labels: Readonly<Record<string, string>>
  readonly data: Readonly<Record<string, unknown>>
}

/** Why an event may not pass (wire 1.1 and 10.1). Each is a token of a dead-letter subject. */
export type Malformed =
  | 'not-json'
  | 'not-an-object'
  | 'ambiguous-key'
  | 'no-type'
  | 'bad-type'
  | 'type-is-not-subject'
  | 'no-source'
  | 'no-id'
  | 'no-specversion'
  | 'bad-time'
  | 'bad-attribute'
  | 'no-data'
  | 'bad-data-field'
  | 'bad-labels'
  | 'bad-temporary-data'

export type ParsedEvent =
  | { readonly ok: true; readonly event: KeptnEvent }
  | { readonly ok: false; readonly reason: Malformed; readonly detail: string }

const OPTIONAL_STRINGS = [
  'shkeptncontext',
  'triggeredid',
  'gitcommitid',
  'shkeptnspecversion',
  'contenttype',
] as const
const DATA_STRINGS = ['project', 'stage', 'service', 'status', 'result', 'message'] as const
/** Names that Go reads, by themselves and by how it folds them. */
const ENVELOPE_KEYS = folded(
  ...OPTIONAL_STRINGS,
  'type',
  'id',
  'source',
  'specversion',
  'time',
  'data',
)
const DATA_KEYS = folded(...DATA_STRINGS, 'labels', 'temporaryData')
/** What a header can carry of it, and more than W3C's trace contexts need. */
const TRACEPARENT = /^[!-~]{1,512}$/

/**
 * Reads an event, or says why it must not be published under `sh.keptn.>`: some malformed events crash
 * Keptn's own components for good (wire 1.1), others are dropped by every Go peer without a word.
 * `subject` is the Keptn subject it was or will be published on; without one the type stands alone.
 */
export function parseEvent(text: string, subject?: string): ParsedEvent {
  let json: unknown
  try {
    json = JSON.parse(text)
  } catch (error) {
    return refuse('not-json', error instanceof Error ? error.message : 'unreadable')
  }
  if (!isJsonObject(json)) return refuse('not-an-object', `a JSON ${jsonKind(json)}`)
  return checkEnvelope(json, subject) ?? checkData(json['data']) ?? { ok: true, event: view(json) }
}

function checkEnvelope(json: JsonObject, subject: string | undefined): ParsedEvent | undefined {
  const twin = foldedTwin(json, ENVELOPE_KEYS)
  if (twin !== undefined) return refuse('ambiguous-key', twin)
  const { type, source, id, specversion, time } = json
  if (!isText(type)) return refuse('no-type', `type is ${jsonKind(type)}`)
  if (!isPublishable(type)) return refuse('bad-type', `"${clip(type)}" is no subject`)
  if (subject !== undefined && type !== subject)
    return refuse('type-is-not-subject', `type ${clip(type)} came on ${clip(subject)}`)
  if (!isText(source)) return refuse('no-source', `source is ${jsonKind(source)}`)
  if (!isText(id)) return refuse('no-id', `id is ${jsonKind(id)}`)
  if (!isText(specversion))
    return refuse('no-specversion', `specversion is ${jsonKind(specversion)}`)
  if (typeof time !== 'string' || !isRfc3339(time))
    return refuse('bad-time', `time is ${typeof time === 'string' ? clip(time) : jsonKind(time)}`)
  for (const key of OPTIONAL_STRINGS) {
    if (!isStringIfSet(json[key]))
      return refuse('bad-attribute', `${key} is ${jsonKind(json[key])}`)
  }
  return undefined
}

function checkData(data: unknown): ParsedEvent | undefined {
  if (!isJsonObject(data)) return refuse('no-data', `data is ${jsonKind(data)}`)
  const twin = foldedTwin(data, DATA_KEYS)
  if (twin !== undefined) return refuse('ambiguous-key', `data.${twin}`)
  for (const key of DATA_STRINGS) {
    if (!isStringIfSet(data[key]))
      return refuse('bad-data-field', `data.${key} is ${jsonKind(data[key])}`)
  }
  const { labels, temporaryData } = data
  if (labels !== undefined && labels !== null) {
    if (!isJsonObject(labels)) return refuse('bad-labels', `data.labels is ${jsonKind(labels)}`)
    // Go decodes a null in a map of strings as an empty one.
    const odd = Object.keys(labels).find((key) => !isStringIfSet(labels[key]))
    if (odd !== undefined) return refuse('bad-labels', `label ${clip(odd)} is no string`)
  }
  if ('temporaryData' in data && !isJsonObject(temporaryData))
    return refuse('bad-temporary-data', `data.temporaryData is ${jsonKind(temporaryData)}`)
  return undefined
}

function view(json: JsonObject): KeptnEvent {
  const data = json['data'] as JsonObject
  const type = json['type'] as string
  const source = json['source'] as string
  const stage = text(data['stage'])
  const traceparent = text(json['traceparent'])
  return {
    id: json['id'] as string,
    source,
    type,
    parsedType: readSlip(parseEventType(type), stage, source),
    time: json['time'] as string,
    context: text(json['shkeptncontext']),
    triggeredid: text(json['triggeredid']),
    gitcommitid: text(json['gitcommitid']),
    shkeptnspecversion: text(json['shkeptnspecversion']),
    traceparent: TRACEPARENT.test(traceparent) ? traceparent : '',
    project: text(data['project']),
    stage,
    service: text(data['service']),
    labels: stringLabels(data['labels']),
    data,
  }
}

/**
 * Go matches JSON keys without regard to case, and the last one wins: `"source":"a","Source":null`
 * leaves a nil source, and crashes shipyard-controller. Such an event reads differently here and there.
 */
function foldedTwin(object: JsonObject, known: ReadonlyMap<string, string>): string | undefined {
  for (const key of Object.keys(object)) {
    const name = known.get(key) ?? known.get(fold(key))
    if (name !== undefined && name !== key) return `${clip(key)} besides ${name}`
  }
  return undefined
}

function folded(...names: readonly string[]): ReadonlyMap<string, string> {
  return new Map(names.flatMap((name) => [[name, name] as const, [fold(name), name] as const]))
}

/** As Go's simple folding: the long s and the Kelvin sign count as s and k. */
function fold(key: string): string {
  return key.toLowerCase().toUpperCase()
}

const HOUR_MINUTE = '(?:[01]\\d|2[0-3]):[0-5]\\d'
const RFC3339 = new RegExp(
  `^(\\d{4})-(0[1-9]|1[0-2])-(0[1-9]|[12]\\d|3[01])T${HOUR_MINUTE}:[0-5]\\d(?:\\.\\d+)?(?:Z|[+-]${HOUR_MINUTE})$`,
)
/** Every month has them. */
const LEAST_DAYS = 28

/** Whether Go's `time.Time` reads it from JSON. */
export function isRfc3339(value: string): boolean {
  const match = RFC3339.exec(value)
  if (match === null) return false
  const [, year, month, day] = match
  return Number(day) <= LEAST_DAYS || Number(day) <= daysIn(Number(year), Number(month))
}

function daysIn(year: number, month: number): number {
  if (month === 2) return year % 4 === 0 && (year % 100 !== 0 || year % 400 === 0) ? 29 : 28
  return [4, 6, 9, 11].includes(month) ? 30 : 31
}

function stringLabels(labels: unknown): Readonly<Record<string, string>> {
  if (!isJsonObject(labels)) return {}
  return Object.fromEntries(Object.entries(labels).map(([key, value]) => [key, text(value)]))
}

function refuse(reason: Malformed, detail: string): ParsedEvent {
  return { ok: false, reason, detail }
}

function isText(value: unknown): value is string {
  return typeof value === 'string' && value !== ''
}

/** Go leaves a string untouched where JSON has null, and empty where the key is missing. */
function isStringIfSet(value: unknown): boolean {
  return value === undefined || value === null || typeof value === 'string'
}

function text(value: unknown): string {
  return typeof value === 'string' ? value : ''
}

function jsonKind(value: unknown): string {
  if (value === undefined) return 'missing'
  if (value === null) return 'null'
  if (value === '') return 'empty'
  return Array.isArray(value) ? 'an array' : `a ${typeof value}`
}

/** Events can be large and their senders careless: what is quoted is kept short. */
function clip(value: string): string {
  return value.length <= 80 ? value : `${value.slice(0, 80)}…`
}
