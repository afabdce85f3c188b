import type { NatsAddress } from '../../src/links/nats-options.ts'
import { NatsSide } from '../../src/links/nats-side.ts'

const LIMIT_MS = 20_000

interface Over {
  readonly side?: 'gateway' | 'keptn'
  readonly auth?: NatsAddress['auth']
  /** The client's name, also in its inboxes. */
  readonly name?: string
}

/** A side of a stamp, by default its Keptn NATS, that tells nobody how it is, and is not connected yet. */
export function newSide(
  url: string,
  { side = 'keptn', auth = {}, name = 'test' }: Over = {},
): NatsSide {
  return new NatsSide({
    side,
    address: { servers: [url], auth },
    clientName: name,
    inboxPrefix: `_INBOX.${name}`,
    events: { connected: () => {}, disconnected: () => {}, error: () => {} },
  })
}

/** The same, connected. */
export async function connectedSide(url: string, over: Over = {}): Promise<NatsSide> {
  const made = newSide(url, over)
  await made.connect(AbortSignal.timeout(LIMIT_MS))
  return made
}
