import { begin } from '../domain/fanin.ts'
import type { GivenUp, Target, TargetRecord } from '../domain/fanout.ts'
import { tailOf } from '../domain/subject.ts'
import type { Turn } from '../domain/waves.ts'
import { isSignetError } from '../errors.ts'
import type { Log } from '../observe/log.ts'
import type { Copies } from './copies.ts'
import type { FanOutStore } from './fanout-store.ts'
import type { LiveFanOut } from './live-fanout.ts'

export interface TurnsOptions {
  readonly store: FanOutStore
  readonly copies: Copies
  readonly write: (live: LiveFanOut, stamp: string, record: TargetRecord) => Promise<boolean>
  readonly giveUp: (live: LiveFanOut, stamp: string, givenUp: GivenUp) => Promise<void>
  readonly now: () => number
  readonly log: Log
}

/** How many targets begin side by side. */
const SIDE_BY_SIDE = 32

/**
 * Lets targets begin whose turn has come: the record first, guarded by its revision, then the copy, then
 * where it lies. A crash between any two costs a second copy, which the stream DOWN calls a duplicate.
 */
export class Turns {
  readonly #options: TurnsOptions

  constructor(options: TurnsOptions) {
    this.#options = options
  }

  /** Makes way when somebody waits to pause, stop or end the fan-out. */
  async take(live: LiveFanOut, turns: readonly Turn[]): Promise<void> {
    const body = await this.#options.store.event(live.head.id)
    for (let start = 0; start < turns.length; start += SIDE_BY_SIDE) {
      if (live.isContended || live.end !== undefined) return
      const slice = turns.slice(start, start + SIDE_BY_SIDE)
      await Promise.all(
        slice.map(({ target, givenUp }) =>
          givenUp === undefined
            ? this.#begin(live, target, body)
            : this.#options.giveUp(live, target.stamp, givenUp),
        ),
      )
    }
  }

  /** Sends what a hub before this one, or an earlier try, left unsent. */
  async sendUnsent(live: LiveFanOut): Promise<void> {
    if (live.unsent.size === 0) return
    const body = await this.#options.store.event(live.head.id)
    for (const stamp of live.unsent) {
      const target = live.targets.get(stamp)
      if (target !== undefined) await this.#send(live, target, body)
    }
  }

  async #begin(live: LiveFanOut, target: Target, body: Uint8Array | undefined): Promise<void> {
    const { stamp } = target
    const { write, now, log } = this.#options
    const record = live.records.get(stamp)
    // Somebody else was faster: the next look sees what became of it.
    if (!(await write(live, stamp, begin(record, now())))) return
    if (target.link !== 'https') live.unsent.add(stamp)
    log.info({ fanout: live.head.id, task: live.head.task, stamp }, 'A stamp begins.')
    // Where NATS is forbidden there is nobody to fetch a copy: it is named, and polls.
    if (target.link !== 'https') await this.#send(live, target, body)
  }

  async #send(live: LiveFanOut, target: Target, body: Uint8Array | undefined): Promise<void> {
    const { stamp } = target
    if (live.records.get(stamp)?.givenUp !== undefined) {
      live.unsent.delete(stamp)
      return
    }
    const sequence = await this.#store(live, target, body)
    if (typeof sequence === 'string')
      await this.#options.giveUp(live, stamp, {
        kind: 'failed',
        reason: sequence,
        at: this.#options.now(),
      })
    else await this.#note(live, stamp, sequence)
    live.unsent.delete(stamp)
  }

  /** Where it lies, or why no copy can be stored, now or later. */
  async #store(
    { head }: LiveFanOut,
    { geo, ring, stamp }: Target,
    body: Uint8Array | undefined,
  ): Promise<number | 'undeliverable' | 'residency'> {
    const tail = tailOf(head.type)
    if (body === undefined || tail === undefined) return 'undeliverable'
    const { id, path = [], traceparent = '' } = head
    const event = { id, tail, body, path, traceparent, isFanOut: true }
    try {
      return (await this.#options.copies.store(event, { geo, ring, stamp })).sequence
    } catch (error) {
      if (isSignetError(error) && (error.retryable || error.code === 'SIGNET_STOPPED')) throw error
      this.#options.log.warn({ error, fanout: id, stamp }, 'A copy cannot be stored.')
      return isSignetError(error, 'SIGNET_RESIDENCY_REFUSED') ? 'residency' : 'undeliverable'
    }
  }

  /** An answer may be written meanwhile: it stays. */
  async #note(live: LiveFanOut, stamp: string, sequence: number): Promise<void> {
    for (;;) {
      const record = live.records.get(stamp)
      if (record === undefined || record.copy === sequence) return
      if (await this.#options.write(live, stamp, { ...record, copy: sequence })) return
    }
  }
}
