import type { Counts, FanOut, Result, Settled, Status, Target, TargetRecords } from './fanout.ts'
import type { Outcome } from './stamp-outcome.ts'
import type { SuccessRule } from './topology.ts'
import { clipText } from './fanout.ts'
import { keptnRule, phaseOf } from './stamp-outcome.ts'

/** How one target ended. */
export interface StampOutcome {
  readonly target: Target
  readonly outcome: Outcome
}

const MESSAGE_LIMIT = 500
const NAMED_STAMPS = 5
const NAMED_MESSAGE_LIMIT = 120

/**
 * The end of a fan-out, or undefined while a target is waited for. `now` (ms) only closes the windows
 * for joining (`phaseOf`); the verdict itself is made of the recorded facts, so that settling twice
 * gives the same. A head that has ended is not settled again.
 */
export function settle(head: FanOut, records: TargetRecords, now: number): Settled | undefined {
  if (head.settlement !== undefined) return undefined
  const outcomes = outcomesOf(head, records, now)
  if (outcomes === undefined) return undefined
  const counts = countOutcomes(head, outcomes)
  const verdict = judge(head, outcomes, counts)
  return {
    kind: 'settled',
    at: latestFact(head, records),
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
    if (state.phase === 'waiting' || state.phase === 'running') return undefined
    outcomes.push({ target, outcome: state.outcome })
  }
  return outcomes
}

/** How many of `counted` stamps must pass; at least one, for nothing that ran is no success. */
export function neededOf(rule: SuccessRule, counted: number): number {
  if (rule === 'all') return Math.max(1, counted)
  if (rule === 'any') return 1
  // Multiplied first: 55 / 100 * 20 is more than 11 for a computer.
  return Math.max(1, Math.ceil((rule.percent * counted) / 100))
}

/** Whether a stamp counts as a success. */
export function hasPassed({ result, status }: Outcome): boolean {
  return status === 'succeeded' && (result === 'pass' || result === 'warning')
}

function countOutcomes({ missing }: FanOut, outcomes: readonly StampOutcome[]): Counts {
  const count = (test: (outcome: Outcome) => boolean) =>
    outcomes.filter(({ outcome }) => test(outcome)).length
  const passed = count((outcome) => hasPassed(outcome) && outcome.result === 'pass')
  const warned = count((outcome) => hasPassed(outcome) && outcome.result === 'warning')
  const skipped = count(({ result }) => result === 'skipped')
  return {
    targets: outcomes.length,
    passed,
    warned,
    failed: outcomes.length - passed - warned - skipped,
    skipped,
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
  const ran = outcomes.map(({ outcome }) => outcome).filter(({ result }) => result !== 'skipped')
  if (ran.length === 0) return { result: 'fail', status: 'errored' }
  const successes = ran.filter(hasPassed)
  if (successes.length >= neededOf(head.policy.success, countedOf(head, counts)))
    return keptnRule(successes)
  return { result: 'fail', status: keptnRule(ran).status }
}

function latestFact(head: FanOut, records: TargetRecords): number {
  let latest = Math.max(head.openedAt, head.startedAt ?? head.openedAt)
  const note = ({ at }: { readonly at: number }) => {
    latest = Math.max(latest, at)
  }
  for (const { stamp } of head.targets) {
    const record = records.get(stamp)
    if (record === undefined) continue
    Object.values(record.started).forEach(note)
    Object.values(record.finished).forEach(note)
    if (record.givenUp !== undefined) note(record.givenUp)
  }
  return latest
}

function reasonOf({ targets }: FanOut, records: TargetRecords): Settled['reason'] {
  const sent = targets.filter(({ given }) => given === 'sent')
  if (sent.length === 0) return 'nobody'
  return sent.some(({ stamp }) => records.get(stamp)?.givenUp !== undefined)
    ? 'deadline'
    : 'answers'
}

/** `deployment: 3 of 4 stamps passed; 1 skipped; eu-canary-2 failed: boom` */
function settledMessage(head: FanOut, outcomes: readonly StampOutcome[], counts: Counts): string {
  const { passed, warned, skipped, missing } = counts
  const counted = countedOf(head, counts)
  const parts = [
    counted === 0
      ? `${head.task}: no stamp ran it`
      : `${head.task}: ${passed + warned} of ${counted} ${plural(counted)} passed`,
  ]
  if (warned > 0) parts.push(`${warned} with warnings`)
  if (skipped > 0) parts.push(`${skipped} skipped`)
  if (missing > 0) parts.push(`${missing} without anybody who handles it`)
  const failed = outcomes.filter(
    ({ outcome }) => outcome.result !== 'skipped' && !hasPassed(outcome),
  )
  for (const { target, outcome } of failed.slice(0, NAMED_STAMPS)) {
    const why = clipText(outcome.message.replace(/\s+/g, ' ').trim(), NAMED_MESSAGE_LIMIT)
    parts.push(`${target.stamp} failed${why === '' ? '' : `: ${why}`}`)
  }
  if (failed.length > NAMED_STAMPS) parts.push(`${failed.length - NAMED_STAMPS} more failed`)
  return clipText(parts.join('; '), MESSAGE_LIMIT)
}

function plural(count: number): string {
  return count === 1 ? 'stamp' : 'stamps'
}
