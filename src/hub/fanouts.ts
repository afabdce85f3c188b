import type { BackoffRule } from '../domain/backoff.ts'
import { backoffMs } from '../domain/backoff.ts'
import type { Answer, Taken } from '../domain/fanin.ts'
import { cancel, takeAnswer, withdraw } from '../domain/fanin.ts'
import type { Cancelled, FanOut, Settlement } from '../domain/fanout.ts'
import { isSignetError, SignetError } from '../errors.ts'
import type { Metrics } from '../observe/metrics.ts'
import { sleep } from '../runtime/clock.ts'
import type { FanOutKeeperOptions, Looked } from './fanout-keeper.ts'
import { FanOutKeeper, raced } from './fanout-keeper.ts'
import type { StoredFanOut } from './fanout-store.ts'
import { LiveFanOut } from './live-fanout.ts'

export interface FanOutsOptions extends FanOutKeeperOptions {
  readonly metrics: Metrics
}

/** What a hub makes of an answer that a stamp sent. `unknown`: no fan-out of ours asked for it. */
export type AnswerOutcome = Taken['kind'] | 'unknown' | 'conflict'

/** What Keptn has said of a stage in a context. */
export interface StageOver {
  readonly context: string
  readonly stage: string
  readonly reason: Cancelled['reason']
  /** When Keptn's stream took in the event that says so, in milliseconds since the epoch. */
  readonly saidAt: number
}

const RETRY: BackoffRule = { firstMs: 100, mostMs: 5_000 }
/** The longest timer that Node keeps exactly. */
const LONGEST_TIMER_MS = 2 ** 31 - 1

/**
 * The open fan-outs of a control plane. The bucket is the truth and this its view: whatever is decided is
 * written there first, guarded by revisions, then told; after a crash at any moment the next hub reads the
 * same facts and comes to the same decisions.
 */
export class FanOuts {
  readonly #options: FanOutsOptions
  readonly #keeper: FanOutKeeper
  readonly #live = new Map<string, LiveFanOut>()
  readonly #reviews = new Set<Promise<void>>()
  readonly #stopping = new AbortController()
  #isReady = false

  constructor(options: FanOutsOptions) {
    this.#options = options
    this.#keeper = new FanOutKeeper(options)
  }

  /** Reads what is open. Nothing is decided before `ready`. */
  async load(): Promise<void> {
    for (const stored of await this.#options.store.loadOpen()) this.#adopt(stored)
  }

  /** From now on clocks count: the answers that came while no hub ran have been taken in. */
  ready(): void {
    this.#isReady = true
    for (const live of this.#live.values()) this.#look(live)
  }

  get open(): number {
    return this.#live.size
  }

  /** The heads of all that are open, for `/status`. */
  heads(): readonly FanOut[] {
    return [...this.#live.values()].map(({ head }) => head)
  }

  /** How many open fan-outs a stamp takes part in. */
  busy(stamp: string): number {
    let count = 0
    for (const { head } of this.#live.values())
      if (head.targets.some((target) => target.stamp === stamp)) count += 1
    return count
  }

  /**
   * Opens a fan-out and returns its head: the given one, or the one that an earlier try has opened, whose
   * targets count. Undefined where it has ended already.
   */
  async begin(head: FanOut): Promise<FanOut | undefined> {
    const { store, metrics } = this.#options
    const known = this.#live.get(head.id)
    if (known !== undefined) return known.head
    if ((await store.ended(head.id)) !== undefined) return undefined
    const revision = await store.createHead(head)
    if (revision === undefined) {
      const existing = await store.load(head.id)
      if (existing === undefined) throw raced(head.id)
      return this.#adopt(existing).head
    }
    metrics.fanoutTargets.observe({ task: head.task }, head.targets.length)
    this.#options.log.info(
      { fanout: head.id, task: head.task, context: head.context, targets: head.targets.length },
      'A task goes out to stamps.',
    )
    return this.#adopt({ head, revision, records: new Map() }).head
  }

  /** The copies of a fan-out are stored: where they lie, by stamp. Clocks look at it from now on. */
  sent(id: string, sequences: ReadonlyMap<string, number>): void {
    const live = this.#live.get(id)
    if (live === undefined) return
    for (const [stamp, sequence] of sequences) live.copies.set(stamp, sequence)
    this.#look(live)
  }

  /** No copy of a fan-out can be stored, now or later: its targets are not waited for. */
  async undeliverable(id: string): Promise<void> {
    const live = this.#live.get(id)
    if (live === undefined) return
    await this.#keeper.giveUpAll(live, 'undeliverable')
    this.#look(live)
  }

  /** Takes an answer in. Resolves when it is kept: it may be acknowledged then. */
  async answer(triggeredid: string, stamp: string, answer: Answer): Promise<AnswerOutcome> {
    const live = this.#live.get(triggeredid)
    if (live === undefined) return (await this.#isEnded(triggeredid)) ? 'late' : 'unknown'
    for (;;) {
      const taken = takeAnswer(live.head, stamp, live.records.get(stamp), answer)
      if (taken.kind === 'repeated')
        return isConflict(live, stamp, answer) ? 'conflict' : 'repeated'
      if (taken.kind !== 'recorded') return taken.kind
      if (await this.#keeper.write(live, stamp, taken.record)) {
        this.#look(live)
        return 'recorded'
      }
    }
  }

  /** An integration at home has taken a task up. */
  homeAnswered(triggeredid: string): void {
    const live = this.#live.get(triggeredid)
    if (live === undefined) return
    const withdrawn = withdraw(live.head, live.records, 'answered-at-home', this.#options.now())
    if (withdrawn?.settlement !== undefined) {
      this.#endAs(live, withdrawn.settlement)
      return
    }
    this.#options.log.warn(
      { fanout: live.head.id, task: live.head.task },
      'An integration at home answers a task that stamps were asked for; Keptn counts both.',
    )
  }

  /** Keptn no longer waits for the tasks of a stage in a context. */
  cancelStage({ context, stage, reason, saidAt }: StageOver): void {
    for (const live of this.#live.values()) {
      const { head } = live
      if (head.context !== context || head.stage !== stage) continue
      // A server that was killed hands out old events again: they end nothing that came with or after them.
      if (head.storedAt !== undefined && saidAt <= head.storedAt) continue
      const { settlement } = cancel(head, reason, this.#options.now())
      if (settlement !== undefined && head.settlement === undefined) this.#endAs(live, settlement)
    }
  }

  /** Somebody came or went: whoever waits for them looks again. */
  presenceChanged(): void {
    for (const live of this.#live.values()) this.#look(live)
  }

  /** Waits for what is being decided. */
  async stop(): Promise<void> {
    this.#stopping.abort(new SignetError('SIGNET_STOPPED', 'The hub stops.'))
    for (const live of this.#live.values()) live.clearTimer()
    await Promise.all(this.#reviews)
  }

  #adopt(stored: StoredFanOut): LiveFanOut {
    const live = new LiveFanOut(stored)
    this.#live.set(stored.head.id, live)
    this.#options.metrics.fanoutsOpen.set(this.#live.size)
    return live
  }

  async #isEnded(id: string): Promise<boolean> {
    return (await this.#options.store.ended(id)) !== undefined
  }

  #endAs(live: LiveFanOut, settlement: Settlement): void {
    live.end ??= settlement
    this.#look(live)
  }

  /** One review of a fan-out at a time; whoever asks meanwhile gets another one after it. */
  #look(live: LiveFanOut): void {
    if (!this.#isReady || this.#stopping.signal.aborted) return
    live.isStale = true
    if (live.isReviewed) return
    live.isReviewed = true
    const reviewing = this.#reviewUntilDone(live).finally(() => {
      live.isReviewed = false
      this.#reviews.delete(reviewing)
    })
    this.#reviews.add(reviewing)
  }

  async #reviewUntilDone(live: LiveFanOut): Promise<void> {
    const { signal } = this.#stopping
    for (let attempt = 1; live.isStale && !signal.aborted; attempt += 1) {
      live.isStale = false
      try {
        live.clearTimer()
        this.#looked(live, await this.#keeper.look(live))
        attempt = 0
      } catch (error) {
        live.isStale = true
        if (signal.aborted) return
        const { log } = this.#options
        const facts = { error, fanout: live.head.id, task: live.head.task }
        if (isSignetError(error) && error.retryable) log.debug(facts, 'A fan-out waits.')
        else log.warn(facts, 'A fan-out cannot go on; it is tried again.')
        await sleep(backoffMs(RETRY, attempt, Math.random()), signal).catch(() => undefined)
      }
    }
  }

  #forget({ head }: LiveFanOut, settlement: Settlement): void {
    const { log, metrics, now } = this.#options
    this.#live.delete(head.id)
    metrics.fanoutsOpen.set(this.#live.size)
    metrics.fanoutSeconds.observe(
      {
        task: head.task,
        result: settlement.kind === 'settled' ? settlement.result : settlement.kind,
      },
      (now() - head.openedAt) / 1_000,
    )
    log.info(
      { fanout: head.id, task: head.task, context: head.context, ended: settlement },
      'A task has ended in its stamps.',
    )
  }

  #looked(live: LiveFanOut, looked: Looked): void {
    if ('ended' in looked) {
      this.#forget(live, looked.ended)
      return
    }
    if (looked.lookAt === Infinity) return
    const wait = Math.min(Math.max(looked.lookAt - this.#options.now(), 0), LONGEST_TIMER_MS)
    live.setTimer(wait, () => {
      this.#look(live)
    })
  }
}

/**
 * The stream of answers stores the same event once; where it has an event's id twice, the bodies differ.
 */
function isConflict(live: LiveFanOut, stamp: string, answer: Answer): boolean {
  const known = live.records.get(stamp)?.[answer.kind][answer.eventId]
  return known?.seq !== undefined && known.seq !== answer.seq
}
