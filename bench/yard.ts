import { AckPolicy, DeliverPolicy } from '@nats-io/jetstream'
import { nanos } from '@nats-io/transport-node'
import type { Run } from './forward-report.ts'
import type { Ends, Place } from './forward-servers.ts'
import { lastSequence } from './forward-servers.ts'
import { watchRun } from './stopwatch.ts'
import { CopyLoop } from './yardstick.ts'

/** What copy loops do between two places. */
interface Copy {
  readonly from: Place
  readonly to: Place
  readonly subject: string
}

const DURABLE = 'yardstick'
const STREAMS = { down: 'YARD_DOWN', inbound: 'YARD_IN', local: 'YARD_LOCAL' }
const DAY_NS = nanos(24 * 3_600_000)
/** As the consumers of the agents have it. */
const MAX_ACK_PENDING = 5_000

/** The streams that copy loops fill, made as those of the agents are, and the runs that fill them. */
export class Yard {
  readonly #ends: Ends
  readonly #window: number
  readonly #hub: Copy
  readonly #stamp: Copy
  /** The second of two loops in a row. */
  readonly #onward: Copy

  private constructor(ends: Ends, keptn: Place, down: Place, window: number) {
    const { store, stamp } = ends
    const inbound = { end: stamp, stream: STREAMS.inbound }
    const copied = { end: store, stream: STREAMS.down }
    this.#ends = ends
    this.#window = window
    this.#hub = { from: keptn, to: copied, subject: 'yard.down.event' }
    this.#stamp = { from: down, to: inbound, subject: 'yard.in.event' }
    this.#onward = { from: copied, to: inbound, subject: 'yard.in.event' }
  }

  /** `keptn` and `down` are the streams that the agents read. */
  static async make(ends: Ends, keptn: Place, down: Place, window: number): Promise<Yard> {
    const { store, stamp } = ends
    const ages = { max_age: DAY_NS, duplicate_window: DAY_NS }
    await store.manager.streams.add({ name: STREAMS.down, subjects: ['yard.down.>'], ...ages })
    await stamp.manager.streams.add({
      name: STREAMS.inbound,
      subjects: ['yard.in.>'],
      republish: { src: 'yard.in.>', dest: 'yard.local.>' },
      ...ages,
    })
    await stamp.manager.streams.add({ name: STREAMS.local, subjects: ['yard.local.>'] })
    return new Yard(ends, keptn, down, window)
  }

  /** One hop. The events must lie where it begins, and nothing else since the last `empty`. */
  copy(hop: 'hub' | 'stamp', events: number): Promise<Run> {
    return this.#run([hop === 'hub' ? this.#hub : this.#stamp], events)
  }

  /** Both hops at once, a loop for each. */
  copyThrough(events: number): Promise<Run> {
    return this.#run([this.#hub, this.#onward], events)
  }

  /** Forgets what was copied and what was read. */
  async empty(): Promise<void> {
    const { store, stamp } = this.#ends
    await store.manager.streams.purge(STREAMS.down)
    await stamp.manager.streams.purge(STREAMS.inbound)
    await stamp.manager.streams.purge(STREAMS.local)
  }

  async #run(copies: readonly Copy[], events: number): Promise<Run> {
    const target = copies.at(-1)?.to ?? this.#hub.to
    const after = await lastSequence(target)
    const loops: CopyLoop[] = []
    try {
      for (const { from, to, subject } of copies) {
        await ensureReader(from)
        loops.push(
          await CopyLoop.start({
            from: from.end.address,
            domain: from.end.domain ?? '',
            stream: from.stream,
            durable: DURABLE,
            to: to.end.address,
            subject,
            window: this.#window,
          }),
        )
      }
      return await watchRun({
        events,
        target,
        after,
        readers: copies.map(({ from }) => ({ ...from, durable: DURABLE })),
        processes: loops.map((loop) => loop.measured),
      })
    } finally {
      for (const loop of loops) await loop[Symbol.asyncDispose]()
    }
  }
}

async function ensureReader({ end, stream }: Place): Promise<void> {
  await end.manager.consumers.add(stream, {
    durable_name: DURABLE,
    ack_policy: AckPolicy.Explicit,
    deliver_policy: DeliverPolicy.All,
    max_ack_pending: MAX_ACK_PENDING,
  })
}
