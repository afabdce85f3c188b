import { SignetError } from '../errors.ts'
import type { NatsSide } from './nats-side.ts'

/** How long a stream may take to say that it has a message, in milliseconds. */
const TIMEOUT_MS = 5_000

/**
 * Publishes a message as it is, and resolves when `stream` has stored it: whoever subscribes to the subject
 * hears it, and the stream that captures it answers (wire 1.7). Not tried again, for subscribers would
 * hear that. Rejects with `SIGNET_LINK_LOST` where that is not known, `SIGNET_TOO_LARGE`,
 * `SIGNET_PUBLISH_REFUSED`.
 */
export async function storeByRequest(
  side: NatsSide,
  subject: string,
  body: Uint8Array,
  stream: string,
): Promise<void> {
  if (!side.isConnected) throw lost('the connection is down')
  const limit = side.maxPayloadBytes
  if (body.length > limit) {
    throw new SignetError('SIGNET_TOO_LARGE', `The event is above the max_payload of ${limit}.`, {
      details: { bytes: body.length, limit },
    })
  }
  let ack: { readonly stream?: string; readonly error?: { readonly description?: string } }
  try {
    const answer = await side.connection.request(subject, body, { timeout: TIMEOUT_MS })
    ack = answer.json<typeof ack>()
  } catch (error) {
    throw lost('no stream has acknowledged it', error)
  }
  if (ack.stream === stream) return
  const why = ack.error?.description ?? `stream ${ack.stream ?? '?'} answered`
  throw new SignetError('SIGNET_PUBLISH_REFUSED', `${stream} did not store it: ${why}.`, {
    details: { subject },
  })
}

function lost(why: string, cause?: unknown): SignetError {
  const message = `Not known to be stored: ${why}.`
  return new SignetError('SIGNET_LINK_LOST', message, cause === undefined ? {} : { cause })
}
