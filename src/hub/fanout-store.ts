import type { FanOut, TargetRecord } from '../domain/fanout.ts'
import type { Bucket, Entry } from '../links/bucket.ts'
import { bucketKey } from '../links/message-id.ts'

/** What is kept of a fan-out that has ended, so that late answers are known as such. */
export interface EndedFanOut {
  readonly id: string
  readonly ended: 'settled' | 'withdrawn' | 'cancelled'
  readonly result?: string
}

type Value = FanOut | TargetRecord | EndedFanOut

/** An open fan-out as the bucket has it, with the revisions that guard its next changes. */
export interface StoredFanOut {
  readonly head: FanOut
  readonly revision: number
  readonly records: ReadonlyMap<string, Entry<TargetRecord>>
}

/**
 * The fan-outs of a control plane in their bucket: `open.<id>` is the head, `target.<id>.<stamp>` what a
 * stamp has answered, `event.<id>` the bytes of an event whose copies are made later, `done.<id>` the tombstone. A change is guarded by the revision it was made from; a
 * guard that fails returns undefined, and whoever wrote first counts.
 */
export class FanOutStore {
  readonly #bucket: Bucket<Value>

  constructor(bucket: Bucket<Value>) {
    this.#bucket = bucket
  }

  /** All that are open. */
  async loadOpen(): Promise<StoredFanOut[]> {
    const heads = (await this.#bucket.load('open.>')) as Entry<FanOut>[]
    const targets = (await this.#bucket.load('target.>')) as Entry<TargetRecord>[]
    const byFanOut = new Map<string, Map<string, Entry<TargetRecord>>>()
    for (const entry of targets) {
      const [, key = '', stamp = ''] = entry.key.split('.')
      const records = byFanOut.get(key) ?? new Map<string, Entry<TargetRecord>>()
      byFanOut.set(key, records.set(stamp, entry))
    }
    return heads.map(({ value, revision }) => ({
      head: value,
      revision,
      records: byFanOut.get(bucketKey(value.id)) ?? new Map<string, Entry<TargetRecord>>(),
    }))
  }

  /** One that is open, with its records. */
  async load(id: string): Promise<StoredFanOut | undefined> {
    const head = await this.head(id)
    if (head === undefined) return undefined
    const entries = await this.#bucket.load(`target.${bucketKey(id)}.>`)
    const records = (entries as Entry<TargetRecord>[]).map(
      (entry) => [entry.key.split('.')[2] ?? '', entry] as const,
    )
    return { head: head.value, revision: head.revision, records: new Map(records) }
  }

  async head(id: string): Promise<Entry<FanOut> | undefined> {
    return (await this.#bucket.get(`open.${bucketKey(id)}`)) as Entry<FanOut> | undefined
  }

  createHead(head: FanOut): Promise<number | undefined> {
    return this.#bucket.create(`open.${bucketKey(head.id)}`, head)
  }

  updateHead(head: FanOut, revision: number): Promise<number | undefined> {
    return this.#bucket.update(`open.${bucketKey(head.id)}`, head, revision)
  }

  async record(id: string, stamp: string): Promise<Entry<TargetRecord> | undefined> {
    const entry = await this.#bucket.get(`target.${bucketKey(id)}.${stamp}`)
    return entry as Entry<TargetRecord> | undefined
  }

  /** `revision` 0: the stamp has no record yet. */
  updateRecord(
    id: string,
    stamp: string,
    record: TargetRecord,
    revision: number,
  ): Promise<number | undefined> {
    return this.#bucket.update(`target.${bucketKey(id)}.${stamp}`, record, revision)
  }

  async ended(id: string): Promise<EndedFanOut | undefined> {
    const entry = await this.#bucket.get(`done.${bucketKey(id)}`)
    return entry?.value as EndedFanOut | undefined
  }

  /** Keeps an event for copies that are made later; whether these are the bytes that are kept. */
  async keepEvent(id: string, body: Uint8Array): Promise<boolean> {
    if (await this.#bucket.createBytes(`event.${bucketKey(id)}`, body)) return true
    const kept = await this.event(id)
    return kept === undefined || Buffer.compare(kept, body) === 0
  }

  /** The bytes of an event; undefined where they are not kept. */
  event(id: string): Promise<Uint8Array | undefined> {
    return this.#bucket.bytes(`event.${bucketKey(id)}`)
  }

  /** Leaves the tombstone, then forgets the rest: a crash in between is found at the next load. */
  async end(ended: EndedFanOut): Promise<void> {
    const key = bucketKey(ended.id)
    await this.#bucket.put(`done.${key}`, ended)
    await this.#bucket.forget(`open.${key}`)
    await this.#bucket.forget(`target.${key}.>`)
    await this.#bucket.forget(`event.${key}`)
  }
}
