/** One term of the agent that leads its stamp: from taking the lease until it is lost or handed over. */
export interface Term {
  /** Grows from term to term, whoever leads. */
  readonly number: number
  /**
   * How long this agent may still act as the leader, by its own clock, in milliseconds; 0 while its lease is
   * not renewed.
   */
  readonly leftMs: number
  /** Aborted when the lease is lost for good. */
  readonly lost: AbortSignal
}

/** The right of one agent of a stamp to lead the others. */
export interface Lease {
  /**
   * Resolves as soon as this agent has the lease. `follows` is called whenever it turns out that another one
   * has it. Rejects with the signal's reason when it is aborted.
   */
  take(signal: AbortSignal, follows: () => void): Promise<Term>
  /** Lets the next agent take it at once. After a drain only: nothing of this term may be left to be done. */
  handOver(term: Term): Promise<void>
  /** Renews it no more: the next agent takes it when it has run out. */
  abandon(term: Term): void
}

/** The lease of an agent that is alone: there is nothing to hold, and nobody to hold it against. */
export class LoneLease implements Lease {
  #terms = 0

  take(): Promise<Term> {
    this.#terms += 1
    return Promise.resolve({
      number: this.#terms,
      leftMs: Infinity,
      lost: new AbortController().signal,
    })
  }

  handOver(): Promise<void> {
    return Promise.resolve()
  }

  abandon(): void {}
}
