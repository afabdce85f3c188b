import type { FanOut, TargetRecords } from './fanout.ts'
import { phaseOf } from './stamp-outcome.ts'
import type { Tally } from './standing.ts'
import { count, emptyTally } from './standing.ts'

/** How many targets of a fan-out stand where. */
export interface Progress extends Readonly<Tally> {
  readonly targets: number
}

/** Where a fan-out stands at `now` (ms). */
export function progressOf(head: FanOut, records: TargetRecords, now: number): Progress {
  const tally = emptyTally()
  for (const target of head.targets)
    count(tally, phaseOf(head, target, records.get(target.stamp), now))
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
