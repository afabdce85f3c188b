import type { HeaderFields } from './http-fields.ts'
import type { JsonObject } from './json.ts'
import { parseJsonObject } from './json.ts'

/**
 * The messages of the API tunnel. A call begins with an `ask` to the subject of its stamp, and ends with an
 * `answer` that is whole, an `end` or a `fail`. What does not fit into one message flows as `data`: numbered
 * from 0, no more of them than the receiver has given `credit` for, and closed by an `end` that says how
 * many there were. Both sides say `alive` when they have nothing else to say, and either may `cancel`.
 * The drawing is in docs/architecture.md.
 */
export type Frame =
  | { readonly kind: 'ask'; readonly head: AskHead; readonly body: Uint8Array }
  | { readonly kind: 'take'; readonly head: TakeHead }
  | { readonly kind: 'alive'; readonly head: AliveHead }
  | { readonly kind: 'answer'; readonly head: AnswerHead; readonly body: Uint8Array }
  | { readonly kind: 'data'; readonly head: DataHead; readonly body: Uint8Array }
  | { readonly kind: 'end'; readonly head: DataHead }
  | { readonly kind: 'credit'; readonly head: CreditHead }
  | { readonly kind: 'cancel'; readonly head: object }
  | { readonly kind: 'fail'; readonly head: FailHead }

/** What a stamp asks of a service. */
export interface AskHead {
  /** The same whenever the same call is asked again: a call that changes something is applied once. */
  readonly id: string
  readonly service: string
  readonly method: string
  /** Path and query, raw. */
  readonly target: string
  readonly headers: HeaderFields
  /** `whole`: the rest of the message. `stream`: it follows. `sent`: it went to whom was asked before. */
  readonly upload: 'whole' | 'stream' | 'sent'
  /** The length of a streamed body where the client has told it, in bytes. */
  readonly length?: number
  /** How long the answer may take to begin, from the end of the body on, in milliseconds. */
  readonly answerMs: number
  /** The largest part of a body that the stamp takes in one message, in bytes. */
  readonly chunkBytes: number
  /** How many parts of the answer may come before it gives more. */
  readonly credit: number
}

/** A hub agent takes a body in. */
export interface TakeHead {
  /** Where the stamp finds this call from now on: the last two tokens of a subject. */
  readonly to: string
  readonly credit: number
  readonly chunkBytes: number
}

export interface AliveHead {
  /** As in `take`; from the hub only. */
  readonly to?: string
}

export interface AnswerHead {
  readonly status: number
  readonly headers: HeaderFields
  /** Whether the body is the rest of the message, all of it; else it follows. */
  readonly whole: boolean
  readonly to: string
}

export interface DataHead {
  /** Of a part its number, from 0; of the end how many parts there were. */
  readonly n: number
}

export interface CreditHead {
  readonly n: number
}

/** Why a call was not answered. */
export interface FailHead {
  readonly reason: string
  readonly message: string
  /** Whether the service may have done what it was asked. */
  readonly applied: 'no' | 'maybe' | 'yes'
}

const VERSION = 1
const KINDS = [
  'ask',
  'take',
  'alive',
  'answer',
  'data',
  'end',
  'credit',
  'cancel',
  'fail',
] as const satisfies readonly Frame['kind'][]
/** Version, kind, and the length of the head in four bytes. */
const PREFIX_BYTES = 6
/** Many times what a head of the largest allowed header fields takes. */
const MOST_HEAD_BYTES = 262_144

/** The most that a message takes beside its body: what a sender must leave room for. */
export function frameBytes(head: object): number {
  return PREFIX_BYTES + Buffer.byteLength(JSON.stringify(head))
}

export function encodeFrame(frame: Frame): Uint8Array {
  const head = Buffer.from(JSON.stringify(frame.head))
  const body = 'body' in frame ? frame.body : new Uint8Array()
  const bytes = Buffer.allocUnsafe(PREFIX_BYTES + head.length + body.length)
  bytes.writeUInt8(VERSION, 0)
  bytes.writeUInt8(KINDS.indexOf(frame.kind), 1)
  bytes.writeUInt32BE(head.length, 2)
  bytes.set(head, PREFIX_BYTES)
  bytes.set(body, PREFIX_BYTES + head.length)
  return bytes
}

/** Undefined for whatever is no frame of this version, or one that says something impossible. */
export function decodeFrame(bytes: Uint8Array): Frame | undefined {
  const view = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  if (view.length < PREFIX_BYTES || view.readUInt8(0) !== VERSION) return undefined
  const kind = KINDS[view.readUInt8(1)]
  const length = view.readUInt32BE(2)
  const bodyAt = PREFIX_BYTES + length
  if (kind === undefined || length > MOST_HEAD_BYTES || bodyAt > view.length) return undefined
  const head = parseJsonObject(view.toString('utf8', PREFIX_BYTES, bodyAt))
  if (head === undefined || !CHECKS[kind](head)) return undefined
  const body = view.subarray(bodyAt)
  const hasBody = kind === 'ask' || kind === 'answer' || kind === 'data'
  if (!hasBody && body.length > 0) return undefined
  // The check of its kind has made it true.
  return (hasBody ? { kind, head, body } : { kind, head }) as Frame
}

/** Two tokens of a subject, as `take` tells them; nothing that could lead elsewhere. */
const ADDRESS = /^[A-Za-z0-9]{1,64}\.[a-z0-9]{1,16}$/
const ID = /^[\w-]{1,64}$/
const REASON = /^[a-z-]{1,40}$/

const CHECKS: Readonly<Record<Frame['kind'], (head: JsonObject) => boolean>> = {
  ask: (head) =>
    isText(head['id'], ID) &&
    isText(head['service']) &&
    isText(head['method']) &&
    isText(head['target']) &&
    isFields(head['headers']) &&
    ['whole', 'stream', 'sent'].includes(head['upload'] as string) &&
    (head['length'] === undefined || isCount(head['length'])) &&
    isCount(head['answerMs']) &&
    isCount(head['chunkBytes']) &&
    isCount(head['credit']),
  take: (head) =>
    isText(head['to'], ADDRESS) && isCount(head['credit']) && isCount(head['chunkBytes']),
  alive: (head) => head['to'] === undefined || isText(head['to'], ADDRESS),
  answer: (head) =>
    isStatus(head['status']) &&
    isFields(head['headers']) &&
    typeof head['whole'] === 'boolean' &&
    isText(head['to'], ADDRESS),
  data: (head) => isCount(head['n']),
  end: (head) => isCount(head['n']),
  credit: (head) => isCount(head['n']),
  cancel: () => true,
  fail: (head) =>
    isText(head['reason'], REASON) &&
    isText(head['message']) &&
    ['no', 'maybe', 'yes'].includes(head['applied'] as string),
}

function isText(value: unknown, pattern?: RegExp): value is string {
  return typeof value === 'string' && (pattern === undefined || pattern.test(value))
}

function isCount(value: unknown): value is number {
  return Number.isSafeInteger(value) && (value as number) >= 0
}

/** A final one: what comes before it (1xx) is for the next hop only. */
function isStatus(value: unknown): value is number {
  return isCount(value) && value >= 200 && value <= 599
}

function isFields(value: unknown): value is HeaderFields {
  return (
    Array.isArray(value) &&
    value.every(
      (field) => Array.isArray(field) && field.length === 2 && field.every((it) => isText(it)),
    )
  )
}
