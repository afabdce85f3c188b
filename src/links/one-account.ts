import { createInbox } from '@nats-io/transport-node'
import { SignetError } from '../errors.ts'
import { sleep } from '../runtime/clock.ts'
import type { NatsSide } from './nats-side.ts'

/** A local echo takes a millisecond, one through a gateway a round trip; this leaves room for an ocean. */
const LISTEN_MS = 400
const STEP_MS = 100

/**
 * Refuses to go on where the two sides are one account (DESIGN 3): every stamp would hear every other, and
 * the streams would clash. A probe is said on the Keptn side and listened for on the gateway side, in an
 * inbox, where a restricted user may listen too.
 */
export async function refuseOneAccount(
  gateway: NatsSide,
  keptn: NatsSide,
  signal: AbortSignal,
): Promise<void> {
  const subject = createInbox(gateway.inboxPrefix)
  const probe = { heard: false }
  const subscription = gateway.connection.subscribe(subject, {
    callback: (error) => {
      if (error === null) probe.heard = true
    },
  })
  try {
    await gateway.connection.flush()
    for (let waited = 0; waited < LISTEN_MS && !probe.heard; waited += STEP_MS) {
      // Said more than once: interest travels through a gateway after the subscription (nats-notes 3).
      keptn.connection.publish(subject, 'is this one account?')
      await sleep(STEP_MS, signal)
    }
  } catch (error) {
    if (signal.aborted) throw error
    throw new SignetError(
      'SIGNET_LINK_LOST',
      'A NATS side went away while the two were compared.',
      {
        cause: error,
      },
    )
  } finally {
    subscription.unsubscribe()
  }
  if (!probe.heard) return
  throw new SignetError(
    'SIGNET_ONE_ACCOUNT',
    'The gateway NATS and the Keptn NATS are one account: what is said on one is heard on the other. ' +
      'Give them two servers or two accounts (SIGNET_NATS_URL and NATS_URL, or a user of another ' +
      'account in SIGNET_NATS_USER or SIGNET_NATS_CREDS).',
    { details: { gateway: gateway.state.server, keptn: keptn.state.server } },
  )
}
