import type { CollectOptions } from './collect.ts'
import { collect } from './collect.ts'
import type { UpWay } from './up-pump.ts'

/** How long what was sent may still be acknowledged when the agent stops or the link changes, in milliseconds. */
const GRACE_MS = 500

/**
 * Up by the hub store. What is let go of before its acknowledgement goes on by itself, and comes there under the
 * same message id as every other try.
 */
export function natsWay(
  options: Pick<
    CollectOptions,
    'topology' | 'place' | 'publisher' | 'deadLetters' | 'border' | 'metrics'
  >,
): UpWay {
  return {
    async send(delivery, event, _how, signal) {
      const stored = collect(options, delivery, event)
      // Nobody may be there any more to hear of it.
      stored.catch(() => undefined)
      await Promise.race([stored, aborted(signal)])
    },
  }
}

function aborted(signal: AbortSignal): Promise<never> {
  return new Promise((_, reject) => {
    const letGo = (): void => {
      setTimeout(() => {
        reject(signal.reason as Error)
      }, GRACE_MS)
    }
    if (signal.aborted) letGo()
    else signal.addEventListener('abort', letGo, { once: true })
  })
}
