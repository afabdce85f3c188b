import type { FailHead } from '../domain/tunnel-frame.ts'
import type { ErrorCode } from '../errors.ts'
import { SignetError } from '../errors.ts'

/** What a `fail` means: the code of its error, the HTTP status of a client's answer, and who asks again. */
interface FailureKind {
  readonly code: ErrorCode
  readonly status: number
  /** Another try may go to another hub agent, or find this one done. */
  readonly again?: true
}

/** Every reason that a call has to fail, bounded for it is a label of the metrics. */
export const FAILURES = {
  'bad-request': { code: 'SIGNET_TUNNEL_REFUSED', status: 400 },
  'unknown-stamp': { code: 'SIGNET_TUNNEL_REFUSED', status: 403 },
  method: { code: 'SIGNET_TUNNEL_REFUSED', status: 403 },
  denied: { code: 'SIGNET_TUNNEL_REFUSED', status: 403 },
  'not-allowed': { code: 'SIGNET_TUNNEL_REFUSED', status: 403 },
  'other-stamp': { code: 'SIGNET_TUNNEL_REFUSED', status: 403 },
  residency: { code: 'SIGNET_TUNNEL_REFUSED', status: 403 },
  'too-large': { code: 'SIGNET_TOO_LARGE', status: 413 },
  'too-many': { code: 'SIGNET_TUNNEL_BUSY', status: 429 },
  draining: { code: 'SIGNET_TUNNEL_NO_HUB', status: 503, again: true },
  'store-away': { code: 'SIGNET_TUNNEL_NO_HUB', status: 503, again: true },
  'no-hub': { code: 'SIGNET_TUNNEL_NO_HUB', status: 502 },
  'service-away': { code: 'SIGNET_TUNNEL_BROKEN', status: 502 },
  'service-broken': { code: 'SIGNET_TUNNEL_BROKEN', status: 502 },
  'answer-lost': { code: 'SIGNET_TUNNEL_BROKEN', status: 502 },
  broken: { code: 'SIGNET_TUNNEL_BROKEN', status: 502 },
  'hub-gone': { code: 'SIGNET_TUNNEL_BROKEN', status: 502 },
  late: { code: 'SIGNET_TUNNEL_TIMEOUT', status: 504 },
  cancelled: { code: 'SIGNET_STOPPED', status: 499 },
} as const satisfies Readonly<Record<string, FailureKind>>

export type FailureReason = keyof typeof FAILURES

/** A call that was not answered, with its reason. `applied`: whether the service may have done it. */
export function failure(
  reason: FailureReason,
  message: string,
  applied: FailHead['applied'] = 'no',
  cause?: unknown,
): SignetError {
  const kind: FailureKind = FAILURES[reason]
  return new SignetError(kind.code, message, {
    details: { reason, applied, status: kind.status },
    ...(cause === undefined ? {} : { cause }),
  })
}

/** The same as it goes through the tunnel. */
export function failHead(error: unknown): FailHead {
  const { reason, applied } = facts(error)
  return { reason, message: error instanceof Error ? error.message : 'unknown', applied }
}

export function fromFailHead({ reason, message, applied }: FailHead): SignetError {
  // A newer hub may know reasons that this agent does not.
  return failure(isReason(reason) ? reason : 'broken', message, applied)
}

export function reasonOf(error: unknown): FailureReason {
  return facts(error).reason
}

export function appliedOf(error: unknown): FailHead['applied'] {
  return facts(error).applied
}

/** Whether the same call is worth another try, by whoever answers then. */
export function isWorthAnother(error: unknown): boolean {
  const kind: FailureKind = FAILURES[reasonOf(error)]
  return kind.again === true
}

function facts(error: unknown): { reason: FailureReason; applied: FailHead['applied'] } {
  if (error instanceof SignetError) {
    const { reason, applied } = error.details
    const isKnownApplied = applied === 'no' || applied === 'maybe' || applied === 'yes'
    if (typeof reason === 'string' && isReason(reason))
      return { reason, applied: isKnownApplied ? applied : 'maybe' }
    if (error.code === 'SIGNET_TOO_LARGE') return { reason: 'too-large', applied: 'no' }
    if (error.code === 'SIGNET_STOPPED') return { reason: 'cancelled', applied: 'maybe' }
  }
  return { reason: 'broken', applied: 'maybe' }
}

function isReason(text: string): text is FailureReason {
  return Object.hasOwn(FAILURES, text)
}
