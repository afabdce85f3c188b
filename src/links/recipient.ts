import type { PostOutcome, RecipientAddress } from '../domain/behalf.ts'
import { outcomeOf } from '../domain/behalf.ts'
import { following } from '../runtime/abort.ts'

/** Posts an event to the recipient of an integration, once. Never rejects. */
export async function postEvent(
  { url, authorization, timeoutMs }: RecipientAddress,
  body: string,
  stopped: AbortSignal,
): Promise<PostOutcome> {
  using given = following({ signals: [stopped], timeoutMs })
  try {
    const response = await fetch(url, {
      method: 'POST',
      headers: {
        'content-type': 'application/cloudevents+json',
        ...(authorization === undefined ? {} : { authorization }),
      },
      body,
      // A recipient that sends us elsewhere would get what is meant for it alone.
      redirect: 'manual',
      signal: given.signal,
    })
    // Unread bodies keep their connection from being used again.
    await response.body?.cancel().catch(() => undefined)
    return outcomeOf(response.status)
  } catch (error) {
    const isLate = given.signal.aborted && !stopped.aborted
    return { kind: 'failed', why: isLate ? 'it takes too long' : reasonOf(error) }
  }
}

/** Never with the URL in it. */
function reasonOf(error: unknown): string {
  const cause: unknown = error instanceof Error ? error.cause : undefined
  const code = typeof cause === 'object' && cause !== null ? (cause as { code?: unknown }).code : ''
  return typeof code === 'string' && code !== ''
    ? `it cannot be reached (${code})`
    : 'it cannot be reached'
}
