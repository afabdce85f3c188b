import type {
  Cancelled,
  FanOut,
  FinishedAnswer,
  GivenUp,
  Settlement,
  StartedAnswer,
  Target,
  TargetRecord,
  TargetRecords,
  Withdrawn,
} from './fanout.ts'
import { clipText, EMPTY_RECORD } from './fanout.ts'
import { startsAtOnce } from './polled-targets.ts'
import { begunAtOf, firstAnswerAt, phaseOf } from './stamp-outcome.ts'
import { wavesOf } from './standing.ts'
import type { Stop } from './stop.ts'
import type { Turn } from './waves.ts'
import { nextStopAt, soakEndOf, stopOf, stopped, turnsOf } from './waves.ts'

/**
 * The fan-in of one task (DESIGN 7.3), in steps. Answers go into the record of their stamp
 * (`takeAnswer`), in any order and any number of times. Clocks only add facts (`review`): a target whose
 * turn has come begins, one that has waited too long is given up, once and for good. When nobody is waited for any more, the verdict
 * follows from the facts alone (`settle` in verdict.ts), so that whoever looks, and however often,
 * finds the same one.
 *
 * Keptn ends a task as soon as the numbers of `.started` and `.finished` agree (wire 6.2), which a fast
 * stamp makes true while a slow one has not begun. Hence the targets are fixed when a fan-out is
 * opened, and all of them are waited for.
 */
export type Answer =
  | ({ readonly kind: 'started'; readonly eventId: string } & StartedAnswer)
  | ({ readonly kind: 'finished'; readonly eventId: string } & FinishedAnswer)

/** What became of an answer. Only `recorded` changes anything. */
export type Taken =
  | { readonly kind: 'recorded'; readonly record: TargetRecord }
  | { readonly kind: 'repeated' }
  /** It came after its stamp was given up, or after the fan-out ended. */
  | { readonly kind: 'late'; readonly reason: 'given-up' | 'settled' }
  /** Its stamp is no target of this fan-out, or its turn has not come as far as the record says. */
  | { readonly kind: 'stranger' | 'unasked' }

/** A record is read and written for every answer: what an integration says must not make it large. */
const MESSAGE_LIMIT = 1000
const WORD_LIMIT = 64

/**
 * Takes an answer of a target (undefined: none) into its record (undefined: it has none yet). Idempotent by event id and
 * free of order. Where two deliveries of one id differ, the earlier in the store counts.
 */
export function takeAnswer(
  head: FanOut,
  target: Target | undefined,
  record: TargetRecord | undefined,
  answer: Answer,
): Taken {
  if (target === undefined) return { kind: 'stranger' }
  const current = record ?? EMPTY_RECORD
  const { kind, eventId, ...facts } = answer
  const known = Object.hasOwn(current[kind], eventId) ? current[kind][eventId] : undefined
  const late = lateness(head, target, current)
  if (late !== undefined) return known === undefined ? late : { kind: 'repeated' }
  if (begunAtOf(head, current) === undefined) return { kind: 'unasked' }
  if (known !== undefined && !isEarlier(facts, known)) return { kind: 'repeated' }
  return {
    kind: 'recorded',
    record: { ...current, [kind]: { ...current[kind], [eventId]: shortened(facts) } },
  }
}

/** Adds the decision of a clock to a record; the first one stands. */
export function giveUp(record: TargetRecord | undefined, givenUp: GivenUp): TargetRecord {
  const current = record ?? EMPTY_RECORD
  return current.givenUp === undefined ? { ...current, givenUp } : current
}

/** Notes that the turn of a target has come; the first time stands. */
export function begin(record: TargetRecord | undefined, at: number): TargetRecord {
  const current = record ?? EMPTY_RECORD
  return current.begunAt === undefined ? { ...current, begunAt: at } : current
}

/** Who is there, as the stamps' agents say, or Keptn of them. */
export interface Presence {
  readonly online: (stamp: string) => boolean
  /** Whether it is heard over NATS. */
  readonly onNats: (stamp: string) => boolean
  /** Since when (ms) a stamp that is online has been heard of without a gap. */
  readonly onlineSince: (stamp: string) => number
  /** Whether somebody has taken a stamp out of service: it begins nothing new. */
  readonly drained: (stamp: string) => boolean
}

export interface Review {
  /** Why it must go no further: to be recorded first, and reviewed again. */
  readonly stop?: Stop
  /** Targets whose turn has come; while the fan-out is held back they wait. */
  readonly turns: readonly Turn[]
  /** The targets to give up now: to be recorded with `giveUp`. */
  readonly givenUp: readonly { readonly stamp: string; readonly givenUp: GivenUp }[]
  /** Set when the hub's `.started` is due: the time (ms) for the head's `startedAt`. */
  readonly startedAt?: number
  /** When (ms) to look again if nothing happens before; absent where only an event can change anything. */
  readonly lookAt?: number
  /** Whether, with `givenUp` recorded, nobody is waited for any more and `settle` will answer. */
  readonly complete: boolean
}

/**
 * What the clocks say at `now` (ms). To be asked again at `lookAt`, after every answer, and whenever a
 * stamp goes or comes back. A fan-out that has ended asks for nothing.
 */
export function review(
  head: FanOut,
  records: TargetRecords,
  now: number,
  presence: Presence,
): Review {
  if (head.settlement !== undefined) return { turns: [], givenUp: [], complete: false }
  const waves = wavesOf(head, records, now)
  const stop = head.stop === undefined ? stopOf(head, waves, now) : undefined
  if (stop !== undefined) return { stop, turns: [], givenUp: [], complete: false }
  const { turns, lookAt: soaked = Infinity } = turnsOf(head, waves, now, presence)
  const givenUp: { stamp: string; givenUp: GivenUp }[] = []
  const looks: number[] = []
  for (const target of head.targets) {
    const { stamp } = target
    const record = records.get(stamp)
    const state = phaseOf(head, target, record, now)
    if (state.phase !== 'pending' && state.phase !== 'waiting' && state.phase !== 'running')
      continue
    const stoppedAs = stopped(head, target, state.phase !== 'pending')
    if (stoppedAs !== undefined) {
      givenUp.push({ stamp, givenUp: stoppedAs })
      continue
    }
    const begunAt = begunAtOf(head, record)
    if (state.phase === 'pending' || begunAt === undefined) {
      looks.push(soaked)
      continue
    }
    const start =
      state.phase === 'waiting' ? watchStart(head, begunAt, stamp, now, presence) : undefined
    // A hub that was away finds both clocks run out; the first says more about what happened.
    const decision =
      typeof start === 'object'
        ? start
        : (overdue(head, begunAt, state.phase, stamp, now, presence) ?? start)
    if (typeof decision === 'object') givenUp.push({ stamp, givenUp: decision })
    else {
      looks.push(begunAt + head.policy.finishTimeoutMs)
      if (decision !== undefined) looks.push(decision)
      if (state.phase === 'running' && state.lookAt !== undefined) looks.push(state.lookAt)
    }
  }
  // Failures told in a soak still count, in the last one too.
  if (looks.length === 0 && head.stop === undefined) {
    const soakEnd = soakEndOf(waves)
    if (givenUp.length > 0 && waves.length > 0) looks.push(now)
    else if (now < soakEnd) looks.push(soakEnd)
  }
  const complete = looks.length === 0
  const startedAt = dueStart(head, records, now, complete, presence)
  if (!complete && startedAt === undefined && head.startedAt === undefined)
    looks.push(head.openedAt + head.policy.startTimeoutMs)
  if (!complete) looks.push(nextStopAt(head, waves, now))
  return {
    turns,
    givenUp,
    ...(startedAt === undefined ? {} : { startedAt }),
    ...(complete ? {} : { lookAt: Math.min(...looks) }),
    complete,
  }
}

/** Notes when the hub's `.started` is emitted; the first time stands, as does a head that has ended. */
export function markStarted(head: FanOut, at: number): FanOut {
  if (head.startedAt !== undefined || head.settlement !== undefined) return head
  return { ...head, startedAt: at }
}

/** Ends a fan-out; the first end stands. */
export function close(head: FanOut, settlement: Settlement): FanOut {
  return head.settlement === undefined ? { ...head, settlement } : head
}

/**
 * Whether an integration at home that took the task up makes the fan-out void: nobody in a stamp was more
 * than assumed to want it, nobody has answered, and no `.started` of ours waits for its `.finished`.
 */
export function isWithdrawable(head: FanOut, records: TargetRecords): boolean {
  return (
    head.settlement === undefined &&
    head.startedAt === undefined &&
    head.targets.every(
      ({ assumed, stamp }) => assumed && firstAnswerAt(records.get(stamp)) === undefined,
    )
  )
}

/** Ends a fan-out without a `.finished` because home answers it; undefined where it may not. */
export function withdraw(
  head: FanOut,
  records: TargetRecords,
  reason: Withdrawn['reason'],
  at: number,
): FanOut | undefined {
  return isWithdrawable(head, records) ? close(head, { kind: 'withdrawn', reason, at }) : undefined
}

/** Ends a fan-out without a `.finished` because Keptn no longer waits for it; the first end stands. */
export function cancel(head: FanOut, reason: Cancelled['reason'], at: number): FanOut {
  return close(head, { kind: 'cancelled', reason, at })
}

function lateness(
  head: FanOut,
  target: Target,
  record: TargetRecord,
): Extract<Taken, { kind: 'late' }> | undefined {
  if (head.settlement !== undefined) return { kind: 'late', reason: 'settled' }
  if (target.given !== 'sent' || record.givenUp !== undefined)
    return { kind: 'late', reason: 'given-up' }
  return undefined
}

type Facts = StartedAnswer & Partial<FinishedAnswer>

function isEarlier(facts: Facts, known: Facts): boolean {
  if (facts.at !== known.at) return facts.at < known.at
  if (facts.seq !== known.seq) return (facts.seq ?? 0) < (known.seq ?? 0)
  return facts.source < known.source
}

function shortened(facts: Facts): Facts {
  const { result, status, message } = facts
  if (result === undefined || status === undefined || message === undefined) return facts
  return {
    ...facts,
    result: clipText(result, WORD_LIMIT),
    status: clipText(status, WORD_LIMIT),
    message: clipText(message, MESSAGE_LIMIT),
  }
}

/** The end of `finishTimeout`. */
function overdue(
  { policy }: FanOut,
  begunAt: number,
  phase: 'waiting' | 'running',
  stamp: string,
  now: number,
  presence: Presence,
): GivenUp | undefined {
  const at = begunAt + policy.finishTimeoutMs
  if (now < at) return undefined
  if (phase === 'waiting' && policy.offline === 'skip' && !presence.online(stamp))
    return { kind: 'skipped', reason: 'offline', at }
  return { kind: 'failed', reason: 'not-finished', at }
}

/**
 * The end of `startTimeout`, which for a stamp that was away begins when it is back. A decision; or when
 * to look again, in ms; or undefined for an offline stamp that is waited for.
 */
function watchStart(
  { policy }: FanOut,
  begunAt: number,
  stamp: string,
  now: number,
  presence: Presence,
): GivenUp | number | undefined {
  const since = presence.onlineSince(stamp)
  const from = Number.isFinite(since) ? Math.max(begunAt, since) : begunAt
  const at = from + policy.startTimeoutMs
  if (now < at) return at
  if (presence.online(stamp)) return { kind: 'failed', reason: 'not-started', at }
  if (policy.offline === 'wait') return undefined
  return { kind: policy.offline === 'skip' ? 'skipped' : 'failed', reason: 'offline', at }
}

/**
 * When Keptn is to be told `.started`: with the first answer, at once where somebody polls, or else while it still has patience (it
 * gives up after 10 minutes in which nobody answers, wire 6.6), and never after the `.finished`.
 */
function dueStart(
  head: FanOut,
  records: TargetRecords,
  now: number,
  complete: boolean,
  { onNats }: Presence,
): number | undefined {
  if (head.startedAt !== undefined) return undefined
  const answers = head.targets.flatMap(({ stamp }) => firstAnswerAt(records.get(stamp)) ?? [])
  if (answers.length > 0) return Math.max(head.openedAt, Math.min(...answers))
  if (head.targets.every(({ given }) => given !== 'sent')) return head.openedAt
  if (startsAtOnce(head, onNats)) return Math.max(head.openedAt, now)
  const deadline = head.openedAt + head.policy.startTimeoutMs
  if (now >= deadline) return deadline
  return complete ? head.openedAt : undefined
}
