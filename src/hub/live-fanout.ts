import type { FanOut, Settlement, Target, TargetRecord } from '../domain/fanout.ts'
import type { StoredFanOut } from './fanout-store.ts'

/** A hub's view of one open fan-out, with what it needs to remember between two looks. */
export class LiveFanOut {
  head: FanOut
  headRevision: number
  readonly targets: ReadonlyMap<string, Target>
  readonly records = new Map<string, TargetRecord>()
  readonly revisions = new Map<string, number>()
  /** Where the copies for the stamps lie, so that they can be taken back. */
  readonly copies = new Map<string, number>()
  /** In waves: whose turn has come, and of whose copy nobody noted where it lies. */
  readonly unsent = new Set<string>()
  /** An end that was decided outside, and is still to be written. */
  end: Settlement | undefined
  isReviewed = false
  /** When it was last looked at, in ms. */
  lookedAt = 0
  isStale = false
  isStartTold = false
  progress = ''
  /** The stamps that poll and were told by name that they may begin. */
  readonly named = new Set<string>()
  /** The wave that progress was last told of; -1 before. */
  wave = -1
  progressAt = 0
  #timer: NodeJS.Timeout | undefined
  #last: Promise<unknown> = Promise.resolve()
  #waiting = 0

  constructor({ head, revision, records }: StoredFanOut) {
    this.head = head
    this.headRevision = revision
    this.targets = new Map(head.targets.map((target) => [target.stamp, target]))
    for (const [stamp, sequence] of Object.entries(head.copies ?? {}))
      this.copies.set(stamp, sequence)
    for (const [stamp, { value, revision }] of records) {
      this.keep(stamp, value, revision)
      // The hub before this one may have ended between the two.
      const isSent = value.copy !== undefined || this.targets.get(stamp)?.link === 'https'
      if (value.begunAt !== undefined && !isSent) this.unsent.add(stamp)
    }
  }

  keep(stamp: string, record: TargetRecord, revision: number): void {
    this.records.set(stamp, record)
    this.revisions.set(stamp, revision)
    if (record.copy !== undefined) this.copies.set(stamp, record.copy)
  }

  /** Whether somebody waits to change it: who does many things one after the other makes way then. */
  get isContended(): boolean {
    return this.#waiting > 0
  }

  /** Works on it alone, after whoever does now; answers are taken in meanwhile. */
  async exclusively<T>(work: () => Promise<T>): Promise<T> {
    this.#waiting += 1
    const before = this.#last
    const mine = (async () => {
      await before
      this.#waiting -= 1
      return work()
    })()
    this.#last = mine.catch(() => undefined)
    return mine
  }

  setTimer(ms: number, run: () => void): void {
    this.clearTimer()
    this.#timer = setTimeout(run, ms)
    this.#timer.unref()
  }

  clearTimer(): void {
    clearTimeout(this.#timer)
  }
}
