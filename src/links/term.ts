import { SignetError } from '../errors.ts'

/** The right to act as the one leader of a stamp; everything that writes or reads as the leader asks for it. */
export interface Right {
  /**
   * For how long it certainly lasts, by this agent's own clock, in milliseconds; 0 while the lease is not
   * renewed, when another agent may be about to take it.
   */
  readonly leftMs: number
}

/** One term of the agent that leads its stamp: from taking the lease until it is lost or handed over. */
export interface Term extends Right {
  /** Grows from term to term, whoever leads. */
  readonly number: number
  /** Aborted when the lease is lost for good. */
  readonly lost: AbortSignal
  /**
   * By `performance.now()`: from then on nobody acts any more who led before. -Infinity where the lease was
   * handed over after a drain, which leaves nothing begun.
   */
  readonly quietAt: number
}

/** Who leads a stamp, as far as an agent knows. */
export interface Leader {
  readonly agent: string
  readonly term: number
}

/** What agents of one stamp hold against each other. */
export interface Lease {
  /** Who was last seen to have it. */
  readonly leader: Leader | undefined
  /** Why it can neither be taken nor renewed now, or undefined. */
  readonly trouble: string | undefined
  /**
   * Resolves as soon as this agent has the lease. `follows` is called whenever it turns out that another one
   * has it. Rejects with the signal's reason when it is aborted.
   */
  take(signal: AbortSignal, follows: () => void): Promise<Term>
  /** Lets the next agent take it at once. After a drain only: nothing of this term may be left begun. */
  handOver(term: Term): Promise<void>
  /** Renews it no more: the next agent takes it when it has run out. */
  abandon(term: Term): void
}

/** The right of whoever needs none: an agent that is alone, and tests. */
export const ALWAYS: Right = { leftMs: Infinity }

/** Throws `SIGNET_NOT_LEADING` where the right is not held now. */
export function mustHold(right: Right): void {
  if (right.leftMs <= 0) throw notLeading()
}

export function notLeading(): SignetError {
  return new SignetError(
    'SIGNET_NOT_LEADING',
    'The lease of this stamp is not renewed at the moment.',
  )
}

/** The term of an agent that is alone: there is nobody to hold a lease against. */
export function loneTerm(): Term {
  return {
    number: 1,
    leftMs: Infinity,
    lost: new AbortController().signal,
    quietAt: performance.now(),
  }
}
