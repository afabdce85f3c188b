import type { KV, KvWatchEntry } from '@nats-io/kv'
import { Kvm } from '@nats-io/kv'
import { JetStreamApiError } from '@nats-io/jetstream'
import { bucketStream } from '../domain/store-names.ts'
import { SignetError } from '../errors.ts'
import type { Replicas } from './replicas.ts'
import { unlessMadeMeanwhile } from './made-meanwhile.ts'
import { withReplicas } from './replicas.ts'
import type { Store } from './store.ts'
import { translate } from './store.ts'
import { mustHold } from './term.ts'

/** A value with the revision that guards its next change. */
export interface Entry<Value> {
  readonly key: string
  readonly value: Value
  readonly revision: number
}

export interface BucketWatch {
  readonly ended: Promise<void>
  stop(): void
}

/** What was last done to a key. */
export interface Last<Value> {
  /** Undefined where it was taken away. */
  readonly value: Value | undefined
  readonly revision: number
  /** By the server's clock, in milliseconds since the epoch. */
  readonly storedAt: number
}

export interface BucketPlan {
  readonly name: string
  /**
   * An entry that nobody renews goes after this, in milliseconds: 2.9 knows no other way (nats-notes 4.3).
   * 0: never; whoever writes them forgets them.
   */
  readonly ttlMs: number
  readonly replicas: Replicas
}

const WRONG_LAST_SEQUENCE = 10_071

/** What a message carries beside a value: its subject, and the header that guards its revision. */
const ENVELOPE_BYTES = 1_024

/**
 * A key-value bucket with JSON values, and with bytes under some keys. Changes are refused with
 * `SIGNET_NOT_LEADING` while the store's right is not held. Keys hold letters, digits, `-`, `_`, and dots
 * between tokens.
 */
export class Bucket<Value> {
  readonly #kv: KV
  readonly #store: Store
  readonly #name: string

  private constructor(kv: KV, store: Store, name: string) {
    this.#kv = kv
    this.#store = store
    this.#name = name
  }

  /** Opens a bucket, and makes it where there is none; an existing one gets the plan's time to live. */
  static async open<Value>(store: Store, plan: BucketPlan): Promise<Bucket<Value>> {
    try {
      const manager = new Kvm(store.client)
      const stream = bucketStream(plan.name)
      const isThere = async () => (await store.stream(stream)) !== undefined
      const make = (replicas: number) =>
        manager.create(plan.name, { ttl: plan.ttlMs, replicas, history: 1 })
      const made = (await isThere())
        ? undefined
        : await unlessMadeMeanwhile(() => withReplicas(plan.replicas, make), isThere)
      if (made !== undefined) return new Bucket<Value>(made, store, plan.name)
      await store.ensureAge(stream, plan.ttlMs)
      return new Bucket<Value>(await manager.open(plan.name), store, plan.name)
    } catch (error) {
      throw translate(error, `Bucket ${plan.name} could not be made`)
    }
  }

  /** Undefined where the key has no value. */
  async get(key: string): Promise<Entry<Value> | undefined> {
    const { value, revision } = (await this.last(key)) ?? {}
    return value === undefined || revision === undefined ? undefined : { key, value, revision }
  }

  /** The last that was done to a key; undefined where nothing was, or it was too long ago. */
  async last(key: string): Promise<Last<Value> | undefined> {
    try {
      const entry = await this.#kv.get(key)
      if (entry === null) return undefined
      const value = entry.operation === 'PUT' ? entry.json<Value>() : undefined
      return { value, revision: entry.revision, storedAt: entry.created.getTime() }
    } catch (error) {
      throw translate(error, `Key ${key} could not be read`)
    }
  }

  /** Sets a key that has no value, and returns its revision; undefined where it has one: the first wins. */
  async create(key: string, value: Value): Promise<number | undefined> {
    mustHold(this.#store.right)
    try {
      return await this.#kv.create(key, encode(value))
    } catch (error) {
      return lostRace(error, key)
    }
  }

  /**
   * Changes a key whose revision is still the given one (0: it has no value yet), and returns the new
   * revision; undefined where somebody else was faster.
   */
  async update(key: string, value: Value, revision: number): Promise<number | undefined> {
    if (revision === 0) return this.create(key, value)
    mustHold(this.#store.right)
    try {
      return await this.#kv.update(key, encode(value), revision)
    } catch (error) {
      return lostRace(error, key)
    }
  }

  /**
   * Sets a key that has no value to bytes; whether it had none. Rejects with SIGNET_TOO_LARGE for what the
   * server would not take.
   */
  async createBytes(key: string, bytes: Uint8Array): Promise<boolean> {
    mustHold(this.#store.right)
    const most = this.#store.maxPayloadBytes - ENVELOPE_BYTES
    if (bytes.length > most)
      throw new SignetError('SIGNET_TOO_LARGE', `Key ${key} takes ${most} bytes at most.`, {
        details: { bytes: bytes.length },
      })
    try {
      await this.#kv.create(key, bytes)
      return true
    } catch (error) {
      lostRace(error, key)
      return false
    }
  }

  /** The bytes under a key; undefined where it has no value. */
  async bytes(key: string): Promise<Uint8Array | undefined> {
    try {
      const entry = await this.#kv.get(key)
      return entry === null || entry.operation !== 'PUT' ? undefined : entry.value
    } catch (error) {
      throw translate(error, `Key ${key} could not be read`)
    }
  }

  async put(key: string, value: Value): Promise<void> {
    mustHold(this.#store.right)
    try {
      await this.#kv.put(key, encode(value))
    } catch (error) {
      throw translate(error, `Key ${key} could not be written`)
    }
  }

  /** All entries now under a key pattern (`>` and `*` as in subjects). */
  async load(pattern: string): Promise<Entry<Value>[]> {
    try {
      const entries: Entry<Value>[] = []
      const keys: string[] = []
      for await (const key of await this.#kv.keys(pattern)) keys.push(key)
      // In slices: thousands of open fan-outs must not become thousands of requests at once.
      for (let start = 0; start < keys.length; start += 64) {
        const slice = keys.slice(start, start + 64).map((key) => this.get(key))
        for (const entry of await Promise.all(slice)) if (entry !== undefined) entries.push(entry)
      }
      return entries
    } catch (error) {
      throw translate(error, `Bucket ${this.#name} could not be read`)
    }
  }

  /**
   * Tells every value that is there, and then every one that is written, by whomever. `ended` settles when
   * it no longer does, because it was stopped or could not go on.
   */
  async watch(told: (entry: Entry<Value>) => void): Promise<BucketWatch> {
    try {
      const watching = await this.#kv.watch()
      return { ended: tell(watching, told), stop: () => watching.stop() }
    } catch (error) {
      throw translate(error, `Bucket ${this.#name} could not be watched`)
    }
  }

  /** Forgets all keys under a pattern, and leaves no markers behind. */
  async forget(pattern: string): Promise<void> {
    await this.#store.purge(bucketStream(this.#name), `$KV.${this.#name}.${pattern}`)
  }
}

async function tell<Value>(
  watching: AsyncIterable<KvWatchEntry>,
  told: (entry: Entry<Value>) => void,
): Promise<void> {
  for await (const entry of watching) {
    if (entry.operation !== 'PUT') continue
    const value = decode(entry.string()) as Value | undefined
    if (value !== undefined) told({ key: entry.key, value, revision: entry.revision })
  }
}

function encode(value: unknown): string {
  return JSON.stringify(value)
}

/** Undefined for what is no JSON: somebody else's. */
function decode(text: string): unknown {
  try {
    return JSON.parse(text) as unknown
  } catch {
    return undefined
  }
}

function lostRace(error: unknown, key: string): undefined {
  if (error instanceof JetStreamApiError && error.code === WRONG_LAST_SEQUENCE) return undefined
  throw translate(error, `Key ${key} could not be written`)
}
