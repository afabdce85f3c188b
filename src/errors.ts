/**
 * Every failure that Signet names. `retry` says whether trying again may help, `exit` is the exit
 * code of a command that ends because of it (DESIGN 8: 1 failed, 2 bad input or configuration,
 * 3 drain overdue). Codes are permanent: never renamed, never reused. docs/errors.md tells an
 * operator what to do about each.
 */
export const errorTable = {
  SIGNET_USAGE: { retry: false, exit: 2 },
  SIGNET_CONFIG_INVALID: { retry: false, exit: 2 },
  SIGNET_TOPOLOGY_INVALID: { retry: false, exit: 2 },
  SIGNET_SUBJECT_INVALID: { retry: false, exit: 2 },
  SIGNET_EVENT_MALFORMED: { retry: false, exit: 2 },
  SIGNET_ONE_ACCOUNT: { retry: false, exit: 2 },
  SIGNET_AUTH_REFUSED: { retry: false, exit: 2 },
  SIGNET_PORT_TAKEN: { retry: false, exit: 2 },
  SIGNET_STREAM_CONFLICT: { retry: false, exit: 2 },
  SIGNET_JETSTREAM_MISSING: { retry: true, exit: 1 },
  SIGNET_LINK_LOST: { retry: true, exit: 1 },
  SIGNET_NOT_LEADING: { retry: true, exit: 1 },
  SIGNET_API_UNREACHABLE: { retry: true, exit: 1 },
  SIGNET_API_UNAUTHORIZED: { retry: true, exit: 1 },
  SIGNET_API_BAD_ANSWER: { retry: true, exit: 1 },
  SIGNET_API_REFUSED: { retry: false, exit: 1 },
  SIGNET_RECIPIENT_FAILED: { retry: true, exit: 1 },
  SIGNET_PUBLISH_REFUSED: { retry: false, exit: 1 },
  SIGNET_TOO_LARGE: { retry: false, exit: 1 },
  SIGNET_RESIDENCY_REFUSED: { retry: false, exit: 1 },
  SIGNET_START_FAILED: { retry: false, exit: 1 },
  SIGNET_STOPPED: { retry: false, exit: 1 },
  SIGNET_NO_HUB: { retry: true, exit: 1 },
  SIGNET_HUB_BUSY: { retry: true, exit: 1 },
  SIGNET_UNKNOWN_ID: { retry: false, exit: 2 },
  SIGNET_STAMP_REFUSED: { retry: false, exit: 1 },
  SIGNET_DRAIN_OVERDUE: { retry: false, exit: 3 },
  SIGNET_TUNNEL_NO_HUB: { retry: true, exit: 1 },
  SIGNET_TUNNEL_TIMEOUT: { retry: true, exit: 1 },
  SIGNET_TUNNEL_BROKEN: { retry: false, exit: 1 },
  SIGNET_TUNNEL_REFUSED: { retry: false, exit: 1 },
  SIGNET_TUNNEL_BUSY: { retry: true, exit: 1 },
  SIGNET_REGISTRATION_REFUSED: { retry: true, exit: 1 },
  SIGNET_NO_NATS_SERVER: { retry: false, exit: 1 },
  SIGNET_DEMO_FAILED: { retry: false, exit: 1 },
  SIGNET_INTERNAL: { retry: false, exit: 1 },
} as const satisfies Record<`SIGNET_${string}`, { retry: boolean; exit: number }>

export type ErrorCode = keyof typeof errorTable

/** Facts about a failure, as values a program can read. Never a secret. */
export type ErrorDetails = Readonly<Record<string, unknown>>

export interface SignetErrorOptions {
  readonly cause?: unknown
  readonly details?: ErrorDetails
}

/** The one error class of Signet. The message is a sentence for a person, without a stack. */
export class SignetError extends Error {
  override readonly name = 'SignetError'
  readonly code: ErrorCode
  readonly details: ErrorDetails

  constructor(code: ErrorCode, message: string, options: SignetErrorOptions = {}) {
    super(message, options.cause === undefined ? {} : { cause: options.cause })
    this.code = code
    this.details = options.details ?? {}
  }

  /** Whether trying again may help. */
  get retryable(): boolean {
    return errorTable[this.code].retry
  }

  /** The exit code of a command that ends because of this error. */
  get exitCode(): number {
    return errorTable[this.code].exit
  }
}

/** Whether a text, such as one from another version of Signet, is a code of this table. */
export function isErrorCode(text: string): text is ErrorCode {
  return Object.hasOwn(errorTable, text)
}

/** Whether `error` is a SignetError, and of that code where one is given. */
export function isSignetError(error: unknown, code?: ErrorCode): error is SignetError {
  return error instanceof SignetError && (code === undefined || error.code === code)
}
