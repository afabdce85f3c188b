import type { ExecutionContext } from 'ava'
import { randomUUID } from 'node:crypto'
import { setTimeout as sleep } from 'node:timers/promises'
import { KEPTN_STREAM } from '../../src/domain/store-names.ts'
import type { Rig } from './federation.ts'
import { HOME } from './federation.ts'
import { eventOf, NOTICE } from './keptn-event.ts'

export interface FlowOptions {
  /** The stamp where the events are published. */
  readonly from: string
  readonly contexts?: number
  /** Events of each context. */
  readonly each?: number
  /** Between two events of a context, in milliseconds. */
  readonly pauseMs?: number
}

/**
 * Numbered events of several contexts, published beside each other; those of one context in order. Each is
 * published until its stream has it, so that what does not arrive was lost behind it.
 */
export class NumberedFlow {
  /** Resolves when all are published. */
  readonly published: Promise<unknown>
  readonly #rig: Rig
  readonly #ids = new Map<string, readonly string[]>()

  constructor(rig: Rig, { from, contexts = 8, each = 25, pauseMs = 60 }: FlowOptions) {
    this.#rig = rig
    this.published = Promise.all(
      Array.from({ length: contexts }, async () => {
        const context = randomUUID()
        // Its id is in the data as well: Keptn's API gives what is posted to it another one.
        const events = Array.from({ length: each }, (_, n) => {
          const ref = randomUUID()
          return eventOf(NOTICE, { id: ref, shkeptncontext: context }, { n, ref })
        })
        this.#ids.set(
          context,
          events.map(({ id }) => id),
        )
        for (const event of events) {
          // A poll tells by the times what came first.
          const time = new Date().toISOString()
          await publishUntilStored(rig, from, JSON.stringify({ ...event, time }))
          await sleep(pauseMs * 2 * Math.random())
        }
      }),
    )
  }

  get size(): number {
    return [...this.#ids.values()].reduce((sum, ids) => sum + ids.length, 0)
  }

  /** The ids that are not among the given ones. */
  missing(among: ReadonlySet<string>): readonly string[] {
    return [...this.#ids.values()].flat().filter((id) => !among.has(id))
  }

  /** The ids of this flow's events that a stamp's Keptn NATS has let in, in order. */
  async arrivedAt(stamp: string): Promise<readonly string[]> {
    const known = new Set([...this.#ids.values()].flat())
    const messages = await this.#rig.storedIn(stamp, 'SIGNET_IN')
    return messages
      .map(({ text }) => String((JSON.parse(text) as { id: unknown }).id))
      .filter((id) => known.has(id))
  }

  /** The ids of this flow's events that Keptn's own stream holds, under whatever id, in order. */
  async arrivedHome(): Promise<readonly string[]> {
    const known = new Set([...this.#ids.values()].flat())
    const messages = await this.#rig.storedIn(HOME, KEPTN_STREAM)
    return messages.map(({ text }) => refOf(text)).filter((ref) => known.has(ref))
  }

  /** That the ids are all there, each once, and those of each context in order. */
  check(t: ExecutionContext, ids: readonly string[], where: string): void {
    const known = new Set([...this.#ids.values()].flat())
    const mine = ids.filter((id) => known.has(id))
    const once = new Set(mine)
    t.is(this.size - once.size, 0, `${where}: lost`)
    t.is(mine.length - once.size, 0, `${where}: doubled`)
    for (const expected of this.#ids.values()) {
      const wanted = new Set(expected)
      const actual = mine.filter((id) => wanted.has(id)).map((id) => expected.indexOf(id))
      t.deepEqual(
        actual,
        actual.toSorted((a, b) => a - b),
        `${where}: order`,
      )
    }
  }
}

function refOf(text: string): string {
  return String((JSON.parse(text) as { data?: { ref?: unknown } }).data?.ref)
}

async function publishUntilStored(rig: Rig, from: string, body: string): Promise<void> {
  for (;;) {
    try {
      await rig.publish(from, NOTICE, body)
      return
    } catch {
      await sleep(100)
    }
  }
}
