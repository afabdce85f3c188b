import type { JetStreamClient, JetStreamManager } from '@nats-io/jetstream'
import {
  DiscardPolicy,
  JetStreamApiError,
  jetstream,
  jetstreamManager,
  RetentionPolicy,
  StorageType,
} from '@nats-io/jetstream'
import type { NatsSide } from './nats-side.ts'
import { translate } from './store.ts'

export interface ShelfPlan {
  readonly stream: string
  /** Where its things lie: `<prefix>.<key>`. */
  readonly prefix: string
  /** The oldest things make room for new ones beyond this, in bytes. */
  readonly mostBytes: number
}

/** Short: whoever waits for what lies here can do without it. */
const TIMEOUT_MS = 2_000
const NO_MESSAGE = 10_037
const NO_STREAM = 10_059

/**
 * Bytes by key in a stream of a bounded size, the oldest of which go first: for what can be had again. A
 * bucket would refuse new things when it is full.
 */
export class Shelf {
  readonly #side: NatsSide
  readonly #plan: ShelfPlan
  #ready: Promise<void> | undefined
  #manager: JetStreamManager | undefined

  constructor(side: NatsSide, plan: ShelfPlan) {
    this.#side = side
    this.#plan = plan
  }

  /** Undefined where nothing lies there, or nobody can look now. Rejects with `SIGNET_JETSTREAM_MISSING`. */
  async get(key: string): Promise<Uint8Array | undefined> {
    const { stream, prefix } = this.#plan
    // Nobody waits for a server that is known to be away.
    if (!this.#side.isConnected) return undefined
    try {
      const api = await this.#api()
      const found = await api.streams.getMessage(stream, { last_by_subj: `${prefix}.${key}` })
      return found?.data
    } catch (error) {
      if (error instanceof JetStreamApiError && [NO_MESSAGE, NO_STREAM].includes(error.code))
        return undefined
      throw translate(error, `${key} could not be read`)
    }
  }

  /** Rejects with `SIGNET_JETSTREAM_MISSING`. */
  async put(key: string, bytes: Uint8Array): Promise<void> {
    try {
      this.#ready ??= this.#make()
      await this.#ready
      await this.#client.publish(`${this.#plan.prefix}.${key}`, bytes, { timeout: TIMEOUT_MS })
    } catch (error) {
      this.#ready = undefined
      throw translate(error, `${key} could not be kept`)
    }
  }

  get #client(): JetStreamClient {
    return jetstream(this.#side.connection, { timeout: TIMEOUT_MS })
  }

  async #api(): Promise<JetStreamManager> {
    this.#manager ??= await jetstreamManager(this.#side.connection, {
      timeout: TIMEOUT_MS,
      checkAPI: false,
    })
    return this.#manager
  }

  async #make(): Promise<void> {
    const { stream, prefix, mostBytes } = this.#plan
    const { streams } = await this.#api()
    const config = {
      name: stream,
      subjects: [`${prefix}.>`],
      retention: RetentionPolicy.Limits,
      storage: StorageType.File,
      discard: DiscardPolicy.Old,
      max_bytes: mostBytes,
      max_msgs_per_subject: 1,
      num_replicas: 1,
    }
    try {
      const { config: found } = await streams.info(stream)
      if (found.max_bytes !== mostBytes) await streams.update(stream, config)
    } catch (error) {
      if (!(error instanceof JetStreamApiError) || error.code !== NO_STREAM) throw error
      await streams.add(config)
    }
  }
}
