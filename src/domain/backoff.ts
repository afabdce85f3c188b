/** How long to wait before a try, in milliseconds. */
export interface BackoffRule {
  readonly firstMs: number
  readonly mostMs: number
}

/**
 * The wait before try number `attempt` (the first retry is 1): doubling, capped, and spread over its upper
 * half, so that fifty stamps that lost one gateway do not all come back in the same instant.
 * `random` is a number in [0, 1).
 */
export function backoffMs(rule: BackoffRule, attempt: number, random: number): number {
  const full = Math.min(rule.mostMs, rule.firstMs * 2 ** Math.min(attempt - 1, 30))
  return full / 2 + (full / 2) * random
}
