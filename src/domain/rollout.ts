import type { FanOut, Target, TargetRecord, TargetRecords } from './fanout.ts'
import { tallyOf } from './progress.ts'
import { begunAtOf, phaseOf } from './stamp-outcome.ts'
import type { Phase } from './stamp-outcome.ts'
import type { Tally, WaveStanding } from './standing.ts'
import { openOf, wavesOf } from './standing.ts'
import { stopMessage } from './stop.ts'
import { soakEndOf } from './waves.ts'

/**
 * An open fan-out as commands tell of it (DESIGN 8): made from the same facts as its verdict. Times are
 * ISO 8601, of the hub's clock where a clock decides and of the hub store's where an answer came in.
 */
export interface Rollout {
  /** The id of the `.triggered`. */
  readonly id: string
  readonly task: string
  readonly project: string
  readonly stage: string
  readonly service: string
  readonly context: string
  readonly openedAt: string
  readonly state: RolloutState
  /** The ring that it is at; absent where it does not go in waves. */
  readonly ring?: string
  /** The place of that ring among its waves, from 1, and how many there are. */
  readonly wave?: number
  readonly waves?: number
  /** How many stamps stand where. */
  readonly progress: Readonly<Tally>
  /** Who holds it back; absent: nobody. */
  readonly paused?: { readonly since: string; readonly by: readonly string[] }
  /** When the next wave may begin. */
  readonly soakUntil?: string
  /** Why no further stamp begins. */
  readonly stopped?: string
}

/**
 * `running`: stamps work or are waited for; `paused`: nobody begins until it is resumed; `soaking`: between two
 * waves; `stopped`: no further stamp begins, and those that run are waited for; `ending`: Keptn is about to be told.
 */
export type RolloutState = 'running' | 'paused' | 'soaking' | 'stopped' | 'ending'

/** One fan-out with all that is known of each wave and each stamp. */
export interface RolloutDetail extends Rollout {
  readonly policy: FanOut['policy']
  readonly waveList: readonly RolloutWave[]
  /** In topology order. */
  readonly stamps: readonly RolloutStamp[]
  /** Stamps that the topology selects and in which nobody wants the task. */
  readonly missing: readonly string[]
}

export interface RolloutWave {
  readonly ring: string
  readonly tally: Readonly<Tally>
  readonly begunAt?: string
  /** When its soak ends; present while it soaks. */
  readonly soakUntil?: string
}

export interface RolloutStamp {
  readonly stamp: string
  readonly geo: string
  readonly ring: string
  readonly online: boolean
  readonly phase: Phase['phase']
  readonly result?: string
  readonly status?: string
  readonly message?: string
  /** When its turn came. */
  readonly begunAt?: string
  readonly startedAt?: string
  readonly finishedAt?: string
  /** What is waited for; absent where nothing is. */
  readonly waitsFor?: string
  /** Until when; absent where no clock ends it. */
  readonly until?: string
}

/** Who is there. */
interface Presence {
  readonly isOnline: (stamp: string) => boolean
  readonly onlineSince: (stamp: string) => number
}

/** The short form, at `now` (ms). */
export function rollout(head: FanOut, records: TargetRecords, now: number): Rollout {
  const waves = wavesOf(head, records, now)
  const { id, task, project, stage, service, context, paused, stop } = head
  const at = currentWave(waves)
  const soakEnd = soakingUntil(waves, at, now)
  return {
    id,
    task,
    project,
    stage,
    service,
    context,
    openedAt: iso(head.openedAt),
    state: stateOf(head, records, now, soakEnd),
    ...(at < 0 ? {} : { ring: waves[at]?.wave.ring ?? '', wave: at + 1, waves: waves.length }),
    progress: tallyOf(head, records, now),
    ...(paused === undefined ? {} : { paused: { since: iso(paused.since), by: holders(head) } }),
    ...(soakEnd === undefined ? {} : { soakUntil: iso(soakEnd) }),
    ...(stop === undefined ? {} : { stopped: stopMessage(stop) }),
  }
}

/** The long form, at `now` (ms). */
export function rolloutDetail(
  head: FanOut,
  records: TargetRecords,
  now: number,
  presence: Presence,
): RolloutDetail {
  const short = rollout(head, records, now)
  const waves = wavesOf(head, records, now)
  return {
    ...short,
    policy: head.policy,
    waveList: waves.map((standing) => {
      const soakEnd = soakEndOf([standing])
      const isSoaking = openOf(standing.tally) === 0 && now < soakEnd
      return {
        ring: standing.wave.ring,
        tally: standing.tally,
        ...(standing.begunAt === undefined ? {} : { begunAt: iso(standing.begunAt) }),
        ...(isSoaking ? { soakUntil: iso(soakEnd) } : {}),
      }
    }),
    stamps: head.targets.map((target) =>
      stampOf(head, target, records.get(target.stamp), now, presence, short),
    ),
    missing: head.missing,
  }
}

/** Which fan-out a person means: by id, by the beginning of one, or by a context with one open fan-out. */
export function findRollouts(heads: readonly FanOut[], wanted: string): readonly FanOut[] {
  const exact = heads.filter(({ id }) => id === wanted)
  if (exact.length > 0) return exact
  const ofContext = heads.filter(({ context }) => context === wanted)
  if (ofContext.length > 0) return ofContext
  return heads.filter(({ id, context }) => id.startsWith(wanted) || context.startsWith(wanted))
}

function stampOf(
  head: FanOut,
  target: Target,
  record: TargetRecord | undefined,
  now: number,
  presence: Presence,
  { soakUntil }: Rollout,
): RolloutStamp {
  const { stamp, geo, ring } = target
  const online = presence.isOnline(stamp)
  const state = phaseOf(head, target, record, now)
  const begunAt = begunAtOf(head, record)
  const started = Object.values(record?.started ?? {}).map(({ at }) => at)
  const finished = Object.values(record?.finished ?? {}).map(({ at }) => at)
  const outcome = 'outcome' in state ? state.outcome : undefined
  return {
    stamp,
    geo,
    ring,
    online,
    phase: state.phase,
    ...(outcome === undefined
      ? {}
      : { result: outcome.result, status: outcome.status, message: outcome.message }),
    ...(begunAt === undefined ? {} : { begunAt: iso(begunAt) }),
    ...(started.length === 0 ? {} : { startedAt: iso(Math.min(...started)) }),
    ...(finished.length === 0 ? {} : { finishedAt: iso(Math.max(...finished)) }),
    ...waitOf(head, state, begunAt, { online, since: presence.onlineSince(stamp), soakUntil }),
  }
}

/** What a stamp is waited for with, and until when. */
function waitOf(
  head: FanOut,
  state: Phase,
  begunAt: number | undefined,
  is: { readonly online: boolean; readonly since: number; readonly soakUntil: string | undefined },
): { readonly waitsFor?: string; readonly until?: string } {
  const { startTimeoutMs, finishTimeoutMs, offline } = head.policy
  switch (state.phase) {
    case 'pending':
      if (head.paused !== undefined)
        return { waitsFor: `resume (paused by ${holders(head).join(' and ')})` }
      return is.soakUntil === undefined
        ? { waitsFor: 'its turn' }
        : { waitsFor: 'the end of the soak', until: is.soakUntil }
    case 'waiting': {
      const from = begunAt ?? head.openedAt
      if (is.online)
        return { waitsFor: 'its .started', until: iso(Math.max(from, is.since) + startTimeoutMs) }
      return offline === 'wait'
        ? { waitsFor: 'the stamp, which is offline', until: iso(from + finishTimeoutMs) }
        : { waitsFor: `the stamp, then ${offline}`, until: iso(from + startTimeoutMs) }
    }
    case 'running':
      return state.lookAt === undefined
        ? { waitsFor: 'its .finished', until: iso((begunAt ?? head.openedAt) + finishTimeoutMs) }
        : { waitsFor: 'a second integration that may join', until: iso(state.lookAt) }
    case 'done':
    case 'skipped':
    case 'failed':
    case 'not-begun':
      return {}
  }
}

function stateOf(
  head: FanOut,
  records: TargetRecords,
  now: number,
  soakEnd: number | undefined,
): RolloutState {
  if (head.settlement !== undefined) return 'ending'
  if (head.stop !== undefined) return 'stopped'
  if (head.paused !== undefined) return 'paused'
  if (soakEnd !== undefined) return 'soaking'
  return openOf(tallyOf(head, records, now)) === 0 ? 'ending' : 'running'
}

/** The wave that is at work, else the one that is next, else the last; -1 where there are none. */
function currentWave(waves: readonly WaveStanding[]): number {
  const open = waves.findIndex(({ tally }) => openOf(tally) > 0)
  return open < 0 ? waves.length - 1 : open
}

/** When the soak ends that everybody waits for, in ms; undefined where nobody waits for one. */
function soakingUntil(waves: readonly WaveStanding[], at: number, now: number): number | undefined {
  const current = waves[at]
  if (current === undefined) return undefined
  const isLast = openOf(current.tally) === 0
  if (!isLast && current.begunAt !== undefined) return undefined
  const end = soakEndOf(waves.slice(0, isLast ? at + 1 : at))
  return now < end ? end : undefined
}

function holders({ paused }: FanOut): readonly string[] {
  return [
    ...(paused?.hand === undefined ? [] : [paused.hand.by]),
    ...(paused?.keptn === undefined ? [] : ['Keptn']),
  ]
}

function iso(ms: number): string {
  return new Date(ms).toISOString()
}
