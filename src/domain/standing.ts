import type { FanOut, Target, TargetRecord, TargetRecords } from './fanout.ts'
import type { Phase } from './stamp-outcome.ts'
import { phaseOf } from './stamp-outcome.ts'
import { hasPassed } from './success.ts'
import type { Wave, WaveGroup } from './wave-plan.ts'

/** How many targets stand where. `pending`: their turn has not come; `waiting`: nothing heard yet. */
export interface Tally {
  pending: number
  waiting: number
  running: number
  passed: number
  failed: number
  skipped: number
  notBegun: number
}

/** Where the waves of a fan-out stand. */
export interface WaveStanding {
  readonly wave: Wave
  readonly tally: Readonly<Tally>
  readonly groups: readonly GroupStanding[]
  /** When its first target began, in ms; absent: none has. */
  readonly begunAt?: number
  /** The time of the latest fact about one of its targets, in ms. */
  readonly lastFactAt?: number
}

export interface GroupStanding {
  readonly group: WaveGroup
  readonly tally: Readonly<Tally>
  /** Those whose turn has not come, in topology order. */
  readonly pending: readonly Target[]
}

/** Where each wave stands at `now` (ms), in one walk over the targets. */
export function wavesOf(
  head: FanOut,
  records: TargetRecords,
  now: number,
): readonly WaveStanding[] {
  const waves = (head.waves ?? []).map((wave) => new WaveCount(wave))
  const byPlace = new Map<string, { wave: WaveCount; group: GroupCount }>()
  for (const wave of waves)
    for (const group of wave.groups)
      byPlace.set(`${wave.wave.ring} ${group.group.geo}`, { wave, group })
  for (const target of head.targets) {
    const place = byPlace.get(`${target.ring} ${target.geo}`)
    if (place === undefined) continue
    const record = records.get(target.stamp)
    const phase = phaseOf(head, target, record, now)
    if (phase.phase === 'pending') place.group.pending.push(target)
    count(place.group.tally, phase)
    count(place.wave.tally, phase)
    place.wave.note(record)
  }
  return waves
}

/** Targets that are neither done nor given up, those included whose turn has not come. */
export function openOf({ pending, waiting, running }: Readonly<Tally>): number {
  return pending + waiting + running
}

/** All targets of a tally. */
export function totalOf(tally: Readonly<Tally>): number {
  return openOf(tally) + tally.passed + tally.failed + tally.skipped + tally.notBegun
}

export function emptyTally(): Tally {
  return { pending: 0, waiting: 0, running: 0, passed: 0, failed: 0, skipped: 0, notBegun: 0 }
}

/** Counts one target by its phase. */
export function count(tally: Tally, phase: Phase): void {
  if (phase.phase === 'done') tally[hasPassed(phase.outcome) ? 'passed' : 'failed'] += 1
  else if (phase.phase === 'not-begun') tally.notBegun += 1
  else tally[phase.phase] += 1
}

/** The time of the latest fact in a record, in ms; undefined where it has none. */
export function lastFactOf(record: TargetRecord | undefined): number | undefined {
  if (record === undefined) return undefined
  let last = Math.max(record.begunAt ?? -Infinity, record.givenUp?.at ?? -Infinity)
  for (const answers of [record.started, record.finished])
    for (const { at } of Object.values(answers)) last = Math.max(last, at)
  return last === -Infinity ? undefined : last
}

class GroupCount implements GroupStanding {
  readonly group: WaveGroup
  readonly tally = emptyTally()
  readonly pending: Target[] = []

  constructor(group: WaveGroup) {
    this.group = group
  }
}

class WaveCount implements WaveStanding {
  readonly wave: Wave
  readonly tally = emptyTally()
  readonly groups: readonly GroupCount[]
  begunAt?: number
  lastFactAt?: number

  constructor(wave: Wave) {
    this.wave = wave
    this.groups = wave.groups.map((group) => new GroupCount(group))
  }

  note(record: TargetRecord | undefined): void {
    const begunAt = record?.begunAt
    if (begunAt !== undefined) this.begunAt = Math.min(this.begunAt ?? Infinity, begunAt)
    const at = lastFactOf(record)
    if (at !== undefined) this.lastFactAt = Math.max(this.lastFactAt ?? -Infinity, at)
  }
}
