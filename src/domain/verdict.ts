import type { Counts, FanOut, Result, Settled, Status, Target, TargetRecords } from './fanout.ts'
import type { Outcome } from './stamp-outcome.ts'
import { clipText } from './fanout.ts'
import { keptnRule, phaseOf } from './stamp-outcome.ts'
import { lastFactOf, wavesOf } from './standing.ts'
import { stopMessage } from './stop.ts'
import { hasPassed, neededOf } from './success.ts'
import { soakEndOf, stopOf } from './waves.ts'

/** How one target ended. */
export interface StampOutcome {
  readonly target: Target
  readonly outcome: Outcome
}

const MESSAGE_LIMIT = 500
const NAMED_STAMPS = 5
const NAMED_MESSAGE_LIMIT = 120

/**
 * The end of a fan-out, or undefined while a target is waited for, a wave soaks, or a stop is to be
 * recorded first. `now` (ms) only closes the windows for joining (`phaseOf`) and the soaks; the verdict itself is made of the recorded facts, so that settling twice
 * gives the same. A head that has ended is not settled again.
 */
export function settle(head: FanOut, records: TargetRecords, now: number): Settled | undefined {
  if (head.settlement !== undefined) return undefined
  const outcomes = outcomesOf(head, records, now)
  if (outcomes === undefined) return undefined
  const waves = wavesOf(head, records, now)
  const soakEnd = head.stop === undefined ? soakEndOf(waves) : -Infinity
  if (now < soakEnd) return undefined
  if (head.stop === undefined && stopOf(head, waves, now) !== undefined) return undefined
  const counts = countOutcomes(head, outcomes)
  const verdict = judge(head, outcomes, counts)
  return {
    kind: 'settled',
    at: Math.max(latestFact(head, records), soakEnd),
    ...verdict,
    message: settledMessage(head, outcomes, counts),
    counts,
    reason: reasonOf(head, records),
  }
}

/** The outcomes of all targets in topology order, or undefined while one is waited for. */
export function outcomesOf(
  head: FanOut,
  records: TargetRecords,
  now: number,
): readonly StampOutcome[] | undefined {
  const outcomes: StampOutcome[] = []
  for (const target of head.targets) {
    const state = phaseOf(head, target, records.get(target.stamp), now)
    if (!('outcome' in state)) return undefined
    outcomes.push({ target, outcome: state.outcome })
  }
  return outcomes
}

function countOutcomes({ missing }: FanOut, outcomes: readonly StampOutcome[]): Counts {
  const count = (test: (outcome: Outcome) => boolean) =>
    outcomes.filter(({ outcome }) => test(outcome)).length
  const passed = count((outcome) => hasPassed(outcome) && outcome.result === 'pass')
  const warned = count((outcome) => hasPassed(outcome) && outcome.result === 'warning')
  const skipped = count(({ result }) => result === 'skipped')
  const notBegun = count(({ result }) => result === 'not-begun')
  return {
    targets: outcomes.length,
    passed,
    warned,
    failed: outcomes.length - passed - warned - skipped - notBegun,
    skipped,
    notBegun,
    missing: missing.length,
  }
}

/** How many stamps the policy looks at: a skipped one does not count, a missing one where it says so. */
function countedOf({ policy }: FanOut, { targets, skipped, missing }: Counts): number {
  return targets - skipped + (policy.missing === 'fail' ? missing : 0)
}

function judge(
  head: FanOut,
  outcomes: readonly StampOutcome[],
  counts: Counts,
): { result: Result; status: Status } {
  const { stop } = head
  const ran = outcomes.filter(hasRun).map(({ outcome }) => outcome)
  if (stop?.reason === 'aborted') return { result: 'fail', status: 'aborted' }
  if (ran.length === 0) return { result: 'fail', status: 'errored' }
  if (stop !== undefined) return { result: 'fail', status: keptnRule(ran).status }
  const successes = ran.filter(hasPassed)
  if (successes.length >= neededOf(head.policy.success, countedOf(head, counts)))
    return keptnRule(successes)
  return { result: 'fail', status: keptnRule(ran).status }
}

/** Whether a stamp was given the task, or was to be, and so says something of how the task went. */
export function hasRun({ outcome: { result } }: StampOutcome): boolean {
  return result !== 'skipped' && result !== 'not-begun'
}

function latestFact(head: FanOut, records: TargetRecords): number {
  const { openedAt, startedAt = openedAt, stop } = head
  let latest = Math.max(openedAt, startedAt, stop?.at ?? openedAt)
  for (const { stamp } of head.targets)
    latest = Math.max(latest, lastFactOf(records.get(stamp)) ?? latest)
  return latest
}

function reasonOf({ targets, stop }: FanOut, records: TargetRecords): Settled['reason'] {
  if (stop !== undefined) return 'stopped'
  const sent = targets.filter(({ given }) => given === 'sent')
  if (sent.length === 0) return 'nobody'
  return sent.some(({ stamp }) => records.get(stamp)?.givenUp !== undefined)
    ? 'deadline'
    : 'answers'
}

/**
 * `deployment: 3 of 4 stamps passed; 1 skipped; eu-canary-2 failed: boom`, and where it was stopped
 * `deployment: stopped in early (eu): 1 failed, 0 allowed; 3 of 8 stamps passed; 4 never begun; …`
 */
function settledMessage(head: FanOut, outcomes: readonly StampOutcome[], counts: Counts): string {
  const { passed, warned, skipped, notBegun, missing } = counts
  const counted = countedOf(head, counts)
  const parts = [
    ...(head.stop === undefined ? [] : [stopMessage(head.stop)]),
    counted === 0 || counted === notBegun
      ? 'no stamp ran it'
      : `${passed + warned} of ${counted} ${plural(counted)} passed`,
  ]
  if (warned > 0) parts.push(`${warned} with warnings`)
  if (notBegun > 0) parts.push(`${notBegun} never begun`)
  if (skipped > 0) parts.push(`${skipped} skipped`)
  if (missing > 0) parts.push(`${missing} without anybody who handles it`)
  const failed = outcomes.filter((each) => hasRun(each) && !hasPassed(each.outcome))
  for (const { target, outcome } of failed.slice(0, NAMED_STAMPS)) {
    const why = clipText(outcome.message.replace(/\s+/g, ' ').trim(), NAMED_MESSAGE_LIMIT)
    parts.push(`${target.stamp} failed${why === '' ? '' : `: ${why}`}`)
  }
  if (failed.length > NAMED_STAMPS) parts.push(`${failed.length - NAMED_STAMPS} more failed`)
  return clipText(`${head.task}: ${parts.join('; ')}`, MESSAGE_LIMIT)
}

function plural(count: number): string {
  return count === 1 ? 'stamp' : 'stamps'
}
