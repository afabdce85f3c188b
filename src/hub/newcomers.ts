import { LRUCache } from 'lru-cache'
import type { Refusal } from '../domain/join.ts'
import type { Presence } from '../domain/presence.ts'
import type { Place } from '../domain/subject.ts'

/** A stamp that announces itself and is not taken in. Times are in milliseconds since the epoch. */
export interface Newcomer {
  readonly place: Place
  /** Undefined: it waits for somebody to approve it. */
  readonly refused: Refusal | undefined
  readonly presence: Presence
  readonly firstAt: number
  readonly heardAt: number
}

/** As many as are remembered: whoever announces itself under ever new names pushes out its own. */
const MOST = 1_000
/** One that has been silent for so long is gone. */
const GONE_MS = 3_600_000

/** The stamps that announce themselves and are not taken in, for people to look at; in memory only, for they say it again. */
export class Newcomers {
  readonly #known = new LRUCache<string, Newcomer>({ max: MOST })

  /** Notes one; true where that is news: it is new, or judged differently from before. */
  note(place: Place, refused: Refusal | undefined, presence: Presence, now: number): boolean {
    const key = keyOf(place)
    const before = this.#known.get(key)
    const firstAt = before?.firstAt ?? now
    this.#known.set(key, { place, refused, presence, firstAt, heardAt: now })
    return before === undefined || before.refused !== refused
  }

  forget(place: Place): void {
    this.#known.delete(keyOf(place))
  }

  /** Those of that name that were heard not long ago. */
  named(stamp: string, now: number): readonly Newcomer[] {
    return this.all(now).filter(({ place }) => place.stamp === stamp)
  }

  /** Where a stamp of that name waits for approval; undefined where none does. */
  pending(stamp: string, now: number): Newcomer | undefined {
    return this.named(stamp, now).find(({ refused }) => refused === undefined)
  }

  all(now: number): readonly Newcomer[] {
    return [...this.#known.values()].filter(({ heardAt }) => now - heardAt < GONE_MS)
  }
}

function keyOf({ geo, ring, stamp }: Place): string {
  return `${geo}.${ring}.${stamp}`
}
