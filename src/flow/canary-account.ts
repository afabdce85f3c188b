import { randomUUID } from 'node:crypto'
import type { Canary, CanaryMark } from '../domain/canary.ts'

/** One side's account of the canaries between it and another one. Times are those of `performance.now()`. */
export class CanaryAccount {
  /** When one of the other side was last heard; the begin of the account before that. */
  heardAt: number
  /** When the other side last said that it has heard a newer one of ours. */
  confirmedAt: number
  readonly #run = randomUUID()
  #sent = 0
  #confirmed = 0
  #heard: CanaryMark | undefined

  constructor(now: number) {
    this.heardAt = now
    this.confirmedAt = now
  }

  /** How many of ours, sent after each other, the other side has not said it has heard. */
  get unconfirmed(): number {
    return this.#sent - this.#confirmed
  }

  /** The next one to send. */
  next(): Canary {
    this.#sent += 1
    const heard = this.#heard
    return { run: this.#run, number: this.#sent, ...(heard === undefined ? {} : { heard }) }
  }

  /** One of the other side came. Whether it confirms a newer one of ours. */
  take(canary: Canary, now: number): boolean {
    this.heardAt = now
    this.#heard = canary
    const { heard } = canary
    if (heard?.run !== this.#run || heard.number <= this.#confirmed || heard.number > this.#sent)
      return false
    this.#confirmed = heard.number
    this.confirmedAt = now
    return true
  }
}
