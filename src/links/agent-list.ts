import { sleep } from '../runtime/clock.ts'
import { Bucket } from './bucket.ts'
import { LEASE_MS } from './lease.ts'
import type { Replicas } from './replicas.ts'
import type { Store } from './store.ts'

export interface AgentListOptions {
  readonly store: Store
  /** The bucket of the lease: what is not said again goes from it after seconds. */
  readonly bucket: string
  readonly replicas: Replicas
  /** This agent's id. */
  readonly agent: string
  readonly version: string
}

const SAY_MS = LEASE_MS / 2.5

/** The agents of a stamp that are there: each says so in the lease's bucket, under `agent.<id>`. */
export class AgentList {
  readonly #options: AgentListOptions
  readonly #stopping = new AbortController()
  #bucket: Bucket<object> | undefined
  #saying: Promise<void> | undefined
  /** What was last read. */
  #last: readonly string[] = []

  constructor(options: AgentListOptions) {
    this.#options = options
  }

  start(): void {
    this.#saying = this.#say()
  }

  async stop(): Promise<void> {
    this.#stopping.abort(new Error('stopped'))
    await this.#saying
    await this.#bucket?.forget(`agent.${this.#options.agent}`).catch(() => undefined)
  }

  /** The ids of those that were there when somebody last looked, a few seconds ago at most; empty at first. */
  get known(): readonly string[] {
    return this.#last
  }

  /** The ids of those that are there now, in order; what was last known where nobody answers. */
  async read(): Promise<readonly string[]> {
    const { store, bucket } = this.#options
    const prefix = `$KV.${bucket}.agent.`
    try {
      const { streams } = await store.client.jetstreamManager(false)
      const { state } = await streams.info(`KV_${bucket}`, { subjects_filter: `${prefix}*` })
      const subjects = Object.keys(state.subjects ?? {})
      this.#last = subjects.map((subject) => subject.slice(prefix.length)).toSorted()
    } catch {
      // Its lease says what is wrong.
    }
    return this.#last
  }

  async #say(): Promise<void> {
    const { store, bucket: name, replicas, agent, version } = this.#options
    const { signal } = this.#stopping
    while (!signal.aborted) {
      try {
        this.#bucket ??= await Bucket.open<object>(store, { name, ttlMs: LEASE_MS, replicas })
        await this.#bucket.put(`agent.${agent}`, { version })
        await this.read()
      } catch {
        // Made anew with the next try, where it is gone. That nobody answers, the lease tells.
        this.#bucket = undefined
      }
      await sleep(SAY_MS, signal).catch(() => undefined)
    }
  }
}
