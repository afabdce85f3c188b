import { backoffMs } from './backoff.ts'

/** How a poller paces itself, in milliseconds. */
export interface PollPace {
  readonly intervalMs: number
  /** The longest wait after failures. */
  readonly mostMs: number
}

/** A tenth of the interval, so that a hundred stamps do not all ask in the same second. */
const JITTER = 0.1

/**
 * The wait before the next round. `failures`: how many rounds failed in a row. A server that says when to
 * come again is not asked earlier. `random` is in [0, 1).
 */
export function pollWaitMs(
  pace: PollPace,
  failures: number,
  retryAfterMs: number | undefined,
  random: number,
): number {
  if (failures === 0) return pace.intervalMs * (1 - JITTER + 2 * JITTER * random)
  // Twice the interval, for half of a back-off may be left to chance.
  const rule = { firstMs: 2 * pace.intervalMs, mostMs: pace.mostMs }
  return Math.max(backoffMs(rule, failures, random), retryAfterMs ?? 0)
}
