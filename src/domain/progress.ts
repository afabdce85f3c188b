import type { FanOut, TargetRecords } from './fanout.ts'
import { phaseOf } from './stamp-outcome.ts'
import type { Tally, WaveStanding } from './standing.ts'
import { count, emptyTally, openOf, totalOf, wavesOf } from './standing.ts'
import { stopMessage } from './stop.ts'
import { soakEndOf } from './waves.ts'

/** Where a fan-out stands, as one line for people. */
export interface Progress {
  /**
   * `deployment: 2 of 4 stamps done, 1 running, 1 failed`; in waves
   * `deployment: early 3/8 done, 1 running, 4 waiting`, with the place of the wave where there are several.
   */
  readonly message: string
  /** Which wave it tells of, from 0; 0 where there are none. */
  readonly wave: number
}

/** Where a fan-out stands at `now` (ms). */
export function progressOf(head: FanOut, records: TargetRecords, now: number): Progress {
  const waves = wavesOf(head, records, now)
  // The last that has begun, or is over without that any of its stamps could.
  const index = Math.max(
    0,
    waves.findLastIndex(({ tally }) => tally.pending < totalOf(tally) && !isNeverBegun(tally)),
  )
  const standing = waves[index]
  const what = standing === undefined ? plain(head, records, now) : inWave(head, waves, index, now)
  return { message: `${head.task}: ${what}`, wave: index }
}

/** How many targets stand where at `now` (ms). */
export function tallyOf(head: FanOut, records: TargetRecords, now: number): Readonly<Tally> {
  const tally = emptyTally()
  for (const target of head.targets)
    count(tally, phaseOf(head, target, records.get(target.stamp), now))
  return tally
}

function plain(head: FanOut, records: TargetRecords, now: number): string {
  const tally = tallyOf(head, records, now)
  const total = totalOf(tally)
  const done = total - openOf(tally)
  return [
    `${done} of ${total} ${total === 1 ? 'stamp' : 'stamps'} done`,
    ...told(tally, ['running', 'failed', 'skipped']),
  ].join(', ')
}

function inWave(
  { stop, paused }: FanOut,
  waves: readonly WaveStanding[],
  index: number,
  now: number,
): string {
  const { wave, tally } = waves[index] as WaveStanding
  const place = waves.length === 1 ? wave.ring : `${wave.ring} (${index + 1} of ${waves.length})`
  const done = tally.passed + tally.failed + tally.skipped
  const waiting = tally.pending + tally.waiting
  const soakEnd = soakEndOf(waves.slice(0, index + 1))
  const isSoaking = stop === undefined && openOf(tally) === 0 && now < soakEnd
  return [
    `${place} ${done}/${totalOf(tally)} done`,
    ...told({ ...tally, waiting }, ['running', 'waiting', 'failed', 'skipped']),
    ...(isSoaking ? [`soaks until ${clock(soakEnd)}`] : []),
    ...(paused?.hand === undefined ? [] : [`paused by ${paused.hand.by}`]),
    ...(paused?.keptn === undefined ? [] : ['paused in Keptn']),
    ...(stop === undefined ? [] : [stopMessage(stop)]),
  ].join(', ')
}

function told(tally: Readonly<Tally>, kinds: readonly (keyof Tally)[]): readonly string[] {
  return kinds.filter((kind) => tally[kind] > 0).map((kind) => `${tally[kind]} ${kind}`)
}

function isNeverBegun(tally: Readonly<Tally>): boolean {
  return tally.notBegun === totalOf(tally)
}

/** `10:15:00 UTC` */
function clock(at: number): string {
  return `${new Date(at).toISOString().slice(11, 19)} UTC`
}
