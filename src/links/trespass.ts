import { headers, PermissionViolationError } from '@nats-io/transport-node'
import { isForbidden } from './inspection.ts'
import type { NatsSide } from './nats-side.ts'

/** `unknown`: nobody is there who would answer, and the server did not refuse. */
export type Allowed = 'allowed' | 'refused' | 'unknown'

/** No stream has this name: what expects it is stored by none. */
const NO_STREAM = 'signet-doctor'
const EXPECTED_STREAM = 'Nats-Expected-Stream'
/** A refusal comes before the answer to a flush; from another thread of the server perhaps just after. */
const REFUSAL_MS = 100

/**
 * Whether this user may say something to a stream's subject. Nothing is stored: the message expects a stream
 * that is not, and JetStream answers that it is another one.
 */
export async function mayPublish(
  side: NatsSide,
  subject: string,
  timeoutMs: number,
): Promise<Allowed> {
  const head = headers()
  head.set(EXPECTED_STREAM, NO_STREAM)
  return answered(side, subject, '', timeoutMs, head)
}

/** Whether this user may ask something of the JetStream API. Nothing is done: the request is no JSON. */
export async function mayAsk(side: NatsSide, subject: string, timeoutMs: number): Promise<Allowed> {
  return answered(side, subject, 'signet doctor asks only whether it may', timeoutMs)
}

/** Whether this user may listen. Listens to nothing that is said. */
export async function mayListen(side: NatsSide, pattern: string): Promise<Allowed> {
  let isRefused = false
  const subscription = side.connection.subscribe(pattern, {
    callback: (error) => {
      if (error instanceof PermissionViolationError) isRefused = true
    },
  })
  try {
    await side.connection.flush()
    await new Promise((resolve) => {
      setTimeout(resolve, REFUSAL_MS)
    })
    return isRefused ? 'refused' : 'allowed'
  } catch {
    return 'unknown'
  } finally {
    subscription.unsubscribe()
  }
}

async function answered(
  side: NatsSide,
  subject: string,
  body: string,
  timeout: number,
  head = headers(),
): Promise<Allowed> {
  try {
    await side.connection.request(subject, body, { timeout, headers: head })
    return 'allowed'
  } catch (error) {
    return isForbidden(error) ? 'refused' : 'unknown'
  }
}
