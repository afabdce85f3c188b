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

/** The server answers at once; what it did not answer is unknown. */
const HAND_BACK_MS = 2_000

const ACK = new TextEncoder().encode('+ACK')
const WORKING = new TextEncoder().encode('+WPI')

/** A message that a pull request brought. */
export class PulledDelivery implements Delivery {
  readonly #side: NatsSide
  readonly #message: Msg
  readonly #facts: AckFacts
  #headerText: string | undefined

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
    this.#headerText ??= headerText(this.#message)
    const line = `\r\n${name}:`
    const at = this.#headerText.indexOf(line)
    if (at < 0) return undefined
    const start = at + line.length
    const value = this.#headerText.slice(start, this.#headerText.indexOf('\r\n', start)).trim()
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

  /** Hands it back, to come again at once to whoever reads then; resolves when the server has done so. */
  async handBack(): Promise<void> {
    const { reply = '' } = this.#message
    await this.#side.connection.request(reply, '-NAK', { timeout: HAND_BACK_MS })
  }

  working(): void {
    this.#message.respond(WORKING)
  }
}

const DOT = '.'.charCodeAt(0)
const ZERO = '0'.charCodeAt(0)

/** In one pass, since every message is asked: taking the subject apart would cost more than to parse the event. */
function ackFacts(reply: string): AckFacts | undefined {
  if (!reply.startsWith('$JS.ACK.')) return undefined
  let tokens = 1
  for (let at = 0; at < reply.length; at += 1) if (reply.charCodeAt(at) === DOT) tokens += 1
  if (tokens < SHORT.tokens) return undefined
  const first = tokens === SHORT.tokens ? SHORT.facts : LONG_FACTS
  const facts = [0, 0, 0, 0, 0]
  let token = 0
  for (let at = 0; at < reply.length; at += 1) {
    const code = reply.charCodeAt(at)
    if (code === DOT) token += 1
    else if (token >= first && token < first + facts.length)
      facts[token - first] = (facts[token - first] ?? 0) * 10 + code - ZERO
  }
  const [attempt = 0, sequence = 0, turn = 0, storedAtNs = 0, pending = 0] = facts
  return { attempt, sequence, turn, storedAt: Math.floor(storedAtNs / 1e6), pending }
}

/**
 * The headers as they stand in the message. The client takes all of them apart when one is asked for, with
 * several objects for each, which made up a third of the garbage of an agent; most messages are asked for
 * two. So their bytes are read where this release of the client keeps them, and where it does not, what it
 * made of them.
 */
export function headerText(message: Pick<Msg, 'headers'>): string {
  const { _rdata: bytes, _msg: facts } = message as RawMessage
  if (bytes instanceof Uint8Array && typeof facts?.hdr === 'number') {
    const length = Math.max(0, facts.hdr)
    return Buffer.from(bytes.buffer, bytes.byteOffset, length).toString('utf8')
  }
  const lines = [...(message.headers ?? [])].map(([name, [value]]) => `\r\n${name}: ${value ?? ''}`)
  return `${lines.join('')}\r\n`
}

/** What the client's class of messages holds, besides what it promises. */
interface RawMessage {
  readonly _rdata?: unknown
  readonly _msg?: { readonly hdr?: unknown }
}
