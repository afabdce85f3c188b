import type { Direction } from '../domain/subject.ts'
import { isSignetError } from '../errors.ts'
import type { DeadLetters, SetAside } from './dead-letters.ts'

/**
 * Does the work of a delivery; what no retry can mend becomes a dead letter with its reason, and the flow
 * goes on. All else is thrown, and so tried again.
 */
export async function orSetAside(
  deadLetters: DeadLetters,
  direction: Direction,
  delivery: SetAside,
  work: () => Promise<void>,
): Promise<void> {
  try {
    await work()
  } catch (error) {
    if (isSignetError(error, 'SIGNET_TOO_LARGE'))
      await deadLetters.store(direction, delivery, 'oversize', error.message)
    else if (isSignetError(error, 'SIGNET_PUBLISH_REFUSED'))
      await deadLetters.store(direction, delivery, 'refused', error.message)
    else throw error
  }
}
