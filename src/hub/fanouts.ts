import type { Answer, Presence, Taken } from '../domain/fanin.ts'
import {
  cancel,
  close,
  giveUp,
  markStarted,
  review,
  takeAnswer,
  withdraw,
} from '../domain/fanin.ts'
import type { Cancelled, FanOut, GivenUp, Settlement, TargetRecord } from '../domain/fanout.ts'
import { progressMessage, progressOf } from '../domain/progress.ts'
import { settle } from '../domain/verdict.ts'
import type { BackoffRule } from '../domain/backoff.ts'
import { backoffMs } from '../domain/backoff.ts'
import { SignetError } from '../errors.ts'
import type { Log } from '../observe/log.ts'
import type { Metrics } from '../observe/metrics.ts'
import { sleep } from '../runtime/clock.ts'
import type { AggregateEmitter } from './aggregate-emitter.ts'
import type { FanOutStore, StoredFanOut } from './fanout-store.ts'
import { LiveFanOut } from './live-fanout.ts'

export interface FanOutsOptions {
  readonly store: FanOutStore
  readonly emitter: AggregateEmitter
  readonly presence: Presence
  /** Takes a copy back that its stamp has not been handed yet. */
  readonly takeBack: (sequence: number) => Promise<void>
  readonly now: () => number
  readonly log: Log
  readonly metrics: Metrics
}

/** What a hub makes of an answer that a stamp sent. `unknown`: no fan-out of ours asked for it. */
export type AnswerOutcome = Taken['kind'] | 'unknown' | 'conflict'

const RETRY: BackoffRule = { firstMs: 100, mostMs: 5_000 }
const PROGRESS_MS = 1_000
/** The longest timer that Node keeps exactly. */
const LONGEST_TIMER_MS = 2 ** 31 - 1

/**
 * The open fan-outs of a control plane. The bucket is the truth and this its view: whatever is decided is
 * written there first, guarded by revisions, then told; after a crash at any moment the next hub reads the
 * same facts and comes to the same decisions.
 */
export class FanOuts {
  readonly #options: FanOutsOptions
  readonly #live = new Map<string, LiveFanOut>()
  readonly #reviews = new Set<Promise<void>>()
  readonly #stopping = new AbortController()
  #isReady = false

  constructor(options: FanOutsOptions) {
    this.#options = options
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

  /** Takes an answer in. Resolves when it is kept: it may be acknowledged then. */
  async answer(triggeredid: string, stamp: string, answer: Answer): Promise<AnswerOutcome> {
    const live = this.#live.get(triggeredid)
    if (live === undefined) return (await this.#isEnded(triggeredid)) ? 'late' : 'unknown'
    for (;;) {
      const taken = takeAnswer(live.head, stamp, live.records.get(stamp), answer)
      if (taken.kind === 'repeated')
        return isConflict(live, stamp, answer) ? 'conflict' : 'repeated'
      if (taken.kind !== 'recorded') return taken.kind
      if (await this.#write(live, stamp, taken.record)) {
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

  /** Keptn no longer waits for the tasks of a stage in a context; `except` is the one it asks for now. */
  cancelStage(
    context: string,
    stage: string,
    service: string,
    reason: Cancelled['reason'],
    except?: string,
  ): void {
    for (const live of this.#live.values()) {
      const { head } = live
      if (head.context !== context || head.stage !== stage || head.id === except) continue
      if (service !== '' && head.service !== service) continue
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
        await this.#review(live)
        attempt = 0
      } catch (error) {
        live.isStale = true
        if (signal.aborted) return
        this.#options.log.debug({ error, fanout: live.head.id }, 'A fan-out waits for its store.')
        await sleep(backoffMs(RETRY, attempt, Math.random()), signal).catch(() => undefined)
      }
    }
  }

  async #review(live: LiveFanOut): Promise<void> {
    const { now, presence } = this.#options
    live.clearTimer()
    if (live.end !== undefined && live.head.settlement === undefined)
      await this.#writeHead(live, close(live.head, live.end))
    if (live.head.settlement !== undefined) {
      await this.#end(live, live.head.settlement)
      return
    }
    const at = now()
    const found = review(live.head, live.records, at, presence)
    for (const { stamp, givenUp } of found.givenUp) await this.#giveUp(live, stamp, givenUp)
    if (found.startedAt !== undefined) {
      await this.#writeHead(live, markStarted(live.head, found.startedAt))
    }
    await this.#tellStarted(live)
    const settlement = settle(live.head, live.records, at)
    if (settlement !== undefined) {
      await this.#writeHead(live, close(live.head, settlement))
      await this.#end(live, live.head.settlement ?? settlement)
      return
    }
    const progressAt = await this.#tellProgress(live, at)
    this.#lookAgain(live, Math.min(found.lookAt ?? Infinity, progressAt))
  }

  #lookAgain(live: LiveFanOut, at: number): void {
    if (at === Infinity) return
    const wait = Math.min(Math.max(at - this.#options.now(), 0), LONGEST_TIMER_MS)
    live.setTimer(wait, () => {
      this.#look(live)
    })
  }

  async #giveUp(live: LiveFanOut, stamp: string, givenUp: GivenUp): Promise<void> {
    const record = giveUp(live.records.get(stamp), givenUp)
    if (!(await this.#write(live, stamp, record))) {
      // An answer was faster: the next look sees it.
      live.isStale = true
      return
    }
    this.#options.log.warn(
      { fanout: live.head.id, task: live.head.task, stamp, reason: givenUp.reason },
      'A stamp is no longer waited for.',
    )
    await this.#takeBack(live, stamp)
  }

  async #takeBack(live: LiveFanOut, stamp: string): Promise<void> {
    const sequence = live.copies.get(stamp)
    const record = live.records.get(stamp)
    if (sequence === undefined || Object.keys(record?.started ?? {}).length > 0) return
    await this.#options.takeBack(sequence)
    live.copies.delete(stamp)
  }

  async #tellStarted(live: LiveFanOut): Promise<void> {
    if (live.head.startedAt === undefined || live.isStartTold) return
    await this.#options.emitter.started(live.head)
    live.isStartTold = true
  }

  /** At most one a second; returns when to look again for what could not be told yet. */
  async #tellProgress(live: LiveFanOut, at: number): Promise<number> {
    if (!live.isStartTold) return Infinity
    const message = progressMessage(live.head, progressOf(live.head, live.records, at))
    if (message === live.progress) return Infinity
    if (at < live.progressAt + PROGRESS_MS) return live.progressAt + PROGRESS_MS
    // The first is told with the .started; what follows tells of a change.
    if (live.progress !== '') await this.#options.emitter.progress(live.head, message, at)
    live.progress = message
    live.progressAt = at
    return Infinity
  }

  async #end(live: LiveFanOut, settlement: Settlement): Promise<void> {
    const { store, emitter, log, metrics, now } = this.#options
    const { head } = live
    if (settlement.kind === 'settled') {
      await this.#tellStarted(live)
      await emitter.finished(head, settlement, live.records)
    } else {
      for (const stamp of live.copies.keys()) await this.#takeBack(live, stamp)
    }
    const result = settlement.kind === 'settled' ? settlement.result : undefined
    await store.end({
      id: head.id,
      ended: settlement.kind,
      ...(result === undefined ? {} : { result }),
    })
    this.#live.delete(head.id)
    metrics.fanoutsOpen.set(this.#live.size)
    metrics.fanoutSeconds.observe(
      { task: head.task, result: result ?? settlement.kind },
      (now() - head.openedAt) / 1_000,
    )
    log.info(
      { fanout: head.id, task: head.task, context: head.context, ended: settlement },
      'A task has ended in its stamps.',
    )
  }

  /** Whether the record was written; if not, the view now has what somebody else wrote. */
  async #write(live: LiveFanOut, stamp: string, record: TargetRecord): Promise<boolean> {
    const { store } = this.#options
    const revision = live.revisions.get(stamp) ?? 0
    const written = await store.updateRecord(live.head.id, stamp, record, revision)
    if (written !== undefined) {
      live.keep(stamp, record, written)
      return true
    }
    const current = await store.record(live.head.id, stamp)
    if (current === undefined) throw raced(live.head.id)
    live.keep(stamp, current.value, current.revision)
    return false
  }

  async #writeHead(live: LiveFanOut, head: FanOut): Promise<void> {
    if (head === live.head) return
    const { store } = this.#options
    const written = await store.updateHead(head, live.headRevision)
    if (written !== undefined) {
      live.head = head
      live.headRevision = written
      return
    }
    const current = await store.head(head.id)
    if (current === undefined) throw raced(head.id)
    live.head = current.value
    live.headRevision = current.revision
    live.isStale = true
  }
}

/**
 * The stream of answers stores the same event once; where it has an event's id twice, the bodies differ.
 */
function isConflict(live: LiveFanOut, stamp: string, answer: Answer): boolean {
  if (answer.kind !== 'finished') return false
  const known = live.records.get(stamp)?.finished[answer.eventId]
  return known !== undefined && known.seq !== answer.seq
}

function raced(id: string): SignetError {
  return new SignetError('SIGNET_LINK_LOST', `Fan-out ${id} changed while it was read.`, {
    details: { fanout: id },
  })
}
