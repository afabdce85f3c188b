import { randomUUID } from 'node:crypto'
import type { NatsConnection } from '@nats-io/transport-node'
import { setTimeout as sleep } from 'node:timers/promises'
import { KEPTN_PATTERN } from '../src/domain/store-names.ts'
import { numberedEvent, TYPE } from './keptn-events.ts'

/** Contexts that take turns: within each the order is checked. */
const CONTEXTS = 20

/** What became of the events of a load. */
export interface CheckedLoad {
  readonly events: number
  readonly lost: number
  readonly doubled: number
  readonly outOfOrder: number
}

/** Events at a steady rate into Keptn's stream, each stored before the next, and what a stamp hears of them. */
export class TakeoverLoad {
  readonly #home: NatsConnection
  readonly #stamp: NatsConnection
  readonly #pauseMs: number
  readonly #contexts = Array.from({ length: CONTEXTS }, () => randomUUID())
  /** By id: the number, which grows within a context. */
  readonly #sent = new Map<string, { readonly context: string; readonly number: number }>()
  readonly #heard: { readonly id: string; readonly at: number }[] = []
  #ends = false
  #sending: Promise<void> | undefined

  constructor(home: NatsConnection, stamp: NatsConnection, rate: number) {
    this.#home = home
    this.#stamp = stamp
    this.#pauseMs = 1_000 / rate
  }

  /** Resolves when the stamp is listened to; events flow from then on. */
  async begin(): Promise<void> {
    this.#stamp.subscribe(KEPTN_PATTERN, {
      callback: (error, message) => {
        if (error !== null) return
        const { id } = message.json<{ id: string }>()
        this.#heard.push({ id, at: performance.now() })
      },
    })
    await this.#stamp.flush()
    this.#sending = this.#send()
  }

  /** When (by `performance.now()`) the first event came after a time; undefined while none has. */
  firstAfter(at: number): number | undefined {
    return this.#heard.find((heard) => heard.at > at)?.at
  }

  /** Stops, waits until all is there or the time is up, and counts what is not as it should be. */
  async end(limitMs: number): Promise<CheckedLoad> {
    this.#ends = true
    await this.#sending
    const until = performance.now() + limitMs
    const heardOnce = (): Set<string> => new Set(this.#heard.map(({ id }) => id))
    while (heardOnce().size < this.#sent.size && performance.now() < until) await sleep(100)
    const once = heardOnce()
    const last = new Map<string, number>()
    let outOfOrder = 0
    for (const { id } of this.#heard) {
      const { context = '', number = 0 } = this.#sent.get(id) ?? {}
      if (number < (last.get(context) ?? 0)) outOfOrder += 1
      last.set(context, Math.max(number, last.get(context) ?? 0))
    }
    return {
      events: this.#sent.size,
      lost: this.#sent.size - once.size,
      doubled: this.#heard.length - once.size,
      outOfOrder,
    }
  }

  async #send(): Promise<void> {
    const begun = performance.now()
    for (let number = 1; !this.#ends; number += 1) {
      const context = this.#contexts[number % CONTEXTS] ?? ''
      const { id, text } = numberedEvent(context)
      this.#sent.set(id, { context, number })
      // As a request: the stream answers when it has it.
      await this.#home.request(TYPE, text, { timeout: 10_000 })
      await sleep(Math.max(0, begun + number * this.#pauseMs - performance.now()))
    }
  }
}
