import type { Msg } from '@nats-io/transport-node'
import type { Delivery } from './delivery.ts'
import type { NatsSide } from './nats-side.ts'

/** What the subject of an acknowledgement says of its delivery. */
interface AckFacts {
  readonly attempt: number
  /** Sequence in the stream. */
  readonly sequence: number
  /** The how-manieth delivery of the consumer it is: each one counts, also of the same message. */
  readonly turn: number
  readonly storedAt: number
  readonly pending: number
}

/** Tokens before the facts: `$JS.ACK.<stream>.<consumer>`, or with domain and account hash as well. */
const SHORT = { tokens: 9, facts: 4 }
const LONG_FACTS = 6

const ACK = '+ACK'
const WORKING = '+WPI'

/** A message that a pull request brought. */
export class PulledDelivery implements Delivery {
  readonly #side: NatsSide
  readonly #message: Msg
  readonly #facts: AckFacts

  /** Undefined where the message is no delivery of a consumer. */
  static from(side: NatsSide, message: Msg): PulledDelivery | undefined {
    const facts = message.reply === undefined ? undefined : ackFacts(message.reply)
    return facts === undefined ? undefined : new PulledDelivery(side, message, facts)
  }

  private constructor(side: NatsSide, message: Msg, facts: AckFacts) {
    this.#side = side
    this.#message = message
    this.#facts = facts
  }

  get subject(): string {
    return this.#message.subject
  }

  get body(): Uint8Array {
    return this.#message.data
  }

  header(name: string): string | undefined {
    const value = this.#message.headers?.get(name)
    return value === '' ? undefined : value
  }

  get sequence(): number {
    return this.#facts.sequence
  }

  get storedAt(): number {
    return this.#facts.storedAt
  }

  get attempt(): number {
    return this.#facts.attempt
  }

  get pending(): number {
    return this.#facts.pending
  }

  get turn(): number {
    return this.#facts.turn
  }

  ack(): void {
    this.#side.soon(() => {
      this.#message.respond(ACK)
    })
  }

  nak(delayMs: number): void {
    const delay = delayMs > 0 ? ` {"delay":${Math.round(delayMs * 1e6)}}` : ''
    this.#message.respond(`-NAK${delay}`)
  }

  working(): void {
    this.#message.respond(WORKING)
  }
}

function ackFacts(reply: string): AckFacts | undefined {
  const tokens = reply.split('.')
  if (tokens[0] !== '$JS' || tokens[1] !== 'ACK' || tokens.length < SHORT.tokens) return undefined
  const first = tokens.length === SHORT.tokens ? SHORT.facts : LONG_FACTS
  const [attempt, sequence, turn, storedAtNs, pending] = tokens.slice(first, first + 5).map(Number)
  return {
    attempt: attempt ?? 0,
    sequence: sequence ?? 0,
    turn: turn ?? 0,
    storedAt: Math.floor((storedAtNs ?? 0) / 1e6),
    pending: pending ?? 0,
  }
}
