import type { Answer, Taken } from '../domain/fanin.ts'
import { cancel, takeAnswer, withdraw } from '../domain/fanin.ts'
import type { Cancelled, FanOut, Settlement, TargetRecords } from '../domain/fanout.ts'
import { abortByHand, pauseByHand, resumeByHand } from '../domain/hold.ts'
import type { StampName } from '../domain/subject.ts'
import type { SignetError } from '../errors.ts'
import { isSignetError } from '../errors.ts'
import type { Metrics } from '../observe/metrics.ts'
import type { Tracing } from '../observe/tracing.ts'
import type { FanOutKeeperOptions } from './fanout-keeper.ts'
import { FanOutKeeper, raced } from './fanout-keeper.ts'
import { FanOutReviews } from './fanout-reviews.ts'
import type { StoredFanOut } from './fanout-store.ts'
import { LiveFanOut } from './live-fanout.ts'

export interface FanOutsOptions extends FanOutKeeperOptions {
  readonly metrics: Metrics
  readonly tracing?: Tracing | undefined
}

/** What a hub makes of an answer that a stamp sent. `unknown`: no fan-out of ours asked for it. */
export type AnswerOutcome = Exclude<Taken['kind'], 'unasked'> | 'unknown' | 'conflict'

/**
 * What became of a wish to pause, resume or abort a fan-out. `unchanged`: it is so already, or there is
 * nothing that could be held back; `ended`: it was over before; `unknown`: there is none of this id.
 */
export type Controlled = 'done' | 'unchanged' | 'ended' | 'unknown'

/** What Keptn has said of a stage in a context. */
export interface StageOver {
  readonly context: string
  readonly stage: string
  readonly reason: Cancelled['reason']
  /** When Keptn's stream took in the event that says so, in milliseconds since the epoch. */
  readonly saidAt: number
}

/**
 * The open fan-outs of a control plane. The bucket is the truth and this its view: whatever is decided is
 * written there first, guarded by revisions, then told; after a crash at any moment the next hub reads the
 * same facts and comes to the same decisions.
 */
export class FanOuts {
  readonly #options: FanOutsOptions
  readonly #keeper: FanOutKeeper
  readonly #live = new Map<string, LiveFanOut>()
  readonly #reviews: FanOutReviews
  #isReady = false

  constructor(options: FanOutsOptions) {
    this.#options = options
    this.#keeper = new FanOutKeeper(options)
    this.#reviews = new FanOutReviews({
      ...options,
      look: (live) => this.#keeper.look(live),
      onEnd: (live, settlement) => {
        this.#forget(live, settlement)
      },
    })
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

  /** All that are open, as they stand now; not to be kept. */
  *standing(): Iterable<{ readonly head: FanOut; readonly records: TargetRecords }> {
    yield* this.#live.values()
  }

  /** One that is open, by the id of its `.triggered`, with what its stamps have answered so far. */
  find(id: string): { readonly head: FanOut; readonly records: TargetRecords } | undefined {
    const live = this.#live.get(id)
    return live === undefined ? undefined : { head: live.head, records: new Map(live.records) }
  }

  /**
   * From now on no target of a fan-out begins; those that run go on. Resolves when that is recorded, with
   * who asked for it; rejects where the hub store does not answer, and then it may be recorded or not.
   */
  pause(id: string, by: string): Promise<Controlled> {
    return this.#control(id, ({ head }) => pauseByHand(head, by, this.#options.now()))
  }

  /** Undoes a pause by hand; where Keptn has paused the sequence too, that one stays. As `pause`. */
  resume(id: string, by: string): Promise<Controlled> {
    this.#options.log.info({ fanout: id, by }, 'A fan-out is to go on.')
    return this.#control(id, ({ head, records }) =>
      resumeByHand(head, records, this.#options.now()),
    )
  }

  /**
   * Ends a fan-out as failed: nobody is waited for, copies that nobody has fetched are taken back, and later
   * answers are late. As `pause`; Keptn is told a moment later.
   */
  abort(id: string, by: string): Promise<Controlled> {
    return this.#control(id, ({ head }) => abortByHand(head, by, this.#options.now()))
  }

  /** How many open fan-outs a stamp takes part in. */
  busy(stamp: string): number {
    let count = 0
    for (const { targets } of this.#live.values()) if (targets.has(stamp)) count += 1
    return count
  }

  /** Whether an open fan-out has asked a stamp. */
  isTarget(id: string, { geo, stamp }: StampName): boolean {
    const targets = this.#live.get(id)?.head.targets ?? []
    return targets.some((target) => target.stamp === stamp && target.geo === geo)
  }

  /** Whether any open fan-out has asked a stamp. */
  isWaitingFor(stamp: StampName): boolean {
    return [...this.#live.keys()].some((id) => this.isTarget(id, stamp))
  }

  /**
   * Opens a fan-out and returns its head: the given one, or the one that an earlier try has opened, whose
   * targets count. Undefined where it has ended already. One in waves keeps `body` for the copies that it
   * makes as turns come; rejects with SIGNET_TOO_LARGE where the body is too large for that, after giving
   * its targets up.
   */
  async begin(head: FanOut, body: Uint8Array): Promise<FanOut | undefined> {
    const { store, metrics } = this.#options
    const known = this.#live.get(head.id)
    if (known !== undefined) return known.head
    if ((await store.ended(head.id)) !== undefined) return undefined
    const refusal = head.waves === undefined ? undefined : await this.#keepEvent(head.id, body)
    const revision = await store.createHead(head)
    if (revision === undefined) {
      const existing = await store.load(head.id)
      if (existing === undefined) throw raced(head.id)
      return this.#looked(this.#adopt(existing))
    }
    metrics.fanoutTargets.observe({ task: head.task }, head.targets.length)
    this.#options.log.info(
      { fanout: head.id, task: head.task, context: head.context, targets: head.targets.length },
      'A task goes out to stamps.',
    )
    const live = this.#adopt({ head, revision, records: new Map() })
    if (refusal === undefined) return this.#looked(live)
    await this.undeliverable(head.id)
    throw refusal
  }

  /** Whether these are the bytes that a fan-out in waves was opened with; true where they are not kept. */
  isOpenedWith(id: string, body: Uint8Array): Promise<boolean> {
    return this.#options.store.keepEvent(id, body)
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

  /** The event may not go to the geo of some targets: they are not waited for. */
  async refused(id: string, stamps: readonly string[]): Promise<void> {
    const live = this.#live.get(id)
    if (live === undefined || stamps.length === 0) return
    await this.#keeper.giveUpAll(live, 'residency', stamps)
    this.#look(live)
  }

  /** A task that is over is sent again: its answers are to be late, for as long as those of one that just ended. */
  async closed(id: string): Promise<void> {
    if (this.#live.has(id)) return
    const { store } = this.#options
    await store.end((await store.ended(id)) ?? { id, ended: 'withdrawn' })
  }

  /** Takes an answer in. Resolves when it is kept: it may be acknowledged then. */
  async answer(triggeredid: string, stamp: string, answer: Answer): Promise<AnswerOutcome> {
    const live = this.#live.get(triggeredid)
    if (live === undefined) return (await this.#isEnded(triggeredid)) ? 'late' : 'unknown'
    for (let isFresh = false; ;) {
      const taken = takeAnswer(live.head, live.targets.get(stamp), live.records.get(stamp), answer)
      if (taken.kind === 'unasked') {
        // Another hub may have begun it; what nobody has asked for is nobody's answer.
        if (isFresh) return 'stranger'
        await this.#keeper.refresh(live, stamp)
        isFresh = true
        continue
      }
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
    for (const live of this.#live.values()) live.clearTimer()
    await this.#reviews.stop()
  }

  async #control(id: string, change: (live: LiveFanOut) => FanOut): Promise<Controlled> {
    const live = this.#live.get(id)
    if (live === undefined) return (await this.#isEnded(id)) ? 'ended' : 'unknown'
    const controlled = await live.exclusively(async (): Promise<Controlled> => {
      for (;;) {
        if (live.head.settlement !== undefined || live.end !== undefined) return 'ended'
        const head = change(live)
        if (head === live.head) return 'unchanged'
        if (await this.#keeper.writeHead(live, head)) return 'done'
      }
    })
    this.#look(live)
    return controlled
  }

  #adopt(stored: StoredFanOut): LiveFanOut {
    const live = new LiveFanOut(stored)
    this.#live.set(stored.head.id, live)
    return live
  }

  /** Clocks look at one in waves from now on; any other is looked at when its copies are stored. */
  #looked(live: LiveFanOut): FanOut {
    if (live.head.waves !== undefined) this.#look(live)
    return live.head
  }

  async #keepEvent(id: string, body: Uint8Array): Promise<SignetError | undefined> {
    try {
      await this.#options.store.keepEvent(id, body)
      return undefined
    } catch (error) {
      if (isSignetError(error, 'SIGNET_TOO_LARGE')) return error
      throw error
    }
  }

  async #isEnded(id: string): Promise<boolean> {
    return (await this.#options.store.ended(id)) !== undefined
  }

  #endAs(live: LiveFanOut, settlement: Settlement): void {
    live.end ??= settlement
    this.#look(live)
  }

  #look(live: LiveFanOut): void {
    if (this.#isReady) this.#reviews.ask(live)
  }

  #forget({ head }: LiveFanOut, settlement: Settlement): void {
    const { log, metrics, tracing, now } = this.#options
    this.#live.delete(head.id)
    const result = settlement.kind === 'settled' ? settlement.result : settlement.kind
    metrics.fanoutSeconds.observe({ task: head.task, result }, (now() - head.openedAt) / 1_000)
    tracing?.ended(head, result)
    log.info(
      { fanout: head.id, task: head.task, context: head.context, ended: settlement },
      'A task has ended in its stamps.',
    )
  }
}

/**
 * The stream of answers stores the same event once; where it has an event's id twice, the bodies differ.
 */
function isConflict(live: LiveFanOut, stamp: string, answer: Answer): boolean {
  const known = live.records.get(stamp)?.[answer.kind][answer.eventId]
  return known?.seq !== undefined && known.seq !== answer.seq
}
