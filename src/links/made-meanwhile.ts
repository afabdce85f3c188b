import { JetStreamApiError } from '@nats-io/jetstream'

/** What the server says where another stream has the subjects. */
export const SUBJECTS_OVERLAP = 10_065

/**
 * Makes a stream that was not there. Undefined where somebody else made it since: while a server makes a
 * stream, it tells the next who asks for the same that its subjects are taken.
 */
export async function unlessMadeMeanwhile<T>(
  make: () => Promise<T>,
  isThere: () => Promise<boolean>,
): Promise<T | undefined> {
  try {
    return await make()
  } catch (error) {
    const isTaken = error instanceof JetStreamApiError && error.code === SUBJECTS_OVERLAP
    if (isTaken && (await isThere())) return undefined
    throw error
  }
}
