import { isErrorCode } from '../errors.ts'
import type { ErrorCode } from '../errors.ts'
import { isName } from './name.ts'
import { isJsonObject, parseJsonObject } from './json.ts'

/**
 * What a command asks of a hub, and what it is told (DESIGN 8). A request is a message to
 * `signet.F.control.C.<verb>`; its answer comes in messages to the inbox of whoever asked (control-parts.ts).
 * While it waits, the command says its request again every `REPEAT_MS`: the hub knows by its id that it is the
 * same, and that somebody still waits. So neither side needs a right beyond that one subject.
 */
export interface ControlRequest {
  readonly version: 1
  /** Random; the same each time the request is said again. */
  readonly id: string
  /** Who asks, as they say: `user@host`. NATS vouches for the user of the connection only. */
  readonly by: string
  /** In which stamp and geo they ask, as they say. */
  readonly stamp?: string
  readonly geo?: string
  readonly args: Readonly<Record<string, unknown>>
  /** Nobody waits any more. */
  readonly cancelled: boolean
}

/** How often a request is said again, in milliseconds. */
export const REPEAT_MS = 2_000
/** A request that was not said again for so long is given up, in milliseconds. */
export const ABANDONED_MS = 15_000
/** How often a hub that is at work says so, in milliseconds. */
export const PROGRESS_MS = 1_000

/** The verbs that only look, and those that change something: NATS permissions tell them apart. */
export const READING_VERBS = [
  'dlq-ls',
  'dlq-show',
  'rollout-ls',
  'rollout-show',
  'stamp-ls',
  'status',
  'trace',
] as const
export const CHANGING_VERBS = [
  'dlq-purge',
  'dlq-retry',
  'replay',
  'rollout-abort',
  'rollout-pause',
  'rollout-resume',
  'stamp-approve',
  'stamp-drain',
  'stamp-undrain',
] as const

/** The answer as JSON. */
export type ControlAnswer =
  | { readonly ok: true; readonly value: unknown }
  | {
      readonly ok: false
      readonly code: ErrorCode
      readonly message: string
      readonly details?: Readonly<Record<string, unknown>>
    }

const ID = /^[\w-]{8,64}$/
const BY_LIMIT = 200
// oxlint-disable-next-line no-control-regex
const CONTROL_CHARACTERS = /[\u0000-\u001f\u007f-\u009f]/g

/** Reads a request; undefined where it is none. Fields that it does not know are left for newer commands. */
export function parseControlRequest(text: string): ControlRequest | undefined {
  const json = parseJsonObject(text)
  if (json?.['version'] !== 1) return undefined
  const { id, by, args, cancelled = false } = json
  if (typeof id !== 'string' || !ID.test(id) || typeof by !== 'string') return undefined
  if (!isJsonObject(args) || typeof cancelled !== 'boolean') return undefined
  // It goes into logs: one line, and not a long one.
  const name = by.replaceAll(CONTROL_CHARACTERS, ' ').slice(0, BY_LIMIT)
  return {
    version: 1,
    id,
    by: name,
    ...nameIn(json, 'stamp'),
    ...nameIn(json, 'geo'),
    args,
    cancelled,
  }
}

function nameIn(json: Readonly<Record<string, unknown>>, key: 'stamp' | 'geo') {
  const value = json[key]
  return typeof value === 'string' && isName(value) ? { [key]: value } : {}
}

/** Reads an answer; undefined where it is none. A code of a newer hub becomes `SIGNET_INTERNAL`. */
export function parseControlAnswer(text: string): ControlAnswer | undefined {
  const json = parseJsonObject(text)
  if (json?.['ok'] === true) return { ok: true, value: json['value'] }
  if (json?.['ok'] !== false) return undefined
  const { code, message, details } = json
  if (typeof code !== 'string' || typeof message !== 'string') return undefined
  return {
    ok: false,
    code: isErrorCode(code) ? code : 'SIGNET_INTERNAL',
    message,
    ...(isJsonObject(details) ? { details } : {}),
  }
}
