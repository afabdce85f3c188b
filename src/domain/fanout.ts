import type { KeptnEvent } from './event.ts'
import type { Stop } from './stop.ts'
import type { LinkKind, TaskPolicy } from './topology.ts'
import type { Wave } from './wave-plan.ts'

/**
 * What the hub remembers of one `.triggered` that it sent to stamps (DESIGN 7.3). There is one *head* for
 * each fan-out and one small record for each target, both plain JSON in a key-value bucket, so that an
 * answer costs one small write however many stamps there are. All times are milliseconds since the epoch.
 */
export interface FanOut {
  readonly version: 1
  /** The id of the `.triggered`. */
  readonly id: string
  readonly controlPlane: string
  readonly task: string
  /** The type of the `.triggered`. */
  readonly type: string
  /** `shkeptncontext` */
  readonly context: string
  readonly project: string
  readonly stage: string
  readonly service: string
  readonly labels: Readonly<Record<string, string>>
  /** Empty where the `.triggered` had none; the next two likewise. */
  readonly gitcommitid: string
  readonly shkeptnspecversion: string
  readonly traceparent?: string
  readonly policy: TaskPolicy
  readonly openedAt: number
  /** When Keptn's stream took the `.triggered` in; what it took in before says nothing of this task. */
  readonly storedAt?: number
  /** Where the copies for the stamps lie, so that they can be taken back: sequences by stamp. */
  readonly copies?: Readonly<Record<string, number>>
  /** In the order of the topology. */
  readonly targets: readonly Target[]
  /** Names of stamps that were selected, and in which nobody wants the task. */
  readonly missing: readonly string[]
  /** The way through the rings, fixed when it was opened (DESIGN 7.4); absent: all targets at once. */
  readonly waves?: readonly Wave[]
  /** The stamps that the `.triggered` has been through, for the copies that are made later. */
  readonly path?: readonly string[]
  /** Absent: no target's turn is held back. */
  readonly paused?: Paused
  /** Pauses that are over, in ms, by the ring of the wave they fell into: a deadline does not count them. */
  readonly heldMs?: Readonly<Record<string, number>>
  /** Why no further target begins. The first one stands, unless somebody aborts by hand. */
  readonly stop?: Stop
  /** The time of the hub's `.started`: set once it has been decided that it is to be emitted. */
  readonly startedAt?: number
  readonly settlement?: Settlement
}

/** Who holds a fan-out back: somebody by hand, Keptn (wire 6.7), or both. */
export interface Paused {
  /** Since when somebody has, in ms. */
  readonly since: number
  readonly hand?: { readonly by: string; readonly at: number }
  readonly keptn?: { readonly at: number }
}

export interface Target {
  readonly stamp: string
  readonly geo: string
  readonly ring: string
  /** How many answers are expected; at least 1. */
  readonly answers: number
  /** Whether registrations said so; else `answers` is a guess, and a second integration may yet join. */
  readonly exact: boolean
  /** Nobody has said anything about this stamp's interest. */
  readonly assumed: boolean
  /** How it is reached, where that is not by NATS alone: `https` never by NATS, `auto` by whichever works. */
  readonly link?: Exclude<LinkKind, 'nats'>
  /**
   * What was done with it at the beginning; an offline stamp may never have been sent anything. In waves
   * that is decided when its turn comes, and stands in its record.
   */
  readonly given: 'sent' | 'skipped' | 'failed'
}

/** What is known of one target. Keys are event ids. */
export interface TargetRecord {
  readonly started: Readonly<Record<string, StartedAnswer>>
  readonly finished: Readonly<Record<string, FinishedAnswer>>
  /** In waves: when its turn came, in ms. Written before its copy is sent. */
  readonly begunAt?: number
  /** In waves: where its copy lies, so that it can be taken back. */
  readonly copy?: number
  /** Set once; answers that come afterwards are late. */
  readonly givenUp?: GivenUp
}

export interface StartedAnswer {
  /** The integration that answered. */
  readonly source: string
  /** When the hub store took it in, so that reading it twice gives the same time. */
  readonly at: number
  /** Where it lies in the stream of answers: the same id elsewhere is another event. */
  readonly seq?: number
}

export interface FinishedAnswer extends StartedAnswer {
  /** Where its body lies in the stream of answers. */
  readonly seq: number
  /** As it stood in the event, empty or unknown values included. */
  readonly result: string
  readonly status: string
  readonly message: string
}

/** Why a target is not waited for. One whose turn never came is `not-begun`, and nothing else. */
export interface GivenUp {
  readonly kind: 'skipped' | 'failed' | 'not-begun'
  readonly reason:
    | 'offline'
    | 'drained'
    | 'not-started'
    | 'not-finished'
    | 'undeliverable'
    | 'residency'
    | 'deadline'
    | 'overlong'
    | 'aborted'
    | 'stopped'
  readonly at: number
}

/** `data.result` and `data.status` as Keptn knows them (wire 1.2). */
export type Result = 'pass' | 'warning' | 'fail'
export type Status = 'succeeded' | 'errored' | 'aborted' | 'unknown'

/** How a fan-out ended. Only a settled one emits a `.finished`. */
export type Settlement = Settled | Withdrawn | Cancelled

export interface Settled {
  readonly kind: 'settled'
  /** The time of the latest fact that decided it, not of the moment when somebody looked. */
  readonly at: number
  readonly result: Result
  readonly status: Status
  /** One line for a person, at most 500 characters. */
  readonly message: string
  readonly counts: Counts
  /** All answered; a clock gave some up; nobody's answer could count; or it was stopped half-way. */
  readonly reason: 'answers' | 'deadline' | 'nobody' | 'stopped'
}

/** `targets` is the sum of all that follow but `missing`, which are no targets. */
export interface Counts {
  readonly targets: number
  readonly passed: number
  readonly warned: number
  readonly failed: number
  readonly skipped: number
  /** Their turn never came. */
  readonly notBegun: number
  readonly missing: number
}

/** An integration at home took it up, and nobody in a stamp was more than assumed to. */
export interface Withdrawn {
  readonly kind: 'withdrawn'
  readonly reason: 'answered-at-home'
  readonly at: number
}

/** Keptn no longer waits for it (wire 6.2, 6.6, 6.7): whatever we emitted would hit a later task. */
export interface Cancelled {
  readonly kind: 'cancelled'
  readonly reason: 'aborted' | 'timed-out' | 'finished' | 'overtaken'
  readonly at: number
}

/** The records of a fan-out's targets, by stamp. A target without one has not answered. */
export type TargetRecords = ReadonlyMap<string, TargetRecord>

export const EMPTY_RECORD: TargetRecord = { started: {}, finished: {} }

/** How long a second, slower integration of a stamp may join where nobody knows how many there are. */
export const JOIN_WINDOW_MS = 500

export interface Opening {
  /** The `.triggered`. */
  readonly event: KeptnEvent
  readonly controlPlane: string
  readonly task: string
  readonly policy: TaskPolicy
  readonly targets: readonly Target[]
  readonly missing: readonly string[]
  readonly waves?: readonly Wave[]
  readonly path?: readonly string[]
  /** When the hub took it in. */
  readonly at: number
  /** When Keptn's stream took it in. */
  readonly storedAt?: number
}

/** The head of a new fan-out. */
export function openFanOut({
  event,
  controlPlane,
  task,
  policy,
  targets,
  missing,
  waves,
  path,
  at,
  storedAt,
}: Opening): FanOut {
  return {
    version: 1,
    id: event.id,
    controlPlane,
    task,
    type: event.type,
    context: event.context,
    project: event.project,
    stage: event.stage,
    service: event.service,
    labels: event.labels,
    gitcommitid: event.gitcommitid,
    shkeptnspecversion: event.shkeptnspecversion,
    ...(event.traceparent === '' ? {} : { traceparent: event.traceparent }),
    policy,
    openedAt: at,
    ...(storedAt === undefined ? {} : { storedAt }),
    targets,
    missing,
    ...(waves === undefined ? {} : { waves }),
    ...(path === undefined || path.length === 0 ? {} : { path }),
  }
}

/** The beginning of a text, at most `max` UTF-16 units long, with an ellipsis where something is missing. */
export function clipText(text: string, max: number): string {
  if (text.length <= max) return text
  if (max <= 0) return ''
  const head = text.slice(0, max - 1)
  const last = head.charCodeAt(head.length - 1)
  // Half a surrogate pair is no text.
  const isHalf = last >= 0xd800 && last <= 0xdbff
  return `${isHalf ? head.slice(0, -1) : head}…`
}
