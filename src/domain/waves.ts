import type { FanOut, GivenUp, Target } from './fanout.ts'
import type { GroupStanding, WaveStanding } from './standing.ts'
import { openOf, totalOf } from './standing.ts'
import type { Stop } from './stop.ts'
import { neededOf } from './success.ts'

/**
 * How a fan-out goes through rings in waves (DESIGN 7.4), decided from recorded facts and the time. A wave
 * is one ring. Within it each geo has a window of its own: as many stamps at once as its `concurrency`
 * says, in topology order. The next wave begins when every target of those before it is done and their
 * soak has passed since the last fact about them.
 */

/** Whatever happens, and however long it was paused: its records live for seven days in the bucket. */
export const LONGEST_MS = 6 * 24 * 3_600_000

/** A target whose turn has come: it begins, unless `givenUp` says that it will not. */
export interface Turn {
  readonly target: Target
  readonly givenUp?: GivenUp
}

/** Who is there at their turn. */
export interface TurnPresence {
  readonly online: (stamp: string) => boolean
  readonly drained: (stamp: string) => boolean
}

/**
 * The targets whose turn has come at `now` (ms), whoever holds the fan-out back. `lookAt`: when the soak
 * that they wait for ends, in ms.
 */
export function turnsOf(
  head: FanOut,
  waves: readonly WaveStanding[],
  now: number,
  presence: TurnPresence,
): { readonly turns: readonly Turn[]; readonly lookAt?: number } {
  if (head.stop !== undefined || head.settlement !== undefined) return { turns: [] }
  for (const [index, { tally, groups }] of waves.entries()) {
    if (tally.pending > 0) {
      const readyAt = soakEndOf(waves.slice(0, index))
      if (now < readyAt) return { turns: [], lookAt: readyAt }
      return { turns: groups.flatMap((group) => turnsIn(head, group, now, presence)) }
    }
    if (openOf(tally) > 0) return { turns: [] }
  }
  return { turns: [] }
}

/** When the soaks of waves that are done have passed, in ms; -Infinity of no waves. */
export function soakEndOf(waves: readonly WaveStanding[]): number {
  return Math.max(
    -Infinity,
    ...waves.map(({ wave, lastFactAt }) => (lastFactAt ?? -Infinity) + wave.soakMs),
  )
}

/**
 * Why the fan-out must go no further, as things stand at `now` (ms); undefined where it may. A failure
 * that is told in a soak, or even later, counts as well.
 */
export function stopOf(
  head: FanOut,
  waves: readonly WaveStanding[],
  now: number,
): Stop | undefined {
  if (head.waves === undefined) return undefined
  for (const [index, standing] of waves.entries()) {
    for (const group of standing.groups) {
      const stop = stopInGroup(head, standing, group, now)
      if (stop !== undefined) return stop
    }
    const stop = index === waves.length - 1 ? undefined : stopInWave(head, standing, now)
    if (stop !== undefined) return stop
  }
  const over = head.openedAt + LONGEST_MS
  // A hub that was away for days finds what was over in time.
  const isOver = waves.every(({ tally }) => openOf(tally) === 0) && soakEndOf(waves) <= over
  return now < over || isOver ? undefined : { reason: 'overlong', at: over, limitMs: LONGEST_MS }
}

/** When a clock of the waves next decides something, in ms; Infinity for never. */
export function nextStopAt(head: FanOut, waves: readonly WaveStanding[], now: number): number {
  if (head.waves === undefined || head.stop !== undefined) return Infinity
  const over = head.openedAt + LONGEST_MS
  // Deadlines recede while it is paused: to look for them would be to look all the time.
  if (head.paused !== undefined) return over
  const deadlines = waves.flatMap((standing) =>
    standing.groups.map((group) => deadlineOf(head, standing, group, now)),
  )
  return Math.min(over, ...deadlines)
}

/**
 * What a stop means for a target that is neither done nor given up; undefined where it is waited for. Those
 * whose turn has not come never begin; those that run are waited for within their own clocks, unless time
 * is up or somebody has aborted.
 */
export function stopped(
  { stop }: FanOut,
  { ring, geo }: Target,
  hasBegun: boolean,
): GivenUp | undefined {
  if (stop === undefined) return undefined
  const { reason, at } = stop
  if (!hasBegun) return { kind: 'not-begun', reason: reason === 'aborted' ? reason : 'stopped', at }
  switch (reason) {
    case 'aborted':
    case 'overlong':
      return { kind: 'failed', reason, at }
    case 'deadline':
      return ring === stop.ring && geo === stop.geo ? { kind: 'failed', reason, at } : undefined
    case 'failures':
    case 'too-few':
    case 'success':
    case 'nobody':
      return undefined
  }
}

function turnsIn(
  { policy }: FanOut,
  { group, tally, pending }: GroupStanding,
  now: number,
  { online, drained }: TurnPresence,
): readonly Turn[] {
  const turns: Turn[] = []
  let free = group.concurrency - tally.waiting - tally.running
  for (const target of pending) {
    if (free <= 0) break
    if (drained(target.stamp))
      turns.push({ target, givenUp: { kind: 'skipped', reason: 'drained', at: now } })
    else if (policy.offline !== 'wait' && !online(target.stamp)) {
      const kind = policy.offline === 'skip' ? 'skipped' : 'failed'
      turns.push({ target, givenUp: { kind, reason: 'offline', at: now } })
    } else {
      turns.push({ target })
      free -= 1
    }
  }
  return turns
}

function stopInGroup(
  head: FanOut,
  standing: WaveStanding,
  group: GroupStanding,
  now: number,
): Stop | undefined {
  const { limits, geo } = group.group
  if (limits === undefined) return undefined
  const { maxFailures, minSuccess, deadlineMs } = limits
  const { ring } = standing.wave
  const { tally } = group
  if (tally.failed > maxFailures)
    return { reason: 'failures', at: now, ring, geo, failed: tally.failed, allowed: maxFailures }
  const possible = tally.passed + openOf(tally)
  if (minSuccess !== undefined && possible < minSuccess)
    return { reason: 'too-few', at: now, ring, geo, possible, needed: minSuccess }
  const due = deadlineOf(head, standing, group, now)
  if (deadlineMs !== undefined && now >= due)
    return { reason: 'deadline', at: due, ring, geo, limitMs: deadlineMs }
  return undefined
}

/** Whether a wave with others after it holds: by the task's own rule where its ring has none. */
function stopInWave(
  { policy }: FanOut,
  { wave: { ring }, tally, groups }: WaveStanding,
  at: number,
): Stop | undefined {
  const plain = groups.filter(({ group }) => group.limits === undefined)
  const sum = (of: (group: GroupStanding) => number) =>
    plain.reduce((total, group) => total + of(group), 0)
  const counted = sum((group) => totalOf(group.tally) - group.tally.skipped)
  const needed = neededOf(policy.success, counted)
  // Without anybody who counts it is for the whole wave to say.
  if (counted > 0 && sum((group) => group.tally.passed + openOf(group.tally)) < needed)
    return { reason: 'success', at, ring, passed: sum((group) => group.tally.passed), needed }
  return openOf(tally) === 0 && tally.passed === 0 ? { reason: 'nobody', at, ring } : undefined
}

/** When a geo's part of a wave must be done, in ms; Infinity where it is, or has no deadline. */
function deadlineOf(
  { heldMs, paused }: FanOut,
  { begunAt, wave: { ring } }: WaveStanding,
  { group: { limits }, tally }: GroupStanding,
  now: number,
): number {
  if (limits?.deadlineMs === undefined || begunAt === undefined || openOf(tally) === 0)
    return Infinity
  // A pause falls into one wave, for no other begins meanwhile.
  const current = paused === undefined ? 0 : Math.max(0, now - Math.max(paused.since, begunAt))
  return begunAt + limits.deadlineMs + (heldMs?.[ring] ?? 0) + current
}
