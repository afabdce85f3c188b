import { isSignetError } from '../errors.ts'
import type { Log } from '../observe/log.ts'

/** What runs until it is told to stop. */
export interface Running {
  start(): Promise<void>
  stop(): Promise<void>
}

/**
 * Starts something, and drains it when `stopped` is aborted. Resolves with the exit code: 0 after a clean
 * drain, 3 when it was overdue, 1 when something else went wrong in it. Throws what kept it from starting.
 */
export async function runToEnd(running: Running, stopped: AbortSignal, log: Log): Promise<number> {
  const drained = new Promise<number>((resolve) => {
    const begin = (): void => {
      log.info({}, 'Draining.')
      resolve(drain(running, log))
    }
    if (stopped.aborted) begin()
    else stopped.addEventListener('abort', begin, { once: true })
  })
  try {
    await running.start()
    log.info({}, 'Started.')
  } catch (error) {
    // Told to stop while it started: how the drain ends is what counts.
    if (!stopped.aborted) throw error
  }
  return drained
}

async function drain(running: Running, log: Log): Promise<number> {
  try {
    await running.stop()
    log.info({}, 'Stopped.')
    return 0
  } catch (error) {
    log.error({ error }, 'Did not stop cleanly.')
    const failures: unknown[] = error instanceof AggregateError ? error.errors : [error]
    return failures.some((failure) => isSignetError(failure, 'SIGNET_DRAIN_OVERDUE')) ? 3 : 1
  }
}
