import type { BackoffRule } from '../domain/backoff.ts'
import { backoffMs } from '../domain/backoff.ts'
import { isSignetError, SignetError } from '../errors.ts'
import type { Leader, Lease, Term } from '../links/term.ts'
import { following } from './abort.ts'
import { sleep } from './clock.ts'
import type { Part } from './lifecycle.ts'
import { Lifecycle } from './lifecycle.ts'

export interface LeadershipOptions<Led> {
  readonly lease: Lease
  /** Makes what runs during a term; never used for a second one. */
  readonly make: (term: Term) => Led
  /** How long what was begun may take when the agent stops, in milliseconds. */
  readonly drainMs: number
  /** A term began or ended. */
  readonly onChange: () => void
  /** A term's parts could not be started or stopped. */
  readonly onTrouble: (error: unknown) => void
}

/** `waiting`: nobody is known to lead. */
export type Standing = 'waiting' | 'follows' | 'leads'

const RETRY: BackoffRule = { firstMs: 500, mostMs: 10_000 }

/**
 * Runs some parts in one agent of a stamp at a time (DESIGN 7.11): started when this agent takes the lease,
 * stopped when it is lost or the agent stops, and made anew for each term. On a stop they are drained first,
 * and the lease handed over after that, so that the next agent finds nothing begun.
 */
export class Leadership<Led extends { readonly parts: readonly Part[] }> implements Part {
  readonly #options: LeadershipOptions<Led>
  readonly #stopping = new AbortController()
  #standing: Standing = 'waiting'
  #term: Term | undefined
  #led: Led | undefined
  #trouble: string | undefined
  #loop: Promise<void> | undefined
  #lifecycle: Lifecycle | undefined
  /** When a drain must be over. */
  #deadline: AbortSignal | undefined
  /** What went wrong while the last term's parts were stopped. */
  #unclean: Error | undefined
  #settle: { resolve(): void; reject(error: unknown): void } | undefined

  constructor(options: LeadershipOptions<Led>) {
    this.#options = options
  }

  get name(): string {
    return this.#lifecycle?.stopping ?? 'leadership'
  }

  get standing(): Standing {
    return this.#standing
  }

  /** Whether this agent may act as the leader now. */
  get leads(): boolean {
    return (this.#term?.leftMs ?? 0) > 0
  }

  /** The number of the term in which this agent leads. */
  get term(): number | undefined {
    return this.#term?.number
  }

  /** What runs while this agent leads. */
  get led(): Led | undefined {
    return this.#led
  }

  /** Who leads the stamp, as far as is known. */
  get leader(): Leader | undefined {
    return this.#options.lease.leader
  }

  /** Why it neither leads nor could take over, or undefined. One that follows is as it should be. */
  get notReady(): string | undefined {
    const { trouble } = this.#options.lease
    if (trouble !== undefined && !this.leads) return `lease: ${trouble}`
    if (this.#trouble !== undefined) return this.#trouble
    return this.#standing === 'waiting' ? 'lease: no agent of this stamp leads yet' : undefined
  }

  /**
   * Resolves when the parts of the first term work, or when another agent leads. Rejects where they cannot
   * be started and no retry can mend it; later terms are tried again for ever.
   */
  async start(signal: AbortSignal): Promise<void> {
    const settled = new Promise<void>((resolve, reject) => {
      this.#settle = { resolve, reject }
    })
    signal.addEventListener('abort', () => this.#settle?.reject(signal.reason), { once: true })
    this.#loop = this.#run()
    await settled
    this.#settle = undefined
  }

  /** Drains what is led, then hands the lease over. Rejects with what did not stop cleanly. */
  async stop(deadline: AbortSignal): Promise<void> {
    this.#deadline = deadline
    this.#stopping.abort(new SignetError('SIGNET_STOPPED', 'The agent stops.'))
    await this.#loop
    if (this.#unclean !== undefined) throw this.#unclean
  }

  async #run(): Promise<void> {
    const { signal } = this.#stopping
    for (let attempt = 1; !signal.aborted; attempt += 1) {
      const term = await this.#take().catch(() => undefined)
      if (term === undefined) return
      if (await this.#lead(term)) attempt = 0
      else await sleep(backoffMs(RETRY, attempt, Math.random()), signal).catch(() => undefined)
    }
  }

  async #take(): Promise<Term> {
    const term = await this.#options.lease.take(this.#stopping.signal, () => {
      this.#standing = 'follows'
      this.#trouble = undefined
      this.#settle?.resolve()
    })
    this.#standing = 'leads'
    this.#term = term
    return term
  }

  /** Leads until the term is over or the agent stops; false where the parts could not be started. */
  async #lead(term: Term): Promise<boolean> {
    const led = this.#options.make(term)
    const lifecycle = new Lifecycle(led.parts, this.#options.drainMs)
    this.#led = led
    this.#lifecycle = lifecycle
    this.#options.onChange()
    using end = following({ signals: [term.lost, this.#stopping.signal] })
    const over = aborted(end.signal)
    try {
      await Promise.race([over, lifecycle.start()])
      this.#trouble = undefined
      if (lifecycle.state === 'running') this.#settle?.resolve()
      await over
      return true
    } catch (error) {
      this.#trouble = error instanceof Error ? error.message : String(error)
      this.#options.onTrouble(error)
      this.#settle?.reject(error)
      return false
    } finally {
      await this.#leave(term, lifecycle)
    }
  }

  async #leave(term: Term, lifecycle: Lifecycle): Promise<void> {
    const { lease, onTrouble, onChange } = this.#options
    try {
      await lifecycle.stop(this.#deadline)
      if (!term.lost.aborted) await lease.handOver(term)
    } catch (error) {
      onTrouble(error)
      const failures: unknown[] = error instanceof AggregateError ? error.errors : [error]
      // What only comes later than it might is no failure of a stop.
      const isHarmless = failures.every((failure) => isSignetError(failure) && failure.retryable)
      if (this.#stopping.signal.aborted && !isHarmless) this.#unclean = error as Error
    }
    // Where it was not handed over, the next leader waits until this one has surely ended.
    lease.abandon(term)
    this.#term = undefined
    this.#led = undefined
    this.#standing = 'waiting'
    onChange()
  }
}

function aborted(signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal.aborted) resolve()
    else signal.addEventListener('abort', () => resolve(), { once: true })
  })
}
