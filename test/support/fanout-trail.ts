import { Kvm } from '@nats-io/kv'
import type { NatsConnection } from '@nats-io/transport-node'
import type { FanOut, TargetRecord } from '../../src/domain/fanout.ts'
import { lastFactOf } from '../../src/domain/standing.ts'
import { bucketStream } from '../../src/domain/store-names.ts'
import type { Rig } from './federation.ts'
import { eventually } from './federation.ts'
import type { StoredMessage } from './stream-reader.ts'

/** What the bucket of fan-outs held of one when its end was written. */
export interface Facts {
  readonly head: FanOut
  readonly records: ReadonlyMap<string, TargetRecord>
  /** Whether the store was killed between storing a value and saying it again, and another has followed it. */
  readonly hasGap: boolean
}

/** A value that the bucket had once. */
interface Value {
  readonly subject: string
  readonly text: string
}

const PREFIX = 'trail.'

/**
 * Keeps every value that the bucket of fan-outs ever has, which itself forgets a fan-out at its end. The
 * store says each of them again as it stores it. A stream could not keep that: the values carry the
 * expectations of the bucket, and after one that a killed store did not say again, all that follow would be
 * refused. So they are heard, and after an outage what the bucket holds is read besides.
 */
export class Trail {
  readonly #rig: Rig
  readonly #values = new Map<number, Value>()
  #caughtUp: Promise<void> = Promise.resolve()

  private constructor(rig: Rig) {
    this.#rig = rig
  }

  /** Before the hub makes the bucket: what a server publishes again cannot be changed on 2.9. */
  static async keep(rig: Rig): Promise<Trail> {
    const trail = new Trail(rig)
    const { fanoutBucket } = rig.names
    const nc = await rig.connection(rig.supercluster.store)
    nc.subscribe(`${PREFIX}$KV.${fanoutBucket}.>`, {
      callback: (_error, message) => {
        const sequence = Number(message.headers?.get('Nats-Sequence'))
        const subject = message.subject.slice(PREFIX.length)
        trail.#values.set(sequence, { subject, text: message.string() })
      },
    })
    await nc.flush()
    void trail.#catchUpAfterOutages(nc)
    const api = await rig.hubStore()
    const republish = { src: `$KV.${fanoutBucket}.>`, dest: `${PREFIX}$KV.${fanoutBucket}.>` }
    await new Kvm(api.jetstream()).create(fanoutBucket, { history: 1, republish })
    return trail
  }

  /** The facts of the fan-out of a context. */
  async factsOf(context: string): Promise<Facts> {
    await this.#caughtUp
    const sequences = [...this.#values.keys()].toSorted((one, other) => one - other)
    const records = new Map<string, TargetRecord>()
    let head: FanOut | undefined
    for (const sequence of sequences) {
      const { subject, text } = this.#values.get(sequence) as Value
      const [, , kind, id, stamp] = subject.split('.')
      if (text === '') continue
      if (kind === 'open') {
        const value = JSON.parse(text) as FanOut
        if (value.context !== context) continue
        head = value
        if (head.settlement !== undefined) break
      } else if (kind === 'target' && stamp !== undefined && id === head?.id)
        records.set(stamp, JSON.parse(text) as TargetRecord)
    }
    if (head === undefined) throw new Error(`no fan-out of ${context} in the trail`)
    const hasGap = sequences.some(
      (each, index) => index > 0 && each !== (sequences[index - 1] ?? 0) + 1,
    )
    return { head, records, hasGap }
  }

  async #catchUpAfterOutages(nc: NatsConnection): Promise<void> {
    for await (const { type } of nc.status())
      if (type === 'reconnect') this.#caughtUp = this.#read()
  }

  async #read(): Promise<void> {
    const stream = bucketStream(this.#rig.names.fanoutBucket)
    const probe = async (): Promise<readonly StoredMessage[] | false> => {
      const held = await this.#rig.storedUnder(stream)
      return held.length > 0 && held
    }
    const held = await eventually(probe, 30_000, 'the bucket is back')
    for (const { sequence, subject, text } of held) this.#values.set(sequence, { subject, text })
  }
}

/** What was done in the wrong order, or too much at once, by the recorded facts; empty where nothing was. */
export function disorder({ head, records }: Facts): readonly string[] {
  const wrong: string[] = []
  const waves = head.waves ?? []
  for (const target of head.targets) {
    const begunAt = records.get(target.stamp)?.begunAt
    if (begunAt === undefined) continue
    const index = waves.findIndex(({ ring }) => ring === target.ring)
    for (const { ring, soakMs } of waves.slice(0, index))
      for (const { stamp } of head.targets.filter((each) => each.ring === ring)) {
        const done = lastFactOf(records.get(stamp))
        if (done === undefined || done + soakMs > begunAt)
          wrong.push(`${target.stamp} began before ${stamp} was done`)
      }
    const group = waves[index]?.groups.find(({ geo }) => geo === target.geo)
    const others = head.targets.filter(({ stamp, geo, ring }) => {
      const record = records.get(stamp)
      const isSame = geo === target.geo && ring === target.ring && stamp !== target.stamp
      return (
        isSame &&
        record?.begunAt !== undefined &&
        record.begunAt <= begunAt &&
        endOf(record) > begunAt
      )
    })
    if (others.length >= (group?.concurrency ?? 0))
      wrong.push(`${target.stamp} began beside ${others.map(({ stamp }) => stamp).join(', ')}`)
  }
  return wrong
}

function endOf({ finished, givenUp }: TargetRecord): number {
  const ends = Object.values(finished).map(({ at }) => at)
  return Math.min(givenUp?.at ?? Infinity, ends.length === 0 ? Infinity : Math.max(...ends))
}
