import type { Target } from './fanout.ts'
import type { Rollout, TaskPolicy, Topology } from './topology.ts'

/** One ring of a fan-out, all its geos together (DESIGN 7.4). Fixed when the fan-out is opened. */
export interface Wave {
  readonly ring: string
  /** What must pass without a further answer before the next wave begins, in ms. */
  readonly soakMs: number
  readonly groups: readonly WaveGroup[]
}

/** The targets of a wave in one geo, and how they are gone through. */
export interface WaveGroup {
  readonly geo: string
  /** How many of its stamps at once; at least 1. */
  readonly concurrency: number
  /** What its ring file says of failures; absent: the task's `success` says whether the wave holds. */
  readonly limits?: WaveLimits
}

export interface WaveLimits {
  /** More failed stamps than this stop the fan-out. */
  readonly maxFailures: number
  /** As many must pass; absent: no number. */
  readonly minSuccess?: number
  /** From the begin of the wave until its stamps are done, in ms; absent: no limit. */
  readonly deadlineMs?: number
}

export interface WavePlanInput {
  readonly topology: Topology
  readonly policy: TaskPolicy
  /** In topology order. */
  readonly targets: readonly Pick<Target, 'geo' | 'ring'>[]
}

/**
 * The waves of a fan-out: its rings in release order. Undefined where its targets stand in one ring without
 * a `rollout`, which all begin at once, and where a task asks for one stamp only, for there is nothing to
 * roll out.
 */
export function planWaves(input: WavePlanInput): readonly Wave[] | undefined {
  const { topology, policy, targets } = input
  if (policy.select === 'one') return undefined
  const counts = new Map<string, Map<string, number>>()
  for (const { geo, ring } of targets) {
    const geos = counts.get(ring) ?? new Map<string, number>()
    counts.set(ring, geos.set(geo, (geos.get(geo) ?? 0) + 1))
  }
  const waves = topology.rings.flatMap((ring): Wave[] => {
    const geos = counts.get(ring)
    return geos === undefined ? [] : [waveOf(topology, ring, geos)]
  })
  const isPlain = waves.every(({ groups }) => groups.every(({ limits }) => limits === undefined))
  return waves.length === 0 || (waves.length === 1 && isPlain) ? undefined : waves
}

/** How many of `count` stamps a number or a share means; a share is rounded up, and at least 1. */
export function shareOf(
  share: { readonly stamps: number } | { readonly percent: number },
  count: number,
): number {
  if ('stamps' in share) return Math.min(share.stamps, count)
  // Multiplied first: 55 / 100 * 20 is more than 11 for a computer.
  return Math.max(1, Math.ceil((share.percent * count) / 100))
}

function waveOf(
  { geoRings = [] }: Topology,
  ring: string,
  geos: ReadonlyMap<string, number>,
): Wave {
  const parts = [...geos].map(([geo, count]) => {
    const own = geoRings.find((each) => each.geo === geo && each.ring === ring)?.rollout
    return { soakMs: own?.soakMs ?? 0, group: groupOf(geo, count, own) }
  })
  return {
    ring,
    soakMs: Math.max(...parts.map(({ soakMs }) => soakMs)),
    groups: parts.map(({ group }) => group),
  }
}

function groupOf(geo: string, count: number, rollout: Rollout | undefined): WaveGroup {
  if (rollout === undefined) return { geo, concurrency: count }
  const { concurrency, maxFailures, minSuccess, deadlineMs } = rollout
  return {
    geo,
    // A share is of the stamps that stand here and are targets: rounded down, so that 25% is never more.
    concurrency:
      'stamps' in concurrency
        ? Math.min(concurrency.stamps, count)
        : Math.max(1, Math.floor((concurrency.percent * count) / 100)),
    limits: {
      maxFailures,
      ...(minSuccess === undefined ? {} : { minSuccess: shareOf(minSuccess, count) }),
      ...(deadlineMs === undefined ? {} : { deadlineMs }),
    },
  }
}
