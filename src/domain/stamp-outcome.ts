import type {
  FanOut,
  FinishedAnswer,
  GivenUp,
  Result,
  Status,
  Target,
  TargetRecord,
} from './fanout.ts'
import { clipText, JOIN_WINDOW_MS } from './fanout.ts'

/**
 * How one stamp stands in a fan-out. `pending`: its turn has not come; `waiting`: nothing heard;
 * `running`: somebody answered, not all have finished; `done`: all have; `skipped` and `failed`: given up,
 * at the beginning or by a clock; `not-begun`: its turn will never come.
 */
export type Phase =
  | { readonly phase: 'pending' }
  | { readonly phase: 'waiting' }
  /** `lookAt`: all have finished, and only the time for others to join is not over. */
  | { readonly phase: 'running'; readonly lookAt?: number }
  | { readonly phase: 'done' | 'skipped' | 'failed' | 'not-begun'; readonly outcome: Outcome }

export interface Outcome {
  readonly result: Result | 'skipped' | 'not-begun'
  readonly status: Status | 'skipped' | 'not-begun'
  readonly message: string
  /** When the first answer came, in ms. */
  readonly startedAt?: number
  /** When the last `.finished` came, in ms. */
  readonly finishedAt?: number
  /** How many `.finished` came. */
  readonly answers: number
}

/** As much of the messages of a stamp as is told about it. */
const OUTCOME_MESSAGE_LIMIT = 1000

const REASONS: Readonly<Record<GivenUp['reason'], string>> = {
  offline: 'offline',
  drained: 'drained',
  'not-started': 'not started in time',
  'not-finished': 'not finished in time',
  undeliverable: 'the event could not be sent: see the dead letters',
  residency: 'the event may not go to its geo',
  deadline: 'not done before the deadline of its ring',
  overlong: 'not done before the fan-out took too long',
  aborted: 'aborted by hand',
  stopped: 'never begun',
}

/**
 * The phase of a target. A stamp is done when each source that started has finished as often, and as many
 * answers came as are expected; a `.finished` whose `.started` has not come stands for both (wire 6.2:
 * several integrations, and several pairs of one). `now` (ms) matters only where the number of
 * integrations is a guess; then a slower one may join until `JOIN_WINDOW_MS` after the first answer.
 */
export function phaseOf(
  head: FanOut,
  target: Target,
  record: TargetRecord | undefined,
  now: number,
): Phase {
  if (target.given !== 'sent')
    return { phase: target.given, outcome: givenUpOutcome(target.given, 'offline', record) }
  if (record?.givenUp !== undefined) {
    const { kind, reason } = record.givenUp
    return { phase: kind, outcome: givenUpOutcome(kind, reason, record) }
  }
  const begunAt = begunAtOf(head, record)
  if (begunAt === undefined) return { phase: 'pending' }
  const startedAt = firstAnswerAt(record)
  if (record === undefined || startedAt === undefined) return { phase: 'waiting' }
  if (!hasFinished(target, record)) return { phase: 'running' }
  const window = Math.min(startedAt + JOIN_WINDOW_MS, begunAt + head.policy.finishTimeoutMs)
  if (!target.exact && now < window) return { phase: 'running', lookAt: window }
  return { phase: 'done', outcome: answeredOutcome(record) }
}

/** Since when a target's clocks run, in ms: its turn in waves, else the opening; undefined before. */
export function begunAtOf(head: FanOut, record: TargetRecord | undefined): number | undefined {
  return head.waves === undefined ? head.openedAt : record?.begunAt
}

/** When the first answer of a stamp came, in ms; undefined where none has. */
export function firstAnswerAt(record: TargetRecord | undefined): number | undefined {
  if (record === undefined) return undefined
  let first: number | undefined
  for (const answers of [record.started, record.finished])
    for (const { at } of Object.values(answers)) if (first === undefined || at < first) first = at
  return first
}

/**
 * Keptn's rule for several answers to one task (wire 6.3, since 0.19): a result that is neither pass nor
 * warning is a failure, also an empty one; a status that nobody knows is `unknown` and makes a failure.
 */
export function keptnRule(answers: readonly { result: string; status: string }[]): {
  result: Result
  status: Status
} {
  const isStatus = (wanted: Status) => answers.some(({ status }) => status === wanted)
  const allSucceeded = answers.every(({ status }) => status === 'succeeded')
  let status: Status = 'unknown'
  if (isStatus('errored')) status = 'errored'
  else if (isStatus('aborted')) status = 'aborted'
  else if (allSucceeded) status = 'succeeded'

  let result: Result = 'pass'
  if (answers.some((answer) => answer.result !== 'pass' && answer.result !== 'warning'))
    result = 'fail'
  else if (answers.some((answer) => answer.result === 'warning')) result = 'warning'
  return { result: status === 'unknown' ? 'fail' : result, status }
}

/** The `.finished` of a stamp in the order in which they count: by time, then by event id. */
export function finishedInOrder(
  record: TargetRecord | undefined,
): readonly (readonly [eventId: string, answer: FinishedAnswer])[] {
  return Object.entries(record?.finished ?? {}).toSorted(
    ([idA, a], [idB, b]) => a.at - b.at || (idA < idB ? -1 : Number(idA > idB)),
  )
}

function hasFinished(target: Target, { started, finished }: TargetRecord): boolean {
  const bySource = new Map<string, { started: number; finished: number }>()
  const count = (source: string, kind: 'started' | 'finished') => {
    const counts = bySource.get(source) ?? { started: 0, finished: 0 }
    counts[kind] += 1
    bySource.set(source, counts)
  }
  for (const { source } of Object.values(started)) count(source, 'started')
  for (const { source } of Object.values(finished)) count(source, 'finished')
  let answers = 0
  for (const counts of bySource.values()) {
    if (counts.finished < counts.started) return false
    answers += counts.finished
  }
  return answers >= target.answers
}

function answeredOutcome(record: TargetRecord): Outcome {
  const answers = finishedInOrder(record).map(([, answer]) => answer)
  return { ...keptnRule(answers), message: messageOf(answers), ...factsOf(record) }
}

function givenUpOutcome(
  kind: GivenUp['kind'],
  reason: GivenUp['reason'],
  record: TargetRecord | undefined,
): Outcome {
  return { ...verdictOf(kind, reason), message: REASONS[reason], ...factsOf(record) }
}

function verdictOf(
  kind: GivenUp['kind'],
  reason: GivenUp['reason'],
): Pick<Outcome, 'result' | 'status'> {
  if (kind !== 'failed') return { result: kind, status: kind }
  return { result: 'fail', status: reason === 'aborted' ? 'aborted' : 'errored' }
}

function factsOf(record: TargetRecord | undefined): Omit<Outcome, 'result' | 'status' | 'message'> {
  const startedAt = firstAnswerAt(record)
  const finished = finishedInOrder(record)
  const finishedAt = finished.at(-1)?.[1].at
  return {
    ...(startedAt === undefined ? {} : { startedAt }),
    ...(finishedAt === undefined ? {} : { finishedAt }),
    answers: finished.length,
  }
}

/** What the worst answers said: a failure's message must not drown among those of the others. */
function messageOf(answers: readonly FinishedAnswer[]): string {
  const worst = Math.max(...answers.map(severity))
  const messages = answers
    .filter((answer) => severity(answer) === worst && answer.message !== '')
    .map(({ message }) => message)
  return clipText([...new Set(messages)].join('; '), OUTCOME_MESSAGE_LIMIT)
}

function severity({ result, status }: FinishedAnswer): number {
  if (status !== 'succeeded' || (result !== 'pass' && result !== 'warning')) return 2
  return result === 'warning' ? 1 : 0
}
