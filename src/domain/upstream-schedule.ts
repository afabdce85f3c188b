import type { BackoffRule } from './backoff.ts'
import { backoffMs } from './backoff.ts'
import { ALIVE_MS } from './sign-of-life.ts'

/** How often the control plane is told of an integration, in milliseconds. */
export interface UpstreamPace {
  /** While nothing changes, at most once in so long. */
  readonly pingMs: number
  /** Spread over so much more, so that what registered in one moment is not told in one moment for ever. */
  readonly spreadMs: number
  /** After a failure with one of them. */
  readonly backoff: BackoffRule
  /** While no call gets through, the first is tried again after this, for all. */
  readonly outage: BackoffRule
}

/** Keptn may forget after a minute (wire 4.3): two tries fit in, and a failure or two. */
export const UPSTREAM_PACE: UpstreamPace = {
  pingMs: 20_000,
  spreadMs: 5_000,
  backoff: { firstMs: 1_000, mostMs: 15_000 },
  outage: { firstMs: 1_000, mostMs: 15_000 },
}

/** What decides when the control plane is told of an integration. Times in milliseconds since the epoch. */
export interface UpstreamNeed {
  /** It was removed here. */
  readonly isRemoved: boolean
  readonly isKnownUpstream: boolean
  /** Whether the control plane's entry of it is not as it should be. */
  readonly isOutdated: boolean
  /** When the integration itself was last heard of. */
  readonly seenAt: number
  /** When the control plane was last told; undefined: never by this agent. */
  readonly toldAt: number | undefined
  /** When that last failed, and how often since it last worked. */
  readonly failedAt: number
  readonly failures: number
  /** In [0, 1), the same until it was told again. */
  readonly random: number
}

/**
 * When the control plane is to be told of an integration; undefined: not before something happens. A
 * change at once, a sign of life seldom, and neither for one that is silent: it has to expire there as it
 * would without us.
 */
export function dueAt(need: UpstreamNeed, now: number, pace: UpstreamPace): number | undefined {
  const { failures, failedAt, random } = need
  const retryAt = failures === 0 ? 0 : failedAt + backoffMs(pace.backoff, failures, random)
  if (need.isRemoved) return need.isKnownUpstream ? retryAt : undefined
  if (now - need.seenAt >= ALIVE_MS) return undefined
  if (need.isOutdated || !need.isKnownUpstream || need.toldAt === undefined) return retryAt
  if (need.seenAt <= need.toldAt) return undefined
  return Math.max(retryAt, need.toldAt + pace.pingMs + random * pace.spreadMs)
}
