import { setTimeout as sleep } from 'node:timers/promises'

/**
 * Asks `probe` again and again, first every 5 ms and later every 100 ms, until it answers something
 * else than undefined, and returns that. Rejects with what `probe` throws, and with `overdue()` once
 * `limitMs` have gone by without an answer.
 */
export async function waitUntil<T>(
  probe: () => T | undefined | Promise<T | undefined>,
  limitMs: number,
  overdue: () => Error | Promise<Error>,
): Promise<T> {
  const deadline = performance.now() + limitMs
  for (let pauseMs = 5; ; pauseMs = Math.min(pauseMs * 1.5, 100)) {
    // Asked before the probe: a slow machine must not cost the last try.
    const isLast = performance.now() >= deadline
    const answer = await probe()
    if (answer !== undefined) return answer
    if (isLast) throw await overdue()
    await sleep(pauseMs)
  }
}
