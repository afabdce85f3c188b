import type { FanOut, Settlement, TargetRecord } from '../domain/fanout.ts'
import type { StoredFanOut } from './fanout-store.ts'

/** A hub's view of one open fan-out, with what it needs to remember between two looks. */
export class LiveFanOut {
  head: FanOut
  headRevision: number
  readonly records = new Map<string, TargetRecord>()
  readonly revisions = new Map<string, number>()
  /** Where the copies for the stamps lie, so that they can be taken back. */
  readonly copies = new Map<string, number>()
  /** An end that was decided outside, and is still to be written. */
  end: Settlement | undefined
  isReviewed = false
  isStale = false
  isStartTold = false
  progress = ''
  progressAt = 0
  #timer: NodeJS.Timeout | undefined

  constructor({ head, revision, records }: StoredFanOut) {
    this.head = head
    this.headRevision = revision
    for (const [stamp, sequence] of Object.entries(head.copies ?? {}))
      this.copies.set(stamp, sequence)
    for (const [stamp, entry] of records) this.keep(stamp, entry.value, entry.revision)
  }

  keep(stamp: string, record: TargetRecord, revision: number): void {
    this.records.set(stamp, record)
    this.revisions.set(stamp, revision)
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
