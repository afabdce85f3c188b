import { Kvm } from '@nats-io/kv'
import type { FanOut, TargetRecord } from '../../src/domain/fanout.ts'
import { lastFactOf } from '../../src/domain/standing.ts'
import type { Rig } from './federation.ts'

/** What the bucket of fan-outs held of one when its end was written. */
export interface Facts {
  readonly head: FanOut
  readonly records: ReadonlyMap<string, TargetRecord>
  /** Whether the store was killed between storing a fact and telling it, so that one is missing here. */
  readonly hasGap: boolean
}

const TRAIL = 'TRAIL'

/**
 * Keeps every value that the bucket of fan-outs ever has, which itself forgets a fan-out at its end. Before
 * the hub makes the bucket: what a server publishes again cannot be changed on 2.9.
 */
export async function keepTrail(rig: Rig): Promise<void> {
  const api = await rig.hubStore()
  await api.streams.add({ name: TRAIL, subjects: ['trail.>'] })
  const bucket = rig.names.fanoutBucket
  const republish = { src: `$KV.${bucket}.>`, dest: `trail.$KV.${bucket}.>` }
  await new Kvm(api.jetstream()).create(bucket, { history: 1, republish })
}

/** The facts of the fan-out of a context. */
export async function factsOf(rig: Rig, context: string): Promise<Facts> {
  const trail = await rig.storedUnder(TRAIL)
  const sequences = trail.map((message) => Number(message.header('Nats-Sequence')))
  const records = new Map<string, TargetRecord>()
  let head: FanOut | undefined
  for (const { subject, text } of trail) {
    const [, , , kind, id, stamp] = subject.split('.')
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
