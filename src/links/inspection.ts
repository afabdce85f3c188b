import type { ConsumerInfo, StreamInfo } from '@nats-io/jetstream'
import { JetStreamApiError } from '@nats-io/jetstream'
import { PermissionViolationError } from '@nats-io/transport-node'
import { bucketStream } from '../domain/store-names.ts'
import type { Store } from './store.ts'

/** What came of a look into JetStream that changes nothing. */
export type Look<T> =
  | { readonly kind: 'found'; readonly value: T }
  | { readonly kind: 'missing' }
  /** This user may not look. */
  | { readonly kind: 'forbidden' }
  | { readonly kind: 'silent'; readonly why: string }

/** Times are in milliseconds; limits below 1 are none. */
export interface SeenStream {
  readonly name: string
  readonly subjects: readonly string[]
  readonly retention: string
  readonly storage: string
  readonly maxAgeMs: number
  readonly duplicateWindowMs: number
  readonly maxBytes: number
  readonly maxMessages: number
  readonly replicas: number
  readonly republish?: { readonly src: string; readonly dest: string }
  readonly messages: number
  readonly bytes: number
  readonly lastAt: number | undefined
  /** How many messages lie under each subject, where they were asked for. */
  readonly bySubject: ReadonlyMap<string, number>
  /** The server's clock when it answered; absent of servers before 2.10. */
  readonly serverAt?: number
}

export interface SeenConsumer {
  readonly name: string
  readonly filter: string
  readonly ackWaitMs: number
  readonly maxAckPending: number
  readonly pending: number
  readonly unacknowledged: number
  readonly redelivered: number
  readonly deliveries: number
  readonly ackFloor: number
  readonly serverAt?: number
}

/** What an account uses; `most` is absent where nothing limits it. In bytes, and in numbers. */
export interface SeenAccount {
  readonly storage: SeenUse
  readonly memory: SeenUse
  readonly streams: SeenUse
  readonly consumers: SeenUse
}

interface SeenUse {
  readonly used: number
  readonly most?: number
}

export interface SeenEntry {
  readonly value: string
  readonly revision: number
  readonly storedAt: number
}

const STREAM_MISSING = 10_059
const CONSUMER_MISSING = 10_014
const MESSAGE_MISSING = 10_037
const MISSING: ReadonlySet<number> = new Set([STREAM_MISSING, CONSUMER_MISSING, MESSAGE_MISSING])

/** JetStream of one server or domain, for who may only look. Makes, changes and removes nothing. */
export class Inspection {
  readonly #store: Store

  constructor(store: Store) {
    this.#store = store
  }

  account(): Promise<Look<SeenAccount>> {
    return look(async () => {
      const info = await (await this.#api()).getAccountInfo()
      const { limits } = info
      return {
        storage: use(info.storage, limits.max_storage),
        memory: use(info.memory, limits.max_memory),
        streams: use(info.streams, limits.max_streams),
        consumers: use(info.consumers, limits.max_consumers),
      }
    })
  }

  /** `subjects`: a pattern, to count the messages under each subject. */
  stream(name: string, subjects?: string): Promise<Look<SeenStream>> {
    return look(async () => {
      const { streams } = await this.#api()
      const options = subjects === undefined ? {} : { subjects_filter: subjects }
      return seenStream(await streams.info(name, options))
    })
  }

  consumer(stream: string, durable: string): Promise<Look<SeenConsumer>> {
    return look(async () => seenConsumer(await (await this.#api()).consumers.info(stream, durable)))
  }

  /** All of a stream. */
  consumers(stream: string): Promise<Look<readonly SeenConsumer[]>> {
    return look(async () => {
      const found: SeenConsumer[] = []
      for await (const info of (await this.#api()).consumers.list(stream))
        found.push(seenConsumer(info))
      return found
    })
  }

  /** The names of the streams that capture a subject, or some of a pattern. */
  capturing(subject: string): Promise<Look<readonly string[]>> {
    return look(async () => {
      const names: string[] = []
      for await (const name of (await this.#api()).streams.names(subject)) names.push(name)
      return names
    })
  }

  /** The last entry of a key of a bucket. */
  entry(bucket: string, key: string): Promise<Look<SeenEntry>> {
    return look(async () => {
      const { streams } = await this.#api()
      const subject = `$KV.${bucket}.${key}`
      const found = await streams.getMessage(bucketStream(bucket), { last_by_subj: subject })
      // The client's declaration allows null, for what the server does not find.
      if (found === null) return undefined
      return { value: found.string(), revision: found.seq, storedAt: found.time.getTime() }
    })
  }

  #api() {
    return this.#store.client.jetstreamManager(false)
  }
}

async function look<T>(work: () => Promise<T | undefined>): Promise<Look<T>> {
  try {
    const value = await work()
    return value === undefined ? { kind: 'missing' } : { kind: 'found', value }
  } catch (error) {
    if (error instanceof JetStreamApiError && MISSING.has(error.code)) return { kind: 'missing' }
    if (isForbidden(error)) return { kind: 'forbidden' }
    return { kind: 'silent', why: error instanceof Error ? error.message : String(error) }
  }
}

/** The client hands the server's refusal on as it is, or as the cause of its own error. */
export function isForbidden(error: unknown): boolean {
  if (error instanceof PermissionViolationError) return true
  return error instanceof Error && error.cause !== undefined && isForbidden(error.cause)
}

function seenStream(info: StreamInfo): SeenStream {
  const { config, state } = info
  return {
    name: config.name,
    subjects: config.subjects,
    retention: config.retention,
    storage: config.storage,
    maxAgeMs: config.max_age / 1e6,
    duplicateWindowMs: config.duplicate_window / 1e6,
    maxBytes: config.max_bytes,
    maxMessages: config.max_msgs,
    replicas: config.num_replicas,
    ...(config.republish === undefined
      ? {}
      : { republish: { src: config.republish.src, dest: config.republish.dest } }),
    messages: state.messages,
    bytes: state.bytes,
    lastAt: state.messages === 0 ? undefined : Date.parse(state.last_ts),
    bySubject: new Map(Object.entries(state.subjects ?? {})),
    ...serverClock(info),
  }
}

function seenConsumer(info: ConsumerInfo): SeenConsumer {
  const { name, config, delivered, ack_floor } = info
  return {
    name,
    filter: config.filter_subject ?? '',
    ackWaitMs: (config.ack_wait ?? 0) / 1e6,
    maxAckPending: config.max_ack_pending ?? 0,
    pending: info.num_pending,
    unacknowledged: info.num_ack_pending,
    redelivered: info.num_redelivered,
    deliveries: delivered.consumer_seq,
    ackFloor: ack_floor.stream_seq,
    ...serverClock(info),
  }
}

/** What servers from 2.10 on say besides, and the client does not declare. */
function serverClock(info: object): { readonly serverAt?: number } {
  const { ts } = info as { readonly ts?: unknown }
  const at = typeof ts === 'string' ? Date.parse(ts) : Number.NaN
  return Number.isNaN(at) ? {} : { serverAt: at }
}

function use(used: number, most: number): SeenUse {
  return most > 0 ? { used, most } : { used }
}
