import type { Store } from '../links/store.ts'
import type { Log } from '../observe/log.ts'
import { sleep } from '../runtime/clock.ts'

/** A durable consumer, and who hears that its store does not answer. */
export interface Backlog {
  readonly store: Store
  readonly stream: string
  readonly durable: string
  readonly log: Log
}

const POLL_MS = 100

/**
 * Resolves when what lay in a stream at the start is taken in: clocks must not overtake answers, and nothing
 * may be told of a task that was aborted meanwhile.
 */
export async function caughtUp(
  { store, stream, durable, log }: Backlog,
  signal: AbortSignal,
): Promise<void> {
  let target: number | undefined
  for (;;) {
    try {
      target ??= (await store.stream(stream))?.lastSequence ?? 0
      if (target === 0) return
      const state = await store.consumer(stream, durable)
      const isEmpty = state?.pending === 0 && state.unacknowledged === 0
      if (state !== undefined && (isEmpty || state.ackFloor >= target)) return
    } catch (error) {
      log.debug({ error, stream }, 'A store does not answer.')
    }
    await sleep(POLL_MS, signal)
  }
}
