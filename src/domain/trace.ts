import type { EventType } from './event-type.ts'
import { parseEventType } from './event-type.ts'
import type { SeenEvent, Sighting } from './sighting.ts'

/**
 * Everything that the streams hold of one `shkeptncontext`, in the order in which it was stored (DESIGN 8).
 * An event that lies in several places is one event, with where it was seen.
 */
export interface Trace {
  readonly context: string
  readonly project: string
  readonly service: string
  readonly events: readonly TracedEvent[]
}

export interface TracedEvent extends SeenEvent {
  /** Where it was stored first: the home stamp, or another one. */
  readonly origin: string
  /** When it was stored first, as ISO 8601. */
  readonly at: string
  /** How many events it follows from, by `triggeredid`. */
  readonly depth: number
  /** Each place where it lies, in time order. */
  readonly seen: readonly Seen[]
  /** What led to it, and how long that took; absent where nothing of it is known. */
  readonly step?: TraceStep
}

export interface Seen {
  readonly where: Sighting['where']
  readonly stamp?: string
  readonly reason?: string
  readonly at: string
  readonly sequence: number
}

/**
 * `waited`: from the copy for the stamp to its `.started`; `ran`: from there to its `.finished`;
 * `aggregated`: from the last stamp's `.finished` to that of the hub; `followed`: since the event that it was
 * triggered by, or that ended the task before. Milliseconds, by the clocks of the servers that stored both:
 * below zero where those disagree.
 */
export interface TraceStep {
  readonly name: 'waited' | 'ran' | 'aggregated' | 'followed'
  readonly ms: number
}

/** The source of what a hub says itself (DESIGN 7.3). */
const HUB_SOURCE = 'signet'

interface Folded {
  readonly event: SeenEvent
  readonly type: EventType
  readonly seen: readonly Sighting[]
  readonly at: number
}

/** Makes a trace of what was found, in whatever order. `home` is the home stamp. */
export function buildTrace(context: string, home: string, sightings: readonly Sighting[]): Trace {
  const folded = fold(sightings)
  const byId = new Map(folded.map((each) => [each.event.id, each]))
  const steps = new Steps(folded, byId)
  const first = (key: 'project' | 'service') =>
    folded.find(({ event }) => event[key] !== '')?.event[key] ?? ''
  return {
    context,
    project: first('project'),
    service: first('service'),
    events: folded.map((each) => {
      const step = steps.of(each)
      return {
        ...each.event,
        origin: originOf(each, home),
        at: iso(each.at),
        depth: depthOf(each, byId),
        seen: each.seen.map(placeOf),
        ...(step === undefined ? {} : { step }),
      }
    }),
  }
}

/** The last words of an event's type: `deployment.triggered`, `dev.delivery.finished`. */
export function shortType(type: string): string {
  return type.replace(/^sh\.keptn\.(?:event\.)?/, '')
}

function fold(sightings: readonly Sighting[]): readonly Folded[] {
  const byKey = new Map<string, Sighting[]>()
  for (const [index, sighting] of sightings.entries()) {
    // Broken events have no id, and are each their own.
    const key = sighting.event.id === '' ? `#${index}` : sighting.event.id
    const known = byKey.get(key)
    if (known === undefined) byKey.set(key, [sighting])
    else known.push(sighting)
  }
  return [...byKey.values()]
    .map((all) => {
      const seen = all.toSorted((a, b) => a.at - b.at || a.sequence - b.sequence)
      const [first] = seen as [Sighting]
      return { event: first.event, type: parseEventType(first.event.type), seen, at: first.at }
    })
    .toSorted((a, b) => a.at - b.at || rank(a) - rank(b))
}

/** Of two events of one millisecond, the one that leads to the other comes first. */
function rank({ type }: Folded): number {
  const kind = ['triggered', 'started', 'status.changed', 'finished'].indexOf(type.kind)
  return kind < 0 ? 4 : kind
}

function originOf({ seen }: Folded, home: string): string {
  const up = seen.find(({ where }) => where === 'up')
  if (up?.stamp !== undefined) return up.stamp
  const aside = seen.every(({ where }) => where === 'dead-letters') ? seen[0]?.stamp : undefined
  return aside ?? home
}

/** A circle of `triggeredid`s, which only a broken sender makes, ends as well. */
const DEEPEST = 8

function depthOf(each: Folded, byId: ReadonlyMap<string, Folded>): number {
  let depth = 0
  let parent = byId.get(each.event.triggeredid)
  while (parent !== undefined && parent !== each && depth < DEEPEST) {
    depth += 1
    parent = byId.get(parent.event.triggeredid)
  }
  return depth
}

/** How long what led to an event took. */
class Steps {
  readonly #byId: ReadonlyMap<string, Folded>
  /** By what they answer and who answers: when the first `.started` of a stamp's integration was stored. */
  readonly #started = new Map<string, number>()
  /** By what they answer: the latest `.finished` of a stamp. */
  readonly #lastFinished = new Map<string, number>()
  readonly #before = new Map<Folded, number>()

  constructor(folded: readonly Folded[], byId: ReadonlyMap<string, Folded>) {
    this.#byId = byId
    let homeAt: number | undefined
    for (const each of folded) {
      const { event, type, at } = each
      const stamp = stampOf(each)
      if (stamp === undefined) {
        if (homeAt !== undefined) this.#before.set(each, homeAt)
        if (type.kind !== 'status.changed') homeAt = at
      } else if (type.kind === 'finished') {
        const last = this.#lastFinished.get(event.triggeredid) ?? -Infinity
        this.#lastFinished.set(event.triggeredid, Math.max(last, at))
      }
      const key = answerKey(each)
      if (type.kind === 'started' && !this.#started.has(key)) this.#started.set(key, at)
    }
  }

  of(each: Folded): TraceStep | undefined {
    const { event, type, at } = each
    const since = (name: TraceStep['name'], from: number | undefined): TraceStep | undefined =>
      from === undefined ? undefined : { name, ms: at - from }
    const stamp = stampOf(each)
    const cause = this.#byId.get(event.triggeredid)
    const copy = cause?.seen.find((seen) => seen.where === 'down' && seen.stamp === stamp)
    if (stamp !== undefined && type.kind === 'started') return since('waited', copy?.at)
    if (type.kind === 'finished' && event.source === HUB_SOURCE)
      return since('aggregated', this.#lastFinished.get(event.triggeredid))
    if (type.shape === 'task' && type.kind === 'finished')
      return since('ran', this.#started.get(answerKey(each)) ?? copy?.at)
    return since(
      'followed',
      this.#before.get(each) ?? (stamp === undefined ? undefined : cause?.at),
    )
  }
}

function placeOf({ where, stamp, reason, at, sequence }: Sighting): Seen {
  return {
    where,
    ...(stamp === undefined ? {} : { stamp }),
    ...(reason === undefined ? {} : { reason }),
    at: iso(at),
    sequence,
  }
}

function stampOf({ seen }: Folded): string | undefined {
  return seen.find(({ where }) => where === 'up')?.stamp
}

function answerKey(each: Folded): string {
  return `${each.event.triggeredid} ${stampOf(each) ?? ''} ${each.event.source}`
}

function iso(ms: number): string {
  return new Date(ms).toISOString()
}
