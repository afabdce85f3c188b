import { randomUUID } from 'node:crypto'
import { sleep } from '../runtime/clock.ts'
import type { Last } from './bucket.ts'
import { Bucket } from './bucket.ts'
import { PULL_MS } from './delivery-source.ts'
import { HeldTerm, RIGHT_MS } from './held-term.ts'
import type { Replicas } from './replicas.ts'
import type { Store } from './store.ts'
import type { Leader, Lease, Term } from './term.ts'
import { loneTerm } from './term.ts'

export interface LeaseOptions {
  /** Where the bucket is; an answer that takes longer than a second is none. */
  readonly store: Store
  readonly bucket: string
  readonly replicas: Replicas
  /** A stream there that the first leader of all makes: without it, nobody can have led before. */
  readonly witness: string
  /** This agent's id, which no other agent of the stamp has. */
  readonly agent: string
  /** Whether a server without JetStream means that there is no lease, and this agent alone. */
  readonly aloneWithoutJetStream: boolean
  /** How long an entry lasts that is not renewed, in milliseconds; default 4 s. */
  readonly leaseMs?: number
}

/** The one entry of a lease. */
export interface Holding extends Leader {
  /** Tells two processes of one agent apart: a container that was started again in its pod. */
  readonly process: string
  /** The holder has drained: nothing that it began is left. */
  readonly handedOver?: true
}

/** How a lease was taken. */
interface Taking {
  /** The entry that it took the place of. */
  readonly last: Last<Holding> | undefined
  /** That entry was written by an earlier process of this agent. */
  readonly isRestarted: boolean
  /** By `performance.now()`. */
  readonly takenAt: number
  /** When the bucket was made, by the server's clock. */
  readonly createdAt: number
}

/**
 * An entry that is not renewed goes after this, in milliseconds, by the bucket's age limit (nats-notes 4.3).
 * Measured: at once to 0.3 s later, never earlier.
 */
export const LEASE_MS = 4_000
const RENEW_MS = 1_000
/** How soon a renewal that failed is tried again, and how often those who follow look, in milliseconds. */
const LOOK_MS = 250
const KEY = 'leader'

/**
 * A lease in a bucket (DESIGN 7.11). Whoever writes the entry where there is none leads, and renews it, guarded
 * by its revision; after a drain it says so in the entry, and the next one takes it at once.
 *
 * Two clocks keep two agents from acting at once. The holder counts from the moment it *sent* its last
 * renewal, by a clock that goes on while the process is stopped, and acts for 2.5 s; the server counts from
 * the moment it stored it, and gives the entry up after 4 s. A holder that could not renew in time only
 * pauses: if nobody has taken the lease when it comes through again, it goes on in the same term.
 */
export class StoredLease implements Lease {
  readonly #options: LeaseOptions
  readonly #process = randomUUID()
  #bucket: Bucket<Holding> | undefined
  #leader: Leader | undefined
  #highest = 0
  #hasLooked = false
  #trouble: string | undefined

  constructor(options: LeaseOptions) {
    this.#options = options
  }

  get leader(): Leader | undefined {
    return this.#leader
  }

  get trouble(): string | undefined {
    return this.#trouble
  }

  async take(signal: AbortSignal, follows: () => void): Promise<Term> {
    const { store, aloneWithoutJetStream } = this.#options
    for (;;) {
      signal.throwIfAborted()
      try {
        if (aloneWithoutJetStream && (await store.hasNoJetStream())) return this.#lone()
        const term = await this.#tryToTake(await this.#open())
        this.#trouble = undefined
        if (term !== undefined) return await this.#begin(term, signal)
        if (this.#leader !== undefined) follows()
      } catch (error) {
        signal.throwIfAborted()
        this.#note(error)
      }
      await sleep(LOOK_MS, signal)
    }
  }

  async handOver(term: Term): Promise<void> {
    if (!(term instanceof HeldTerm)) return
    term.end()
    const holding = { ...this.#holding(term.number), handedOver: true } as const
    // Not written where somebody else has it by now, nor where nobody answers: then it runs out by itself.
    await (await this.#open()).update(KEY, holding, term.revision)
    this.#leader = undefined
  }

  abandon(term: Term): void {
    if (term instanceof HeldTerm) term.end()
  }

  #lone(): Term {
    const term = loneTerm()
    this.#leader = { agent: this.#options.agent, term: term.number }
    return term
  }

  async #tryToTake(bucket: Bucket<Holding>): Promise<HeldTerm | undefined> {
    const last = await bucket.last(KEY)
    const isRestarted = !this.#hasLooked && last?.value?.agent === this.#options.agent
    this.#hasLooked = true
    this.#see(last?.value)
    if (last?.value !== undefined && !isRestarted && this.#isTaken(last.value)) return undefined
    const { createdAt = 0, lastSequence = 0 } = (await this.#stream()) ?? {}
    const number = Math.max(this.#highest, lastSequence) + 1
    const sentAt = performance.now()
    const revision = await bucket.update(KEY, this.#holding(number), last?.revision ?? 0)
    if (revision === undefined) return undefined
    const takenAt = performance.now()
    this.#see(this.#holding(number))
    const quietAt = await this.#quietAt({ last, isRestarted, takenAt, createdAt }, bucket)
    return new HeldTerm(number, revision, sentAt, quietAt)
  }

  /** Of this process may be an entry that was written, and its answer lost. */
  #isTaken({ process, handedOver }: Holding): boolean {
    return handedOver !== true && process !== this.#process
  }

  /** Renews the term from now on, and waits until nobody acts any more who led before. */
  async #begin(term: HeldTerm, signal: AbortSignal): Promise<Term> {
    void this.#renew(term)
    try {
      await sleep(Math.max(0, term.quietAt - performance.now()), signal)
      return term
    } catch (error) {
      term.end()
      throw error
    }
  }

  async #renew(term: HeldTerm): Promise<void> {
    let wait = RENEW_MS
    while (!term.ended.aborted) {
      await sleep(wait, term.ended).catch(() => undefined)
      if (term.ended.aborted) return
      const sentAt = performance.now()
      wait = LOOK_MS
      try {
        const bucket = await this.#open()
        const revision = await bucket.update(KEY, this.#holding(term.number), term.revision)
        if (revision !== undefined) {
          term.renewed(revision, sentAt)
          this.#trouble = undefined
          wait = Math.max(0, sentAt + RENEW_MS - performance.now())
        } else if (!(await this.#isStillOurs(term, bucket))) term.lose()
      } catch (error) {
        this.#note(error)
      }
    }
  }

  /** After a renewal that found another entry than it left. */
  async #isStillOurs(term: HeldTerm, bucket: Bucket<Holding>): Promise<boolean> {
    const sentAt = performance.now()
    const last = await bucket.last(KEY)
    this.#see(last?.value)
    if (last?.value !== undefined) {
      // An earlier renewal was stored, and its answer lost: how long it holds is not known.
      term.revision = last.revision
      return last.value.process === this.#process
    }
    // Gone before its time: the bucket was made anew, or somebody has deleted it. Nobody has taken it yet.
    if (term.leftMs <= 0) return false
    const holding = this.#holding(term.number)
    const revision = await bucket.update(KEY, holding, last?.revision ?? 0)
    if (revision === undefined) return false
    term.renewed(revision, sentAt)
    this.#see(holding)
    return true
  }

  /**
   * From when on nobody acts any more who led before, by `performance.now()`. An entry that has run out was
   * renewed for the last time a whole lease ago or earlier; one that is gone for another reason may have been
   * renewed just now, and so may one in a bucket that is younger than a lease.
   */
  async #quietAt(
    { last, isRestarted, takenAt, createdAt }: Taking,
    bucket: Bucket<Holding>,
  ): Promise<number> {
    if (last?.value?.handedOver === true) return -Infinity
    // What the process before this one had asked of a consumer may be answered for so long.
    if (isRestarted) return PULL_MS
    if (last !== undefined) return takenAt + RIGHT_MS
    const storedAt = (await bucket.last(KEY))?.storedAt ?? createdAt
    const { store, witness, leaseMs = LEASE_MS } = this.#options
    if (storedAt - createdAt >= leaseMs) return takenAt - leaseMs + RIGHT_MS
    const isFirst = (await store.stream(witness)) === undefined
    return isFirst ? takenAt : takenAt + RIGHT_MS
  }

  #holding(term: number): Holding {
    return { agent: this.#options.agent, term, process: this.#process }
  }

  #see(holding: Holding | undefined): void {
    const isHeld = holding !== undefined && holding.handedOver !== true
    this.#leader = isHeld ? { agent: holding.agent, term: holding.term } : undefined
    this.#highest = Math.max(this.#highest, holding?.term ?? 0)
  }

  #note(error: unknown): void {
    this.#trouble = error instanceof Error ? error.message : String(error)
    // It may be gone, and is made again then.
    this.#bucket = undefined
  }

  #stream() {
    return this.#options.store.stream(`KV_${this.#options.bucket}`)
  }

  async #open(): Promise<Bucket<Holding>> {
    const { store, bucket: name, replicas, leaseMs: ttlMs = LEASE_MS } = this.#options
    this.#bucket ??= await Bucket.open<Holding>(store, { name, ttlMs, replicas })
    return this.#bucket
  }
}
