import type { FanOut, TargetRecords } from './fanout.ts'
import { hasPassed } from './verdict.ts'
import { phaseOf } from './stamp-outcome.ts'

/** How many targets of a fan-out stand where. */
export interface Progress {
  readonly targets: number
  readonly waiting: number
  readonly running: number
  readonly passed: number
  readonly failed: number
  readonly skipped: number
}

/** Where a fan-out stands at `now` (ms). */
export function progressOf(head: FanOut, records: TargetRecords, now: number): Progress {
  const tally = { waiting: 0, running: 0, passed: 0, failed: 0, skipped: 0 }
  for (const target of head.targets) {
    const state = phaseOf(head, target, records.get(target.stamp), now)
    if (state.phase === 'done') tally[hasPassed(state.outcome) ? 'passed' : 'failed'] += 1
    else tally[state.phase] += 1
  }
  return { targets: head.targets.length, ...tally }
}

/** Progress as one line: `deployment: 2 of 4 stamps done, 1 running, 1 failed`. */
export function progressMessage({ task }: FanOut, progress: Progress): string {
  const { targets, running, passed, failed, skipped } = progress
  const done = passed + failed + skipped
  const parts = [`${done} of ${targets} ${targets === 1 ? 'stamp' : 'stamps'} done`]
  if (running > 0) parts.push(`${running} running`)
  if (failed > 0) parts.push(`${failed} failed`)
  if (skipped > 0) parts.push(`${skipped} skipped`)
  return `${task}: ${parts.join(', ')}`
}
