import type { BackoffRule } from '../domain/backoff.ts'
import { backoffMs } from '../domain/backoff.ts'
import { SignetError } from '../errors.ts'
import { sleep } from './clock.ts'

const RULE: BackoffRule = { firstMs: 100, mostMs: 2_000 }

/**
 * Does something until it works. What no retry can mend is thrown at once, and so is the signal's reason
 * when it is aborted.
 */
export async function untilDone<T>(
  work: () => Promise<T>,
  signal: AbortSignal,
  onTrouble: (error: SignetError) => void,
): Promise<T> {
  for (let attempt = 1; ; attempt += 1) {
    signal.throwIfAborted()
    try {
      return await work()
    } catch (error) {
      if (!(error instanceof SignetError) || !error.retryable) throw error
      onTrouble(error)
      await sleep(backoffMs(RULE, attempt, Math.random()), signal)
    }
  }
}
