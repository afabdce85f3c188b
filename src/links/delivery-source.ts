import type { Msg, Subscription } from '@nats-io/transport-node'
import { createInbox } from '@nats-io/transport-node'
import { SignetError } from '../errors.ts'
import type { Delivery, DurableSource } from './delivery.ts'
import type { NatsSide } from './nats-side.ts'
import { PulledDelivery } from './pulled-delivery.ts'
import type { Right } from './term.ts'

/**
 * A pull lasts this long, in milliseconds: after an outage reading goes on within seconds (nats-notes 2), and
 * a reader that stops waits no longer than that before it hands back what it has.
 */
export const PULL_MS = 1_000
/** A pull that would be over sooner than this is not worth asking for. */
const LEAST_PULL_MS = 100
/** An answer that is later than this after the end of its pull is not waited for. */
const LATE_MS = 1_500
const TICK_MS = 250
/** So many messages at most for one pull; most pulls end with it, or with the bytes. */
const BATCH = 200
/** Subject, reply and what else the server counts besides headers and body. */
const OVERHEAD_BYTES = 65_536
/** Statuses of a pull that has simply ended: nothing there, time over, no room for the next message. */
const ENDED = new Set([404, 408, 409])
/** What a 409 says when no further pull can help. */
const GONE = /consumer deleted|stream deleted|push based/i

export interface SourceOptions {
  /** `$JS.API`, or that of a domain. */
  readonly prefix: string
  readonly stream: string
  readonly durable: string
  /** How much one pull may bring, in bytes; the largest message that the server takes always fits. */
  readonly bufferBytes: number
  /** How far the consumer was before. */
  readonly from: ReadFrom
  /** No pull is asked for without it, and none lasts longer than it. */
  readonly right: Right
}

/** What a consumer has done before it is read. */
export interface ReadFrom {
  /** How many deliveries it has made. */
  readonly deliveries: number
  /** The sequence of the last message that it has handed out for the first time. */
  readonly deliveredUpTo: number
  /** How many messages it has handed out that nobody has acknowledged. */
  readonly unacknowledged: number
}

/**
 * Reads a durable, one pull at a time. The client's own `consume` asks for so many bytes as have just been
 * used up, which is too little for a large message after small ones: it waits seconds for each (measured:
 * 900 KB, one a second), and one above its limit stops it for good.
 *
 * Every delivery of a consumer has a turn. Where one is missing, messages were lost on the way, and would
 * come again after the ack wait, behind those that follow: the source hands out what came before them and
 * ends with an error, so that whoever opens it again can wait for them and order is kept. What comes again
 * comes first then, but in any order: for a reader that has gone, the server turns its list round and round
 * (measured: 56 tries within a second). So these are sorted before they are handed out.
 *
 * For the same reason nothing is handed back as long as a pull is out, for it would come to that one: a
 * server notices a reader that has gone away only where no gateway lies between them.
 */
export class PulledSource implements DurableSource {
  readonly #side: NatsSide
  readonly #options: SourceOptions
  readonly #inbox: string
  readonly #subscription: Subscription
  readonly #ticker: NodeJS.Timeout
  readonly #queue: PulledDelivery[] = []
  #queuedBytes = 0
  #wake: (() => void) | undefined
  readonly #givenBack: PulledDelivery[] = []
  #failure: Error | undefined
  #isStopped = false
  #ended: (() => void) | undefined
  /** Resolves when nothing more can come. */
  readonly #isEnded: Promise<void>
  #handedOut: number
  #expected: number
  /** What comes again, as long as more of it may come. */
  #again: PulledDelivery[] | undefined
  /** The pull that is out: its number, how many messages it may still bring, and when it is over for us. */
  #pull:
    | {
        readonly number: number
        left: number
        got: number
        readonly deadline: number
      }
    | undefined
  #pulls = 0
  #connects: number

  constructor(side: NatsSide, options: SourceOptions) {
    this.#side = side
    this.#options = options
    const { deliveries, unacknowledged } = options.from
    this.#expected = deliveries + 1
    this.#handedOut = deliveries
    if (unacknowledged > 0) this.#again = []
    this.#connects = side.connects
    this.#isEnded = new Promise((resolve) => {
      this.#ended = resolve
    })
    this.#inbox = createInbox(side.inboxPrefix)
    this.#subscription = side.connection.subscribe(`${this.#inbox}.*`, {
      callback: (error, message) => {
        if (error === null) this.#take(message)
        else this.#fail(lost('the server refused the inbox', error))
      },
    })
    this.#ticker = setInterval(() => {
      this.#tick()
    }, TICK_MS)
    this.#request()
  }

  /** The last turn that was handed out. */
  get handedOut(): number {
    return this.#handedOut
  }

  stop(): void {
    if (this.#isStopped) return
    this.#isStopped = true
    this.#wakeUp()
    this.#endIfOver()
  }

  giveBack(delivery: Delivery): void {
    if (delivery instanceof PulledDelivery) this.#givenBack.push(delivery)
  }

  async close(): Promise<void> {
    this.stop()
    await this.#isEnded
    const back = [...this.#queue.splice(0), ...(this.#again ?? []), ...this.#givenBack.splice(0)]
    if (this.#options.right.leftMs <= 0) return
    if (this.#failure !== undefined) throw this.#failure
    try {
      await Promise.all(back.map((delivery) => delivery.handBack()))
    } catch (error) {
      throw lost('what it had taken could not be handed back', error)
    }
  }

  async *[Symbol.asyncIterator](): AsyncIterator<Delivery> {
    try {
      for (;;) {
        if (this.#isStopped) return
        const delivery = this.#queue.shift()
        if (delivery !== undefined) {
          this.#queuedBytes -= delivery.body.length
          this.#handedOut = delivery.turn
          if (this.#pull === undefined && this.#hasRoom()) this.#request()
          yield delivery
        } else if (this.#failure !== undefined) throw this.#failure
        else {
          await new Promise<void>((resolve) => {
            this.#wake = resolve
          })
        }
      }
    } finally {
      this.stop()
    }
  }

  #request(): void {
    if (this.#isStopped || this.#failure !== undefined || !this.#side.state.connected) return
    const { prefix, stream, durable, bufferBytes, right } = this.#options
    // What a pull brings after the end of the right would be lost to whoever reads then.
    const lastsMs = Math.floor(Math.min(PULL_MS, right.leftMs))
    if (lastsMs < LEAST_PULL_MS) return
    const maxBytes = Math.max(bufferBytes, this.#side.maxPayloadBytes + OVERHEAD_BYTES)
    this.#pulls += 1
    this.#pull = {
      number: this.#pulls,
      left: BATCH,
      got: 0,
      deadline: performance.now() + lastsMs + LATE_MS,
    }
    const pull = { batch: BATCH, max_bytes: maxBytes, expires: lastsMs * 1e6 }
    this.#side.connection.publish(
      `${prefix}.CONSUMER.MSG.NEXT.${stream}.${durable}`,
      JSON.stringify(pull),
      { reply: `${this.#inbox}.${this.#pulls}` },
    )
  }

  #take(message: Msg): void {
    if (this.#failure !== undefined) return
    const delivery = PulledDelivery.from(this.#side, message)
    if (delivery === undefined) {
      this.#status(message)
      return
    }
    // A server that was killed may have forgotten its last turns: what it hands out then comes again.
    if (delivery.turn > this.#expected) {
      const missing = delivery.turn - this.#expected
      this.#fail(lost(`${missing} of its messages were lost on the way, and come again`))
      return
    }
    this.#expected = delivery.turn + 1
    this.#keep(delivery)
    const pull = this.#pull
    if (pull !== undefined) {
      pull.left -= 1
      pull.got += 1
      if (pull.left <= 0) this.#pullEnded()
    }
    this.#wakeUp()
  }

  #keep(delivery: PulledDelivery): void {
    this.#queuedBytes += delivery.body.length
    if (this.#again === undefined) {
      this.#queue.push(delivery)
      return
    }
    const { deliveredUpTo, unacknowledged } = this.#options.from
    this.#again.push(delivery)
    // Messages that are new come after all those that come again.
    if (delivery.sequence > deliveredUpTo || this.#again.length >= unacknowledged) this.#sortAgain()
  }

  #sortAgain(): void {
    const again = this.#again ?? []
    this.#again = undefined
    this.#queue.push(...again.sort((a, b) => a.sequence - b.sequence))
  }

  #status(message: Msg): void {
    const code = message.headers?.code ?? 0
    const text = message.headers?.description ?? ''
    if (code === 100) return
    const pull = this.#pull
    // Of a pull that is no longer waited for.
    if (pull === undefined || message.subject !== `${this.#inbox}.${pull.number}`) return
    if (!ENDED.has(code) || GONE.test(text)) {
      this.#fail(lost(code === 503 ? 'nobody answers for it' : `${code} ${text}`))
    } else if (code !== 409) {
      // Nothing more is there now.
      this.#sortAgain()
      this.#pullEnded()
      this.#wakeUp()
    } else if (pull.got === 0) {
      // No room for even one, or too many pulls: not again at once.
      this.#pull = undefined
      this.#endIfOver()
    } else this.#pullEnded()
  }

  /** Asks for more, unless enough is waiting here. */
  #pullEnded(): void {
    this.#pull = undefined
    this.#endIfOver()
    if (this.#hasRoom()) this.#request()
  }

  /** Lets go of the inbox when a source that was stopped has no pull out any more. */
  #endIfOver(): void {
    const { right } = this.#options
    const isOut = this.#pull !== undefined && this.#failure === undefined && right.leftMs > 0
    if (!this.#isStopped || isOut) return
    clearInterval(this.#ticker)
    this.#subscription.unsubscribe()
    this.#ended?.()
  }

  /** Whether half of what may wait here is used up, so that more can come while that is worked on. */
  #hasRoom(): boolean {
    return this.#queue.length < BATCH / 2 && this.#queuedBytes < this.#options.bufferBytes / 2
  }

  #tick(): void {
    const { connects } = this.#side
    // A pull does not outlive its connection.
    const isOver = connects !== this.#connects || (this.#pull?.deadline ?? 0) < performance.now()
    this.#connects = connects
    if (isOver) this.#pullEnded()
    else this.#endIfOver()
  }

  #fail(error: SignetError): void {
    this.#failure ??= error
    this.#wakeUp()
    this.#endIfOver()
  }

  #wakeUp(): void {
    this.#wake?.()
    this.#wake = undefined
  }
}

function lost(why: string, cause?: unknown): SignetError {
  const message = `A consumer can no longer be read: ${why}.`
  return new SignetError('SIGNET_LINK_LOST', message, cause === undefined ? {} : { cause })
}
