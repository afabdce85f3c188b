import type { Msg, Subscription } from '@nats-io/transport-node'
import { createInbox, headers } from '@nats-io/transport-node'
import type { BackoffRule } from '../domain/backoff.ts'
import { backoffMs } from '../domain/backoff.ts'
import { SignetError } from '../errors.ts'
import { sleep } from '../runtime/clock.ts'
import type { Headers, Stored } from './delivery.ts'
import type { NatsSide } from './nats-side.ts'

type Acknowledged = Omit<Stored, 'tries'>

interface Waiting {
  readonly subject: string
  readonly stream: string
  readonly deadline: number
  resolve(stored: Acknowledged): void
  reject(error: SignetError): void
}

/** What is to be stored, and where the server must say it is. */
export interface Message {
  readonly subject: string
  readonly body: Uint8Array
  readonly headers: Headers
  /** The stream whose acknowledgement counts: another one means that subjects overlap. */
  readonly stream: string
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
  readonly #waiting = new Map<string, Waiting>()
  readonly #stopping = new AbortController()
  #prefix = ''
  #next = 0
  #subscription: Subscription | undefined
  #sweeper: NodeJS.Timeout | undefined

  constructor(side: NatsSide) {
    this.#side = side
  }

  /** Begins to listen for acknowledgements. The side must be connected. */
  start(): void {
    const { connection } = this.#side
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
  async store(message: Message): Promise<Stored> {
    for (let attempt = 1; ; attempt += 1) {
      try {
        return { ...(await this.#once(message)), tries: attempt }
      } catch (error) {
        if (!(error instanceof SignetError) || !error.retryable) throw error
        const wait = backoffMs(RETRY, attempt, Math.random())
        await sleep(wait, this.#stopping.signal)
      }
    }
  }

  /** What waits cannot be answered any more: it is sent again as soon as the connection is back. */
  connectionLost(): void {
    for (const waiting of this.#waiting.values())
      waiting.reject(lost(waiting.subject, 'the connection broke'))
    this.#waiting.clear()
  }

  /** Lets go of everything that waits. */
  stop(): void {
    const reason = stopped()
    this.#stopping.abort(reason)
    clearInterval(this.#sweeper)
    this.#subscription?.unsubscribe()
    for (const waiting of this.#waiting.values()) waiting.reject(reason)
    this.#waiting.clear()
  }

  #once(message: Message): Promise<Acknowledged> {
    return new Promise((resolve, reject) => {
      if (this.#stopping.signal.aborted) {
        reject(this.#stopping.signal.reason)
        return
      }
      this.#side.soon(() => {
        this.#send(message, resolve, reject)
      })
    })
  }

  #send(
    { subject, body, headers: pairs, stream }: Message,
    resolve: (stored: Acknowledged) => void,
    reject: (error: SignetError) => void,
  ): void {
    // What a disconnected client publishes is gone without an error (nats-notes 8).
    if (!this.#side.state.connected) {
      reject(lost(subject, 'the connection is down'))
      return
    }
    if (this.#stopping.signal.aborted) {
      reject(stopped())
      return
    }
    this.#next += 1
    const token = this.#next.toString(36)
    const head = headers()
    for (const name in pairs) head.set(name, pairs[name] as string)
    try {
      const reply = `${this.#prefix}.${token}`
      this.#side.connection.publish(subject, body, { reply, headers: head })
    } catch (error) {
      reject(this.#refusal(error, subject, body))
      return
    }
    const deadline = Date.now() + ACK_TIMEOUT_MS
    this.#waiting.set(token, { subject, stream, deadline, resolve, reject })
  }

  #refusal(error: unknown, subject: string, body: Uint8Array): SignetError {
    const limit = this.#side.maxPayloadBytes
    if (error instanceof Error && error.name === 'InvalidArgumentError') {
      return new SignetError(
        'SIGNET_TOO_LARGE',
        `A message of ${body.length} bytes with its headers is above the server's max_payload of ${limit}.`,
        { cause: error, details: { subject, bytes: body.length, limit } },
      )
    }
    return lost(subject, 'the client did not take it', error)
  }

  #answered(message: Msg): void {
    const token = message.subject.slice(this.#prefix.length + 1)
    const waiting = this.#waiting.get(token)
    // Late, after its deadline: the message was sent again, and that one's answer counts.
    if (waiting === undefined) return
    this.#waiting.delete(token)
    if (message.headers?.code === NO_RESPONDERS) {
      waiting.reject(lost(waiting.subject, 'no stream listens to it'))
      return
    }
    settle(waiting, message)
  }

  #sweep(now: number): void {
    for (const [token, waiting] of this.#waiting) {
      // Insertion order is deadline order, as every wait is equally long.
      if (waiting.deadline > now) return
      this.#waiting.delete(token)
      waiting.reject(lost(waiting.subject, 'no acknowledgement in time'))
    }
  }
}

interface PubAck {
  readonly stream?: string
  readonly seq?: number
  readonly duplicate?: boolean
  readonly error?: { readonly code?: number; readonly err_code?: number; description?: string }
}

function settle(waiting: Waiting, message: Msg): void {
  const { subject, stream } = waiting
  let answer: PubAck
  try {
    answer = message.json<PubAck>()
  } catch (error) {
    waiting.reject(lost(subject, 'the acknowledgement is unreadable', error))
    return
  }
  if (answer.error !== undefined) {
    waiting.reject(refused(subject, answer.error))
  } else if (answer.stream !== stream || answer.seq === undefined) {
    waiting.reject(
      new SignetError(
        'SIGNET_STREAM_CONFLICT',
        `Stream ${answer.stream ?? '?'} took what is meant for ${stream}: their subjects overlap.`,
        { details: { subject, expected: stream, actual: answer.stream } },
      ),
    )
  } else {
    waiting.resolve({ stream, sequence: answer.seq, duplicate: answer.duplicate === true })
  }
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

function stopped(): SignetError {
  return new SignetError('SIGNET_STOPPED', 'The publisher was stopped.')
}

function lost(subject: string, why: string, cause?: unknown): SignetError {
  return new SignetError('SIGNET_LINK_LOST', `Not known to be stored: ${why}.`, {
    details: { subject },
    ...(cause === undefined ? {} : { cause }),
  })
}
