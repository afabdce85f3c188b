import type { FanOut, TargetRecords } from '../domain/fanout.ts'
import { phaseOf } from '../domain/stamp-outcome.ts'
import type { Tally } from '../domain/standing.ts'
import { count, emptyTally } from '../domain/standing.ts'
import type { Metrics } from '../observe/metrics.ts'

/** A fan-out that is open, and what its stamps have answered. */
interface Open {
  readonly head: FanOut
  readonly records: TargetRecords
}

/** The words of a tally, as labels have them. */
const STANDINGS: Readonly<Record<keyof Tally, string>> = {
  pending: 'pending',
  waiting: 'waiting',
  running: 'running',
  passed: 'passed',
  failed: 'failed',
  skipped: 'skipped',
  notBegun: 'not-begun',
}

/**
 * Sets the gauges of the fan-outs that are open at `now` (ms): how many run, are paused or stopped, and how
 * many of their stamps stand where in each of `rings`. What there is none of is 0, for a graph to show.
 */
export function observeFanOuts(
  open: Iterable<Open>,
  rings: readonly string[],
  now: number,
  metrics: Metrics,
): void {
  const fanOuts = { running: 0, paused: 0, stopped: 0 }
  const tallies = new Map(rings.map((ring) => [ring, emptyTally()]))
  for (const { head, records } of open) {
    if (head.stop !== undefined) fanOuts.stopped += 1
    else if (head.paused !== undefined) fanOuts.paused += 1
    else fanOuts.running += 1
    for (const target of head.targets) {
      // One whose ring a reload took away still stands somewhere.
      const tally = tallies.get(target.ring) ?? emptyTally()
      tallies.set(target.ring, tally)
      count(tally, phaseOf(head, target, records.get(target.stamp), now))
    }
  }
  metrics.fanoutStates.clear()
  for (const [result, number] of Object.entries(fanOuts))
    metrics.fanoutStates.set({ result }, number)
  metrics.fanoutStamps.clear()
  for (const [ring, tally] of tallies)
    for (const [standing, result] of Object.entries(STANDINGS))
      metrics.fanoutStamps.set({ ring, result }, tally[standing as keyof Tally])
}
