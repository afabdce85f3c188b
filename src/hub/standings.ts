import type { Standing } from '../domain/stamp-standing.ts'
import {
  NO_STANDING,
  parseStanding,
  STANDING_PREFIX,
  standingKey,
} from '../domain/stamp-standing.ts'
import type { Bucket } from '../links/bucket.ts'

interface Kept {
  readonly standing: Standing
  readonly revision: number
}

/**
 * What was decided of stamps, kept in the bucket of stamps: a new hub knows it at once. Each decision is
 * written before it holds, with the revision it was made from, so that two hubs at once lose none.
 */
export class Standings {
  readonly #bucket: Bucket<unknown>
  readonly #kept = new Map<string, Kept>()

  constructor(bucket: Bucket<unknown>) {
    this.#bucket = bucket
  }

  async load(): Promise<void> {
    for (const { key, value, revision } of await this.#bucket.load(`${STANDING_PREFIX}*`))
      this.#kept.set(key.slice(STANDING_PREFIX.length), {
        standing: parseStanding(value) ?? NO_STANDING,
        revision,
      })
  }

  /** All of which something was decided. */
  names(): readonly string[] {
    return [...this.#kept.keys()]
  }

  get(stamp: string): Standing {
    return this.#kept.get(stamp)?.standing ?? NO_STANDING
  }

  /** Resolves with what holds now, once it is stored. Rejects where the hub store is away. */
  async change(stamp: string, change: (standing: Standing) => Standing): Promise<Standing> {
    for (;;) {
      const { standing, revision } = this.#kept.get(stamp) ?? { standing: NO_STANDING, revision: 0 }
      const next = change(standing)
      if (revision > 0 && JSON.stringify(next) === JSON.stringify(standing)) return standing
      const written = await this.#bucket.update(standingKey(stamp), next, revision)
      if (written !== undefined) {
        this.#kept.set(stamp, { standing: next, revision: written })
        return next
      }
      await this.#readAgain(stamp)
    }
  }

  async forget(stamp: string): Promise<void> {
    await this.#bucket.forget(standingKey(stamp))
    this.#kept.delete(stamp)
  }

  /** Another hub was faster, or our own answer got lost. */
  async #readAgain(stamp: string): Promise<void> {
    const entry = await this.#bucket.get(standingKey(stamp))
    if (entry === undefined) this.#kept.delete(stamp)
    else
      this.#kept.set(stamp, {
        standing: parseStanding(entry.value) ?? NO_STANDING,
        revision: entry.revision,
      })
  }
}
