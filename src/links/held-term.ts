import type { Term } from './term.ts'

/**
 * How long after its last renewal was sent the holder of a lease goes on, in milliseconds. Less than what the
 * lease lasts by more than the clocks of two machines may drift in that time.
 */
export const RIGHT_MS = 2_500

/** A term as its holder sees it. */
export class HeldTerm implements Term {
  readonly number: number
  readonly quietAt: number
  /** The revision of the entry that the next renewal must find. */
  revision: number
  readonly #lost = new AbortController()
  readonly #ended = new AbortController()
  #until: number

  /** `sentAt`: when the taking was sent, by `performance.now()`. */
  constructor(number: number, revision: number, sentAt: number, quietAt: number) {
    this.number = number
    this.revision = revision
    this.quietAt = quietAt
    this.#until = sentAt + RIGHT_MS
  }

  get leftMs(): number {
    if (this.#ended.signal.aborted) return 0
    return Math.max(0, this.#until - performance.now())
  }

  get lost(): AbortSignal {
    return this.#lost.signal
  }

  /** Aborted when it is renewed no more. */
  get ended(): AbortSignal {
    return this.#ended.signal
  }

  /** A renewal that was sent then has been stored. */
  renewed(revision: number, sentAt: number): void {
    this.revision = revision
    this.#until = sentAt + RIGHT_MS
  }

  /** Nobody acts in this term any more. */
  end(): void {
    this.#ended.abort()
  }

  /** Somebody else has the lease. */
  lose(): void {
    this.end()
    this.#lost.abort()
  }
}
