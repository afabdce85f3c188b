import type { Msg, Subscription } from '@nats-io/transport-node'
import { createInbox, headers } from '@nats-io/transport-node'
import { setMaxListeners } from 'node:events'
import type { BackoffRule } from '../domain/backoff.ts'
import { backoffMs } from '../domain/backoff.ts'
import { SignetError } from '../errors.ts'
import { sleep } from '../runtime/clock.ts'
import type { Headers, Stored } from './delivery.ts'
import type { NatsSide } from './nats-side.ts'
import type { Right } from './term.ts'
import { ALWAYS, notLeading } from './term.ts'

/** A message on its way: sent and sent again until the server has it, or nothing can help. */
interface Waiting {
  readonly message: Message
  tries: number
  /** When its acknowledgement is late. */
  deadline: number
  resolve(stored: Stored): void
  reject(error: unknown): void
}

/** What is to be stored, and where the server must say it is. */
export interface Message {
  readonly subject: string
  readonly body: Uint8Array
  readonly headers: Headers
  /** The stream whose acknowledgement counts: another one means that subjects overlap. */
  readonly stream: string
  /** Whether it is sent during a pause as well. */
  readonly goesFirst?: boolean
}

/** How long a PubAck may take before the same message is sent again, in milliseconds. */
const ACK_TIMEOUT_MS = 5_000
const SWEEP_MS = 500
const RETRY: BackoffRule = { firstMs: 50, mostMs: 2_000 }
const NO_RESPONDERS = 503

/**
 * Publishes into JetStream streams, many at a time. All acknowledgements come to one wildcard inbox and one
 * timer looks for those that are late, which makes this two to three times as fast as a request for each
 * message (nats-notes 5.2). A timeout means "unknown": the message is sent again under the same
 * `Nats-Msg-Id`, and the server's duplicate window decides (nats-notes 8).
 */
export class Publisher {
  readonly #side: NatsSide
  readonly #right: Right
  readonly #waiting = new Map<string, Waiting>()
  readonly #stopping = new AbortController()
  #prefix = ''
  /** What waits for the end of a pause; undefined where there is none. */
  #paused: Waiting[] | undefined
  #next = 0
  #subscription: Subscription | undefined
  #forgetSide: (() => void) | undefined
  #sweeper: NodeJS.Timeout | undefined

  /** `right`: without it nothing is sent; what is to be stored waits, as it does for a connection. */
  constructor(side: NatsSide, right: Right = ALWAYS) {
    this.#side = side
    this.#right = right
    // Each message that waits to be sent again listens; that they are many while a server is away is no leak.
    setMaxListeners(0, this.#stopping.signal)
  }

  /** Begins to listen for acknowledgements. The side must be connected. */
  start(): void {
    const { connection } = this.#side
    this.#forgetSide = this.#side.onDisconnect(() => {
      this.#connectionLost()
    })
    // The client's own prefix: a restricted user may listen nowhere else (nats-notes 7.2).
    this.#prefix = createInbox(this.#side.inboxPrefix)
    this.#subscription = connection.subscribe(`${this.#prefix}.*`, {
      callback: (error, message) => {
        if (error === null) this.#answered(message)
      },
    })
    this.#sweeper = setInterval(() => {
      this.#sweep(Date.now())
    }, SWEEP_MS)
    this.#sweeper.unref()
  }

  /** How many messages wait for their acknowledgement. */
  get unacknowledged(): number {
    return this.#waiting.size
  }

  /**
   * Stores a message, trying for as long as it takes. Rejects when the publisher is stopped
   * (`SIGNET_STOPPED`) or for what no retry can mend: `SIGNET_TOO_LARGE`, `SIGNET_PUBLISH_REFUSED`,
   * `SIGNET_STREAM_CONFLICT`.
   */
  store(message: Message): Promise<Stored> {
    return new Promise((resolve, reject) => {
      this.#sendSoon({ message, tries: 1, deadline: 0, resolve, reject })
    })
  }

  /** What waits cannot be answered any more: it is sent again as soon as the connection is back. */
  #connectionLost(): void {
    for (const waiting of this.#waiting.values())
      this.#failed(waiting, lost(waiting.message.subject, 'the connection broke'))
    this.#waiting.clear()
  }

  /** Sends nothing but what goes first, until `resume`. */
  pause(): void {
    this.#paused ??= []
  }

  /** Goes on, with what waited in the order in which it came. */
  resume(): void {
    const paused = this.#paused ?? []
    this.#paused = undefined
    for (const waiting of paused) this.#sendSoon(waiting)
  }

  /** Lets go of everything that waits. */
  stop(): void {
    const reason = stopped()
    this.#stopping.abort(reason)
    clearInterval(this.#sweeper)
    this.#forgetSide?.()
    this.#subscription?.unsubscribe()
    for (const waiting of [...this.#waiting.values(), ...(this.#paused ?? [])])
      waiting.reject(reason)
    this.#waiting.clear()
    this.#paused = undefined
  }

  #sendSoon(waiting: Waiting): void {
    this.#side.soon(() => {
      this.#send(waiting)
    })
  }

  #send(waiting: Waiting): void {
    const { subject, body, headers: pairs, goesFirst = false } = waiting.message
    if (this.#paused !== undefined && !goesFirst) {
      this.#paused.push(waiting)
      return
    }
    // What a disconnected client publishes is gone without an error (nats-notes 8).
    if (!this.#side.isConnected || this.#stopping.signal.aborted) {
      this.#failed(waiting, lost(subject, 'the connection is down'))
      return
    }
    // Asked at the last moment: an agent that was stopped for a minute goes on in the middle of anything.
    if (this.#right.leftMs <= 0) {
      this.#failed(waiting, notLeading())
      return
    }
    this.#next += 1
    const token = this.#next.toString(36)
    try {
      const head = headers()
      // Each name stands there once, so nothing is to be replaced, which `set` would look for.
      for (const name in pairs) head.append(name, pairs[name] as string)
      const reply = `${this.#prefix}.${token}`
      this.#side.connection.publish(subject, body, { reply, headers: head })
    } catch (error) {
      this.#failed(waiting, this.#refusal(error, waiting.message))
      return
    }
    waiting.deadline = Date.now() + ACK_TIMEOUT_MS
    this.#waiting.set(token, waiting)
  }

  /** Sends it again after a while, unless no retry can mend it. */
  #failed(waiting: Waiting, error: SignetError): void {
    if (this.#stopping.signal.aborted) {
      waiting.reject(this.#stopping.signal.reason)
    } else if (error.retryable) {
      void this.#sendLater(waiting)
    } else waiting.reject(error)
  }

  async #sendLater(waiting: Waiting): Promise<void> {
    const wait = backoffMs(RETRY, waiting.tries, Math.random())
    waiting.tries += 1
    try {
      await sleep(wait, this.#stopping.signal)
      this.#sendSoon(waiting)
    } catch (error) {
      waiting.reject(error)
    }
  }

  #refusal(error: unknown, { subject, body, headers: pairs }: Message): SignetError {
    if (!(error instanceof Error) || error.name !== 'InvalidArgumentError')
      return lost(subject, 'the client did not take it', error)
    const limit = this.#side.maxPayloadBytes
    const bytes = body.length + headerBytes(pairs)
    if (bytes > limit) {
      return new SignetError(
        'SIGNET_TOO_LARGE',
        `A message of ${body.length} bytes with its headers is above the server's max_payload of ${limit}.`,
        { cause: error, details: { subject, bytes, limit } },
      )
    }
    return new SignetError('SIGNET_PUBLISH_REFUSED', `The client refused it: ${error.message}.`, {
      cause: error,
      details: { subject },
    })
  }

  #answered(message: Msg): void {
    const token = message.subject.slice(this.#prefix.length + 1)
    const waiting = this.#waiting.get(token)
    // Late, after its deadline: the message was sent again, and that one's answer counts.
    if (waiting === undefined) return
    this.#waiting.delete(token)
    const outcome = readPubAck(message, waiting)
    if (outcome instanceof SignetError) this.#failed(waiting, outcome)
    else waiting.resolve(outcome)
  }

  #sweep(now: number): void {
    for (const [token, waiting] of this.#waiting) {
      // Insertion order is deadline order, as every wait is equally long.
      if (waiting.deadline > now) return
      this.#waiting.delete(token)
      this.#failed(waiting, lost(waiting.message.subject, 'no acknowledgement in time'))
    }
  }
}

interface PubAck {
  readonly stream?: string
  readonly seq?: number
  readonly duplicate?: boolean
  readonly error?: { readonly code?: number; readonly err_code?: number; description?: string }
}

/** What the server says of a message: where it is stored, or why it is not. */
function readPubAck(answer: Msg, { message: { subject, stream }, tries }: Waiting) {
  if (answer.headers?.code === NO_RESPONDERS) return lost(subject, 'no stream listens to it')
  let ack: PubAck
  try {
    ack = answer.json<PubAck>()
  } catch (error) {
    return lost(subject, 'the acknowledgement is unreadable', error)
  }
  if (ack.error !== undefined) return refused(subject, ack.error)
  if (ack.stream === stream && ack.seq !== undefined)
    return { stream, sequence: ack.seq, duplicate: ack.duplicate === true, tries }
  return new SignetError(
    'SIGNET_STREAM_CONFLICT',
    `Stream ${ack.stream ?? '?'} took what is meant for ${stream}: their subjects overlap.`,
    { details: { subject, expected: stream, actual: ack.stream } },
  )
}

/** Server errors that pass by themselves: no leader yet, no memory or disk right now (5xx); all else stays. */
function refused(
  subject: string,
  error: { readonly code?: number; readonly err_code?: number; readonly description?: string },
): SignetError {
  const { code = 0, err_code: errorCode, description = 'no reason given' } = error
  const details = { subject, code, errorCode, description }
  if (code >= 500)
    return new SignetError('SIGNET_LINK_LOST', `Not stored: ${description}.`, { details })
  return new SignetError(
    'SIGNET_PUBLISH_REFUSED',
    `The server refused to store it: ${description}.`,
    {
      details,
    },
  )
}

/** What headers take in a message: a version line, and each with its separators. */
function headerBytes(pairs: Headers): number {
  let bytes = 'NATS/1.0\r\n\r\n'.length
  for (const name in pairs) bytes += Buffer.byteLength(`${name}: ${pairs[name] ?? ''}\r\n`)
  return bytes
}

function stopped(): SignetError {
  return new SignetError('SIGNET_STOPPED', 'The publisher was stopped.')
}

function lost(subject: string, why: string, cause?: unknown): SignetError {
  return new SignetError('SIGNET_LINK_LOST', `Not known to be stored: ${why}.`, {
    details: { subject },
    ...(cause === undefined ? {} : { cause }),
  })
}
