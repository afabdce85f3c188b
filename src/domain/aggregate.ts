import type { FanOut, Settled, TargetRecords } from './fanout.ts'
import type { JsonObject } from './json.ts'
import type { Merged } from './merge.ts'
import type { StampOutcome } from './verdict.ts'
import { clipText } from './fanout.ts'
import { isJsonObject } from './json.ts'
import { jsonBytes, mergeValues } from './merge.ts'
import { totalOf, wavesOf } from './standing.ts'
import { stopMessage } from './stop.ts'
import { hasPassed } from './success.ts'
import { hasRun, outcomesOf } from './verdict.ts'

/**
 * What Keptn gets to see of a fan-out: one `.started`, some `.status.changed`, one `.finished`. All is
 * made from stored facts only, so that making an event twice gives the same bytes.
 */
export interface HubEvent {
  readonly specversion: '1.0'
  readonly id: string
  readonly source: 'signet'
  readonly type: string
  readonly datacontenttype: 'application/json'
  readonly time: string
  readonly data: JsonObject
  readonly shkeptncontext: string
  readonly triggeredid: string
  readonly gitcommitid?: string
  readonly shkeptnspecversion?: string
}

/** The most that `data.signet.<task>` may take, in bytes of UTF-8 JSON (DESIGN 7.3). */
export const SECTION_LIMIT = 256 * 1024
/** With more targets than this, only those that failed are listed. */
export const LISTED_STAMPS = 50

/** Each is tried in turn: how long the messages of the stamps may be. */
const MESSAGE_LIMITS = [1000, 200, 50, 0] as const

/** The hub's `.started`. Its time is the head's `startedAt`. */
export function startedEvent(head: FanOut, id: string): HubEvent {
  const sent = head.targets.filter(({ given }) => given === 'sent').length
  const to = `${sent} ${sent === 1 ? 'stamp' : 'stamps'}`
  const message = `${head.task}: ${head.waves === undefined ? `sent to ${to}` : `goes to ${to} in waves`}`
  const data = { ...baseOf(head, head.labels), message }
  return hubEvent(head, id, 'started', head.startedAt ?? head.openedAt, data)
}

/** The hub's `.finished`, with the data of `aggregateData`. */
export function finishedEvent(
  head: FanOut,
  id: string,
  settlement: Settled,
  data: JsonObject,
): HubEvent {
  return hubEvent(head, id, 'finished', settlement.at, data)
}

/** How far a fan-out is, as Keptn is told. */
export interface ProgressTold {
  readonly message: string
  /** The stamps that poll, and may begin. */
  readonly begun: readonly string[]
}

/** A `.status.changed` that tells how far the fan-out is; `at` in ms. */
export function progressEvent(
  head: FanOut,
  id: string,
  { message, begun }: ProgressTold,
  at: number,
): HubEvent {
  const named = Object.fromEntries(begun.map((stamp) => [stamp, true]))
  const signet = Object.fromEntries([[head.task, { begun: named }]])
  const data = { ...baseOf(head, head.labels), message, ...(begun.length > 0 ? { signet } : {}) }
  return hubEvent(head, id, 'status.changed', at, data)
}

export interface AggregateInput {
  readonly head: FanOut
  /** As they were settled. */
  readonly records: TargetRecords
  readonly settlement: Settled
  /** The answers' data, merged in topology order. */
  readonly merged: Merged
  /** The most that the data may take, in bytes of UTF-8 JSON; leave room for the envelope and headers. */
  readonly maxBytes: number
}

/**
 * The `data` of the hub's `.finished`: the fan-out's own fields, the verdict, the merge of the answers and
 * `data.signet.<task>`. Keptn takes stage, service and labels of what follows from this event (wire 6.5), and merges
 * all of it into every later task; hence maps only, no arrays. Within `maxBytes`, unless the fan-out's own
 * fields alone are larger: messages are cut first, then the answers' data goes, then stamps.
 */
export function aggregateData(input: AggregateInput): JsonObject {
  const { merged, maxBytes } = input
  if (merged.data !== undefined) {
    const whole = assemble(input, merged.data, SECTION_LIMIT)
    if (jsonBytes(whole) <= maxBytes) return whole
  }
  const frame = jsonBytes(assemble(input, undefined, 0)) - jsonBytes(section(input, true, 0))
  return assemble(input, undefined, Math.min(SECTION_LIMIT, maxBytes - frame))
}

function assemble(
  input: AggregateInput,
  answers: JsonObject | undefined,
  sectionLimit: number,
): JsonObject {
  const { head, settlement } = input
  const { labels, ...rest } = answers ?? {}
  return {
    ...baseOf(head, mergedLabels(head, labels)),
    status: settlement.status,
    result: settlement.result,
    message: settlement.message,
    ...rest,
    signet: Object.fromEntries([[head.task, section(input, answers === undefined, sectionLimit)]]),
  }
}

/** `data.signet.<task>`, within `limit` bytes if any number of stamps fits. */
function section(input: AggregateInput, isDataLeftOut: boolean, limit: number): JsonObject {
  const { head, records, settlement } = input
  const outcomes = outcomesOf(head, records, Infinity) ?? []
  const listed =
    outcomes.length <= LISTED_STAMPS
      ? outcomes
      : outcomes.filter((each) => hasRun(each) && !hasPassed(each.outcome))
  const build = (stamps: JsonObject, count: number): JsonObject => ({
    result: settlement.result,
    status: settlement.status,
    counts: settlement.counts,
    ...wavesSection(head, records),
    stamps,
    leftOut: { stamps: outcomes.length - count },
    ...(isDataLeftOut ? { dataLeftOut: true } : {}),
  })
  // Counted as if none were listed, for that number is the longest.
  const room = limit - jsonBytes(build({}, 0))
  for (const messageLimit of MESSAGE_LIMITS) {
    const entries = listed.map((each) => stampEntry(each, messageLimit))
    if (entries.reduce((sum, [, , bytes]) => sum + bytes, 0) <= room)
      return build(mapOf(entries), entries.length)
  }
  const fitting = fit(listed, room)
  return build(mapOf(fitting), fitting.length)
}

/** By ring what was done and what was never begun, and why it went no further. */
function wavesSection(head: FanOut, records: TargetRecords): JsonObject {
  const { stop } = head
  if (head.waves === undefined && stop === undefined) return {}
  const waves = wavesOf(head, records, Infinity).map(({ wave, tally }) => {
    const { passed, failed, skipped, notBegun } = tally
    return [wave.ring, { targets: totalOf(tally), passed, failed, skipped, notBegun }] as const
  })
  return {
    ...(waves.length === 0 ? {} : { waves: Object.fromEntries(waves) }),
    ...(stop === undefined
      ? {}
      : { stop: { ...stop, at: rfc3339(stop.at), message: stopMessage(stop) } }),
  }
}

type StampEntry = readonly [stamp: string, entry: JsonObject, bytes: number]

/** As many stamps without a message as there is room for; those that failed first. */
function fit(listed: readonly StampOutcome[], room: number): readonly StampEntry[] {
  const chosen = new Set<string>()
  let left = room
  for (const wanted of [false, true]) {
    for (const each of listed) {
      if (hasPassed(each.outcome) !== wanted) continue
      const [stamp, , bytes] = stampEntry(each, 0)
      if (bytes > left) continue
      chosen.add(stamp)
      left -= bytes
    }
  }
  return listed.filter(({ target }) => chosen.has(target.stamp)).map((each) => stampEntry(each, 0))
}

function stampEntry({ target, outcome }: StampOutcome, messageLimit: number): StampEntry {
  const { result, status, message, startedAt, finishedAt } = outcome
  const entry = {
    result,
    status,
    message: clipText(message, messageLimit),
    ...(startedAt === undefined ? {} : { started: rfc3339(startedAt) }),
    ...(finishedAt === undefined ? {} : { finished: rfc3339(finishedAt) }),
  }
  // A colon and a comma.
  return [target.stamp, entry, jsonBytes(target.stamp) + jsonBytes(entry) + 2]
}

function mapOf(entries: readonly StampEntry[]): JsonObject {
  return Object.fromEntries(entries.map(([stamp, entry]) => [stamp, entry]))
}

/** Keptn ignores an event with a label that is no string (wire 1.1). */
function mergedLabels({ labels }: FanOut, answers: unknown): JsonObject {
  if (!isJsonObject(answers)) return labels
  const merged = mergeValues(labels, answers) as JsonObject
  return Object.fromEntries(Object.entries(merged).filter(([, value]) => typeof value === 'string'))
}

function baseOf({ project, stage, service }: FanOut, labels: JsonObject): JsonObject {
  const isLabelled = Object.keys(labels).length > 0
  return { project, stage, service, ...(isLabelled ? { labels } : {}) }
}

/** The attributes in one order, so that the same event is the same bytes (wire 1.4). */
function hubEvent(head: FanOut, id: string, kind: string, at: number, data: JsonObject): HubEvent {
  const { task, context, gitcommitid, shkeptnspecversion } = head
  return {
    specversion: '1.0',
    id,
    source: 'signet',
    type: `sh.keptn.event.${task}.${kind}`,
    datacontenttype: 'application/json',
    time: rfc3339(at),
    data,
    shkeptncontext: context,
    triggeredid: head.id,
    ...(gitcommitid === '' ? {} : { gitcommitid }),
    ...(shkeptnspecversion === '' ? {} : { shkeptnspecversion }),
  }
}

function rfc3339(at: number): string {
  return new Date(at).toISOString()
}
