import type {
  JetStreamClient,
  JetStreamManager,
  StreamConfig,
  StreamInfo,
} from '@nats-io/jetstream'
import {
  DiscardPolicy,
  JetStreamApiError,
  jetstream,
  jetstreamManager,
  RetentionPolicy,
  StorageType,
} from '@nats-io/jetstream'
import { nanos } from '@nats-io/transport-node'
import { apiPrefix } from '../domain/store-names.ts'
import { SignetError } from '../errors.ts'
import type { ConsumerPlan } from './consumer-config.ts'
import { consumerConfig, outdated } from './consumer-config.ts'
import type { DurableSource } from './delivery.ts'
import { PulledSource } from './delivery-source.ts'
import type { Replicas } from './replicas.ts'
import { SUBJECTS_OVERLAP, unlessMadeMeanwhile } from './made-meanwhile.ts'
import { withReplicas } from './replicas.ts'
import type { MessageHeaders } from './stream-headers.ts'
import { readHeaders } from './stream-headers.ts'
import type { NatsSide } from './nats-side.ts'
import type { Right } from './term.ts'
import { ALWAYS, mustHold } from './term.ts'

/** A stream that Signet owns. Times are in milliseconds. */
export interface StreamPlan {
  readonly name: string
  readonly subjects: readonly string[]
  readonly maxAgeMs: number
  readonly duplicateWindowMs: number
  readonly replicas: Replicas
  /** Where the server publishes again what it has stored. */
  readonly republish?: { readonly src: string; readonly dest: string }
}

/** What is known of a stream. */
export interface StreamState {
  readonly createdAt: number
  readonly firstSequence: number
  /** When its first message was stored; undefined where it holds none. */
  readonly firstAt: number | undefined
  readonly lastSequence: number
  /** How many messages it holds. */
  readonly messages: number
}

/** What is known of a consumer. */
export interface ConsumerState {
  /** Handed out and not yet acknowledged. */
  readonly unacknowledged: number
  /** Not yet handed out. */
  readonly pending: number
  readonly ackWaitMs: number
  /** Everything up to this stream sequence is acknowledged. */
  readonly ackFloor: number
  /** How many deliveries it has made. */
  readonly deliveries: number
  /** The last message of the stream that it has handed out. */
  readonly deliveredUpTo: number
}

/** A message that lies in a stream. */
export interface StoredMessage {
  readonly subject: string
  readonly body: Uint8Array
  readonly sequence: number
  readonly storedAt: number
  header(name: string): string | undefined
}

const API_TIMEOUT_MS = 5_000
const NOT_FOUND = { stream: 10_059, consumer: 10_014, message: 10_037 }
const NOT_ENABLED_FOR_ACCOUNT = 10_039
const NO_SUITABLE_PEERS = 10_005

export interface StoreOptions {
  /** The right to change what is stored and to read consumers; default: always. */
  readonly right?: Right
  /** How long an answer may take, in milliseconds; default 5 s. */
  readonly timeoutMs?: number
}

/** JetStream of one server or domain: streams, consumers, single messages. */
export class Store {
  readonly #side: NatsSide
  readonly #domain: string | undefined
  readonly #timeoutMs: number
  #manager: JetStreamManager | undefined
  /** Without it, single messages are neither written nor read as the leader of a stamp does. */
  readonly right: Right

  constructor(side: NatsSide, domain?: string, { right = ALWAYS, timeoutMs }: StoreOptions = {}) {
    this.#side = side
    this.#domain = domain
    this.#timeoutMs = timeoutMs ?? API_TIMEOUT_MS
    this.right = right
  }

  /** The client for what is built on a store, such as buckets. */
  get client(): JetStreamClient {
    return jetstream(this.#side.connection, this.#options)
  }

  /** The largest message that its server takes now, in bytes. */
  get maxPayloadBytes(): number {
    return this.#side.maxPayloadBytes
  }

  get #options() {
    const timeout = this.#timeoutMs
    return this.#domain === undefined ? { timeout } : { domain: this.#domain, timeout }
  }

  async #api(): Promise<JetStreamManager> {
    this.#manager ??= await jetstreamManager(this.#side.connection, {
      ...this.#options,
      checkAPI: false,
    })
    return this.#manager
  }

  /**
   * Whether this server, or our account on it, has no JetStream at all: not one that is slow to answer or
   * without a leader for a while. Rejects where that cannot be told now.
   */
  async hasNoJetStream(): Promise<boolean> {
    if (this.#side.connection.info?.jetstream !== true) return this.#side.state.connected
    try {
      await (await this.#api()).getAccountInfo()
      return false
    } catch (error) {
      if (error instanceof JetStreamApiError && error.code === NOT_ENABLED_FOR_ACCOUNT) return true
      throw translate(error, 'JetStream does not answer')
    }
  }

  /**
   * Makes a stream, or brings an existing one up to the plan. Throws `SIGNET_STREAM_CONFLICT` where another
   * stream has its subjects, and `SIGNET_JETSTREAM_MISSING` where JetStream does not answer.
   */
  async ensureStream(plan: StreamPlan): Promise<void> {
    try {
      const api = await this.#api()
      const existing = await orMissing(api.streams.info(plan.name), NOT_FOUND.stream)
      if (existing === undefined) {
        const make = (replicas: number) => api.streams.add(streamConfig(plan, replicas))
        const isThere = async () => (await this.stream(plan.name)) !== undefined
        const made = await unlessMadeMeanwhile(() => withReplicas(plan.replicas, make), isThere)
        if (made === undefined) await this.ensureStream(plan)
        return
      }
      const replicas = plan.replicas === 'most' ? existing.config.num_replicas : plan.replicas
      const config = streamConfig(plan, replicas)
      if (differs(existing, config)) await api.streams.update(plan.name, config)
    } catch (error) {
      throw translate(error, `Stream ${plan.name} could not be made`)
    }
  }

  /** Has a stream keep its messages for so long; 0: for ever. */
  async ensureAge(name: string, maxAgeMs: number): Promise<void> {
    try {
      const api = await this.#api()
      const { config } = await api.streams.info(name)
      const wanted = nanos(maxAgeMs)
      if (config.max_age === wanted) return
      const window =
        maxAgeMs === 0 ? config.duplicate_window : Math.min(config.duplicate_window, wanted)
      await api.streams.update(name, { ...config, max_age: wanted, duplicate_window: window })
    } catch (error) {
      throw translate(error, `Stream ${name} could not be changed`)
    }
  }

  /** Undefined where there is no such stream. */
  async stream(name: string): Promise<StreamState | undefined> {
    try {
      const info = await orMissing((await this.#api()).streams.info(name), NOT_FOUND.stream)
      if (info === undefined) return undefined
      return {
        createdAt: Date.parse(info.created),
        firstSequence: info.state.first_seq,
        firstAt: info.state.messages === 0 ? undefined : Date.parse(info.state.first_ts),
        lastSequence: info.state.last_seq,
        messages: info.state.messages,
      }
    } catch (error) {
      throw translate(error, `Stream ${name} could not be read`)
    }
  }

  /** Makes a durable consumer where there is none; an existing one keeps its place and gets the plan's filter. */
  async ensureConsumer(plan: ConsumerPlan): Promise<void> {
    try {
      const api = await this.#api()
      const lookup = api.consumers.info(plan.stream, plan.durable)
      const existing = await orMissing(lookup, NOT_FOUND.consumer)
      if (existing === undefined) await api.consumers.add(plan.stream, consumerConfig(plan))
      else if (outdated(existing, plan)) {
        await api.consumers.update(plan.stream, plan.durable, {
          filter_subject: plan.filter,
          ack_wait: nanos(plan.ackWaitMs),
          max_ack_pending: plan.maxAckPending,
        })
      }
    } catch (error) {
      throw translate(error, `Consumer ${plan.durable} of ${plan.stream} could not be made`)
    }
  }

  /** Forgets a durable consumer; one that is not there is no failure. */
  async deleteConsumer(stream: string, durable: string): Promise<void> {
    try {
      await orMissing((await this.#api()).consumers.delete(stream, durable), NOT_FOUND.consumer)
    } catch (error) {
      throw translate(error, `Consumer ${durable} of ${stream} could not be deleted`)
    }
  }

  /** Undefined where there is no such consumer. */
  async consumer(stream: string, durable: string): Promise<ConsumerState | undefined> {
    try {
      const lookup = (await this.#api()).consumers.info(stream, durable)
      const info = await orMissing(lookup, NOT_FOUND.consumer, NOT_FOUND.stream)
      if (info === undefined) return undefined
      return {
        unacknowledged: info.num_ack_pending,
        pending: info.num_pending,
        ackWaitMs: (info.config.ack_wait ?? 0) / 1e6,
        ackFloor: info.ack_floor.stream_seq,
        deliveries: info.delivered.consumer_seq,
        deliveredUpTo: info.delivered.stream_seq,
      }
    } catch (error) {
      throw translate(error, `Consumer ${durable} of ${stream} could not be read`)
    }
  }

  /** Begins to read a durable that is as far as `from` says; buffers about `bufferBytes`. */
  read(stream: string, durable: string, from: ConsumerState, bufferBytes: number): DurableSource {
    const { right } = this
    const prefix = apiPrefix(this.#domain)
    return new PulledSource(this.#side, { prefix, stream, durable, bufferBytes, from, right })
  }

  /** Tells what a stream holds from one sequence to another, without bodies, as long as `visit` says true. */
  headers(
    stream: string,
    first: number,
    last: number,
    visit: (message: MessageHeaders) => boolean,
  ): Promise<void> {
    return readHeaders(this.client, stream, first, last, visit).catch((error: unknown) => {
      throw translate(error, `The headers of ${stream} could not be read`)
    })
  }

  /** One message by its sequence; undefined where it is gone. */
  async message(stream: string, sequence: number): Promise<StoredMessage | undefined> {
    try {
      const lookup = (await this.#api()).streams.getMessage(stream, { seq: sequence })
      const found = await orMissing(lookup, NOT_FOUND.message)
      // The client's declaration allows null as well, for what the server does not find.
      if (found === undefined || found === null) return undefined
      return {
        subject: found.subject,
        body: found.data,
        sequence: found.seq,
        storedAt: found.time.getTime(),
        header: (name) => (found.header?.has(name) ? found.header.get(name) : undefined),
      }
    } catch (error) {
      throw translate(error, `Message ${sequence} of ${stream} could not be read`)
    }
  }

  /** Forgets all messages of a stream under a subject pattern. */
  async purge(stream: string, filter: string): Promise<void> {
    mustHold(this.right)
    try {
      await (await this.#api()).streams.purge(stream, { filter })
    } catch (error) {
      throw translate(error, `${filter} of ${stream} could not be purged`)
    }
  }

  /** Takes a message out of its stream; a message that is gone is no failure. */
  async deleteMessage(stream: string, sequence: number): Promise<void> {
    mustHold(this.right)
    try {
      await (await this.#api()).streams.deleteMessage(stream, sequence, false)
    } catch (error) {
      if (error instanceof JetStreamApiError) return
      throw translate(error, `Message ${sequence} of ${stream} could not be taken back`)
    }
  }
}

function streamConfig(
  plan: StreamPlan,
  replicas: number,
): Partial<StreamConfig> & { name: string } {
  return {
    name: plan.name,
    subjects: [...plan.subjects],
    retention: RetentionPolicy.Limits,
    storage: StorageType.File,
    discard: DiscardPolicy.Old,
    max_age: nanos(plan.maxAgeMs),
    // The server refuses a window beyond the age (nats-notes 4.1).
    duplicate_window: nanos(Math.min(plan.duplicateWindowMs, plan.maxAgeMs)),
    num_replicas: replicas,
    ...(plan.republish === undefined ? {} : { republish: { ...plan.republish } }),
  }
}

function differs({ config }: StreamInfo, wanted: Partial<StreamConfig>): boolean {
  return (
    config.max_age !== wanted.max_age ||
    config.duplicate_window !== wanted.duplicate_window ||
    config.num_replicas !== wanted.num_replicas ||
    config.republish?.dest !== wanted.republish?.dest ||
    config.subjects.join() !== wanted.subjects?.join()
  )
}

async function orMissing<T>(lookup: Promise<T>, ...codes: number[]): Promise<T | undefined> {
  try {
    return await lookup
  } catch (error) {
    if (error instanceof JetStreamApiError && codes.includes(error.code)) return undefined
    throw error
  }
}

export function translate(error: unknown, what: string): SignetError {
  if (error instanceof SignetError) return error
  const why = error instanceof Error ? error.message : String(error)
  const details = error instanceof JetStreamApiError ? { errorCode: error.code } : {}
  if (error instanceof JetStreamApiError && error.code === SUBJECTS_OVERLAP) {
    return new SignetError(
      'SIGNET_STREAM_CONFLICT',
      `${what}: another stream of this server already captures its subjects.`,
      { cause: error, details },
    )
  }
  const few = error instanceof JetStreamApiError && error.code === NO_SUITABLE_PEERS
  const hint = few
    ? ' Three servers are asked for; SIGNET_STORE_REPLICAS says how many otherwise.'
    : ''
  const message = `${what}: ${why}.${hint}`
  return new SignetError('SIGNET_JETSTREAM_MISSING', message, { cause: error, details })
}
