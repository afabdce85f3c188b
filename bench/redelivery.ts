import { AckPolicy } from '@nats-io/jetstream'
import { connect, nanos } from '@nats-io/transport-node'
import { SignetError } from '../src/errors.ts'
import type { End } from './forward-servers.ts'

const STREAM = 'YARD_REDELIVERY'
const SUBJECT = 'yard.redelivery'
const DURABLE = 'reader'
const PULL = JSON.stringify({ batch: 1, expires: nanos(30_000) })
const LIMIT_MS = 30_000
/** A message comes under its own subject, by which the client's one inbox for all requests would not know it. */
const ASKING = { timeout: LIMIT_MS, noMux: true }

/**
 * How long JetStream alone takes to hand over what a killed reader left, in seconds: one reader takes a
 * message and is gone without a word, another one waits for it with a pull.
 */
export async function redeliverySeconds(end: End, ackWaitMs: number): Promise<number> {
  const { manager, address, connection } = end
  await manager.streams.add({ name: STREAM, subjects: [SUBJECT] })
  try {
    await manager.consumers.add(STREAM, {
      durable_name: DURABLE,
      ack_policy: AckPolicy.Explicit,
      ack_wait: nanos(ackWaitMs),
    })
    await connection.request(SUBJECT, 'x')
    const next = `$JS.API.CONSUMER.MSG.NEXT.${STREAM}.${DURABLE}`
    const first = await connect({ ...address })
    await first.request(next, PULL, ASKING)
    const goneAt = performance.now()
    await first.close()
    const again = await connection.request(next, PULL, ASKING)
    if (again.data.length === 0)
      throw new SignetError(
        'SIGNET_DEMO_FAILED',
        'The message of the yardstick did not come again.',
      )
    return (performance.now() - goneAt) / 1_000
  } finally {
    await manager.streams.delete(STREAM)
  }
}
