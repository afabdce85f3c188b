import type { Place } from './subject.ts'
import { isJsonObject } from './json.ts'

/** What was decided of a stamp, by a rule or by a person; kept until it is forgotten. Times are in ms since the epoch. */
export interface Standing {
  readonly version: 1
  /** That it was taken in, where, and by whom; absent for a stamp that ring files list. */
  readonly joined?: {
    readonly geo: string
    readonly ring: string
    readonly by: 'rule' | 'hand'
    readonly at: number
  }
  /** Since when it takes no new tasks; absent: it takes them. */
  readonly drainedAt?: number
}

/** Nothing was decided yet. */
export const NO_STANDING: Standing = { version: 1 }

/** A joined stamp that has been silent for so long is forgotten; longer where the hub store keeps events longer. */
export const FORGET_STAMP_MS = 7 * 24 * 3_600_000

/** Its key in the bucket of stamps. */
export function standingKey(stamp: string): string {
  return STANDING_PREFIX + stamp
}

export const STANDING_PREFIX = 'standing.'

/** Reads a standing; undefined where it is none, or of a version that says something else. */
export function parseStanding(json: unknown): Standing | undefined {
  if (!isJsonObject(json) || json['version'] !== 1) return undefined
  const { joined, drainedAt } = json
  const isDrained = typeof drainedAt === 'number'
  const read = isJsonObject(joined) ? parseJoined(joined) : undefined
  return {
    version: 1,
    ...(read === undefined ? {} : { joined: read }),
    ...(isDrained ? { drainedAt } : {}),
  }
}

function parseJoined(json: Readonly<Record<string, unknown>>): Standing['joined'] {
  const { geo, ring, by, at } = json
  if (typeof geo !== 'string' || typeof ring !== 'string' || typeof at !== 'number')
    return undefined
  return by === 'rule' || by === 'hand' ? { geo, ring, by, at } : undefined
}

/** Where a stamp of that name has joined; undefined where it has not. */
export function joinedPlace(stamp: string, standing: Standing | undefined): Place | undefined {
  const joined = standing?.joined
  return joined === undefined ? undefined : { geo: joined.geo, ring: joined.ring, stamp }
}

/** It is taken in. One that was before keeps its time. */
export function withJoin(
  standing: Standing,
  { geo, ring }: Place,
  by: 'rule' | 'hand',
  at: number,
): Standing {
  return { ...standing, joined: standing.joined ?? { geo, ring, by, at } }
}

/** It takes no new tasks from now on; one that took none before keeps its time. */
export function withDrain(standing: Standing, at: number): Standing {
  return { ...standing, drainedAt: standing.drainedAt ?? at }
}

/** It takes tasks again. */
export function withoutDrain({ version, joined }: Standing): Standing {
  return { version, ...(joined === undefined ? {} : { joined }) }
}
