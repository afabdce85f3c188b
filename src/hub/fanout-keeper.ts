import { close, giveUp, markStarted, review } from '../domain/fanin.ts'
import type { Presence } from '../domain/fanin.ts'
import type { FanOut, GivenUp, Settlement, TargetRecord } from '../domain/fanout.ts'
import { holdAsKeptn, stopAt } from '../domain/hold.ts'
import type { Review } from '../domain/fanin.ts'
import { polledAndBegun } from '../domain/polled-targets.ts'
import { progressOf } from '../domain/progress.ts'
import { settle } from '../domain/verdict.ts'
import { SignetError } from '../errors.ts'
import type { Log } from '../observe/log.ts'
import type { AggregateEmitter } from './aggregate-emitter.ts'
import type { FanOutStore } from './fanout-store.ts'
import type { Copies } from './copies.ts'
import type { LiveFanOut } from './live-fanout.ts'
import type { PauseWatch } from './pause-watch.ts'
import { ASK_AGAIN_MS } from './pause-watch.ts'
import { Turns } from './turns.ts'

export interface FanOutKeeperOptions {
  readonly store: FanOutStore
  readonly emitter: AggregateEmitter
  readonly presence: Presence
  readonly copies: Copies
  /** Absent: Keptn is not asked whether a sequence is paused. */
  readonly pauses?: PauseWatch | undefined
  /** Takes a copy back that its stamp has not been handed yet. */
  readonly takeBack: (sequence: number) => Promise<void>
  readonly now: () => number
  readonly log: Log
}

/** What a look at a fan-out came to: its end, or when (ms) to look again if nothing happens before. */
export type Looked = { readonly ended: Settlement } | { readonly lookAt: number }

const PROGRESS_MS = 1_000
/** How many records are written side by side. */
const SIDE_BY_SIDE = 32

/**
 * Decides about one fan-out, writes the decision down, guarded by revisions, and only then tells it. Every
 * method may be interrupted by a crash between any two lines: the next hub reads the same facts.
 */
export class FanOutKeeper {
  readonly #options: FanOutKeeperOptions
  readonly #turns: Turns

  constructor(options: FanOutKeeperOptions) {
    this.#options = options
    this.#turns = new Turns({
      ...options,
      write: (live, stamp, record) => this.write(live, stamp, record),
      giveUp: (live, stamp, givenUp) => this.#giveUp(live, stamp, givenUp),
    })
  }

  /** Gives up all targets that have not answered, or those of some stamps. */
  async giveUpAll(
    live: LiveFanOut,
    reason: GivenUp['reason'],
    only?: readonly string[],
  ): Promise<void> {
    const at = this.#options.now()
    for (const { stamp, given } of live.head.targets) {
      if (only?.includes(stamp) === false) continue
      if (given === 'sent' && live.records.get(stamp) === undefined)
        await this.#giveUp(live, stamp, { kind: 'failed', reason, at })
    }
  }

  /** Looks at the clocks and the answers; rejects where the store or the way in does not answer. */
  async look(live: LiveFanOut): Promise<Looked> {
    const { now, presence } = this.#options
    if (live.end !== undefined && live.head.settlement === undefined)
      await this.writeHead(live, close(live.head, live.end))
    if (live.head.settlement !== undefined) {
      return this.#end(live, live.head.settlement)
    }
    // For a hub that comes after this one: what was aborted must not run in a stamp that comes back.
    if (live.head.copies === undefined && live.copies.size > 0)
      await this.writeHead(live, { ...live.head, copies: Object.fromEntries(live.copies) })
    const at = now()
    const found = review(live.head, live.records, at, presence)
    if (found.stop !== undefined) {
      await this.writeHead(live, stopAt(live.head, found.stop))
      return { lookAt: at }
    }
    await this.#giveUpEach(live, found.givenUp)
    if (found.startedAt !== undefined) {
      await this.writeHead(live, markStarted(live.head, found.startedAt))
    }
    await this.#tellStarted(live)
    await this.#turns.sendUnsent(live)
    const turnsAt = await this.#takeTurns(live, found)
    const settlement = settle(live.head, live.records, at)
    if (settlement !== undefined) {
      await this.writeHead(live, close(live.head, settlement))
      return this.#end(live, live.head.settlement ?? settlement)
    }
    const progressAt = await this.#tellProgress(live, at)
    return { lookAt: Math.min(found.lookAt ?? Infinity, turnsAt, progressAt) }
  }

  /** Lets those begin whose turn has come, unless somebody holds them back; returns when to look again. */
  async #takeTurns(live: LiveFanOut, { turns }: Review): Promise<number> {
    const isHeldByKeptn = live.head.paused?.keptn !== undefined
    if (turns.length === 0 && !isHeldByKeptn) return Infinity
    const { pauses, now } = this.#options
    if (live.head.paused?.hand !== undefined && !isHeldByKeptn) return Infinity
    const state = (await pauses?.ask(live.head)) ?? 'going'
    if (state !== 'unknown')
      await this.writeHead(live, holdAsKeptn(live.head, state === 'paused', live.records, now()))
    if (state !== 'going' || live.head.paused?.keptn !== undefined) return now() + ASK_AGAIN_MS
    // Another hub may have written it meanwhile.
    if (live.head.stop !== undefined || live.head.settlement !== undefined) return now()
    if (live.head.paused !== undefined || turns.length === 0) return Infinity
    await this.#turns.take(live, turns)
    // What follows from it, the next look says.
    return now()
  }

  async #giveUpEach(live: LiveFanOut, each: Review['givenUp']): Promise<void> {
    for (let start = 0; start < each.length; start += SIDE_BY_SIDE)
      await Promise.all(
        each
          .slice(start, start + SIDE_BY_SIDE)
          .map(({ stamp, givenUp }) => this.#giveUp(live, stamp, givenUp)),
      )
  }

  async #giveUp(live: LiveFanOut, stamp: string, givenUp: GivenUp): Promise<void> {
    const record = giveUp(live.records.get(stamp), givenUp)
    if (!(await this.write(live, stamp, record))) {
      // An answer was faster: the next look sees it.
      live.isStale = true
      return
    }
    const facts = { fanout: live.head.id, task: live.head.task, stamp, reason: givenUp.reason }
    if (givenUp.kind === 'not-begun') this.#options.log.info(facts, 'A stamp will never begin.')
    else this.#options.log.warn(facts, 'A stamp is no longer waited for.')
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

  /**
   * At most one a second, and always one when another wave begins, or a stamp that polls; returns when to
   * look again for what could not be told yet.
   */
  async #tellProgress(live: LiveFanOut, at: number): Promise<number> {
    const { emitter, presence } = this.#options
    const { message, wave } = progressOf(live.head, live.records, at)
    const polled = polledAndBegun(live.head, live.records, at, presence.onNats)
    const mustName = polled.some((stamp) => !live.named.has(stamp))
    if (!mustName) {
      if (!live.isStartTold || message === live.progress) return Infinity
      if (wave === live.wave && at < live.progressAt + PROGRESS_MS)
        return live.progressAt + PROGRESS_MS
    }
    // Without waves the first is told with the .started; what follows tells of a change.
    if (mustName || live.progress !== '' || live.head.waves !== undefined) {
      const begun = [...new Set([...live.named, ...polled])]
      await emitter.progress(live.head, { message, begun }, at)
      for (const stamp of polled) live.named.add(stamp)
    }
    live.progress = message
    live.wave = wave
    live.progressAt = at
    return Infinity
  }

  async #end(live: LiveFanOut, settlement: Settlement): Promise<Looked> {
    const { store, emitter, pauses } = this.#options
    const { head } = live
    if (settlement.kind === 'settled') {
      await this.#tellStarted(live)
      await emitter.finished(head, settlement, live.records)
    } else {
      for (const stamp of live.copies.keys()) await this.#takeBack(live, stamp)
    }
    await store.end({
      id: head.id,
      ended: settlement.kind,
      ...(settlement.kind === 'settled' ? { result: settlement.result } : {}),
    })
    pauses?.forget(head.id)
    return { ended: settlement }
  }

  /** Whether the record was written; if not, the view now has what somebody else wrote. */
  async write(live: LiveFanOut, stamp: string, record: TargetRecord): Promise<boolean> {
    const { store } = this.#options
    const revision = live.revisions.get(stamp) ?? 0
    const written = await store.updateRecord(live.head.id, stamp, record, revision)
    if (written !== undefined) {
      live.keep(stamp, record, written)
      return true
    }
    if (!(await this.refresh(live, stamp))) throw raced(live.head.id)
    return false
  }

  /** Reads the record of a stamp anew; whether it has one. */
  async refresh(live: LiveFanOut, stamp: string): Promise<boolean> {
    const current = await this.#options.store.record(live.head.id, stamp)
    if (current !== undefined) live.keep(stamp, current.value, current.revision)
    return current !== undefined
  }

  /** Whether the head was written; if not, the view now has what somebody else wrote. */
  async writeHead(live: LiveFanOut, head: FanOut): Promise<boolean> {
    if (head === live.head) return true
    const { store } = this.#options
    const written = await store.updateHead(head, live.headRevision)
    if (written !== undefined) {
      live.head = head
      live.headRevision = written
      return true
    }
    const current = await store.head(head.id)
    if (current === undefined) throw raced(head.id)
    live.head = current.value
    live.headRevision = current.revision
    live.isStale = true
    return false
  }
}

/** Somebody else changes it: to be read again. */
export function raced(id: string): SignetError {
  return new SignetError('SIGNET_LINK_LOST', `Fan-out ${id} changed while it was read.`, {
    details: { fanout: id },
  })
}
