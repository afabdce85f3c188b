import type { Answer, Presence } from '../../src/domain/fanin.ts'
import { begin, close, giveUp, markStarted, review, takeAnswer } from '../../src/domain/fanin.ts'
import type { FanOut, Settled, TargetRecord } from '../../src/domain/fanout.ts'
import { stopAt } from '../../src/domain/hold.ts'
import { settle } from '../../src/domain/verdict.ts'
import { ALL_ONLINE, targetOf } from './fanin-builders.ts'

/** A fan-out that is decided by the domain alone, as a hub does it, with nothing but numbers for time. */
export class WaveMachine {
  head: FanOut
  readonly records = new Map<string, TargetRecord>()
  /** Stamps in the order in which they began. */
  readonly begun: string[] = []
  /** Whether Keptn or somebody holds it back; `head.paused` does so as well. */
  isHeld = false
  presence: Presence = ALL_ONLINE
  /** Called with each begin, before it is recorded. */
  onBegin: (stamp: string, at: number) => void = () => undefined

  constructor(head: FanOut) {
    this.head = head
  }

  get settled(): Settled | undefined {
    const { settlement } = this.head
    return settlement?.kind === 'settled' ? settlement : undefined
  }

  /** Looks until nothing more follows from `now`; returns when to look again, in ms. */
  look(now: number): number {
    for (let round = 0; round < 10_000; round += 1) {
      if (this.head.settlement !== undefined) return Infinity
      const found = review(this.head, this.records, now, this.presence)
      if (found.stop !== undefined) {
        this.head = stopAt(this.head, found.stop)
        continue
      }
      for (const { stamp, givenUp } of found.givenUp)
        this.records.set(stamp, giveUp(this.records.get(stamp), givenUp))
      if (found.startedAt !== undefined) this.head = markStarted(this.head, found.startedAt)
      const isFree = !this.isHeld && this.head.paused === undefined
      if (isFree)
        for (const { target, givenUp } of found.turns) this.#turn(target.stamp, now, givenUp)
      const settlement = settle(this.head, this.records, now)
      if (settlement !== undefined) {
        this.head = close(this.head, settlement)
        return Infinity
      }
      const hasActed = found.givenUp.length > 0 || (isFree && found.turns.length > 0)
      if (!hasActed) return found.lookAt ?? Infinity
    }
    throw new Error('a look without end')
  }

  answer(stamp: string, answer: Answer): string {
    const taken = takeAnswer(this.head, targetOf(this.head, stamp), this.records.get(stamp), answer)
    if (taken.kind === 'recorded') this.records.set(stamp, taken.record)
    return taken.kind
  }

  #turn(stamp: string, now: number, givenUp: Parameters<typeof giveUp>[1] | undefined): void {
    const record = this.records.get(stamp)
    if (givenUp !== undefined) {
      this.records.set(stamp, giveUp(record, givenUp))
      return
    }
    this.onBegin(stamp, now)
    this.begun.push(stamp)
    this.records.set(stamp, begin(record, now))
  }
}
