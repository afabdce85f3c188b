import { jetstream, jetstreamManager, AckPolicy, JetStreamApiError } from '@nats-io/jetstream'
import type { Consumer, ConsumerMessages } from '@nats-io/jetstream'
import type { NatsConnection } from '@nats-io/transport-node'
import { nanos } from '@nats-io/transport-node'
import { setTimeout as sleep } from 'node:timers/promises'
import { SignetError } from '../../errors.ts'

const streamName = 'keptn'
const subjects = ['sh.keptn.>']
const durableName = 'shipyard-controller:all-events'

/** The server's code for a stream of that name with another configuration. */
const nameInUse = 10058

/**
 * Creates the stream `keptn`, or updates it to a name and subjects with defaults for all else, and
 * makes sure that the durable consumer exists (wire 1.7).
 *
 * @param ackWaitMs 30 s in Keptn; a test that waits for a redelivery wants less
 * @throws SIGNET_STREAM_CONFLICT where another stream has these subjects, as shipyard-controller
 *   ends then too
 */
export async function openKeptnStream(nc: NatsConnection, ackWaitMs: number): Promise<Consumer> {
  const config = {
    name: streamName,
    subjects,
    retention: 'limits',
    storage: 'file',
    discard: 'old',
  }
  const created = await streamRequest(nc, 'CREATE', config)
  const refused = created === nameInUse ? await streamRequest(nc, 'UPDATE', config) : created
  if (refused !== undefined) {
    throw new SignetError('SIGNET_STREAM_CONFLICT', 'The stream keptn cannot be made.', {
      details: { code: refused, subjects },
    })
  }
  const jsm = await jetstreamManager(nc)
  try {
    await jsm.consumers.info(streamName, durableName)
  } catch (error) {
    if (!(error instanceof JetStreamApiError)) throw error
    await jsm.consumers.add(streamName, {
      durable_name: durableName,
      ack_policy: AckPolicy.Explicit,
      filter_subject: 'sh.keptn.>',
      ack_wait: nanos(ackWaitMs),
    })
  }
  return await jetstream(nc).consumers.get(streamName, durableName)
}

/** Fetches until told to stop. */
export interface Fetching {
  /** Takes nothing more; resolves when the loop is over. What was fetched and not taken comes again. */
  stop(): Promise<void>
}

/**
 * Fetches messages ten at a time and acknowledges each as soon as `take` has returned, which is
 * before its work is done (wire 1.7). When `take` returns false the process is dead: that message
 * and all after it stay unacknowledged.
 */
export function fetchEvents(consumer: Consumer, take: (payload: string) => boolean): Fetching {
  let isOver = false
  let batch: ConsumerMessages | undefined

  const loop = async () => {
    while (!isOver) {
      try {
        batch = await consumer.fetch({ max_messages: 10, expires: 5000 })
        for await (const message of batch) {
          if (isOver) break
          isOver = !take(message.string())
          if (isOver) break
          message.ack()
        }
      } catch {
        // The server is away, and the client is reconnecting: Keptn logs this and fetches again.
        if (!isOver) await sleep(100)
      }
    }
  }
  const done = loop()
  return {
    async stop() {
      isOver = true
      await batch?.close()
      await done
    },
  }
}

async function streamRequest(
  nc: NatsConnection,
  verb: 'CREATE' | 'UPDATE',
  config: { readonly name: string },
): Promise<number | undefined> {
  // Not the client's own update: that one keeps what Keptn's resets.
  const reply = await nc.request(`$JS.API.STREAM.${verb}.${config.name}`, JSON.stringify(config), {
    timeout: 5000,
  })
  const answer: { error?: { err_code?: number } } = reply.json()
  return answer.error === undefined ? undefined : (answer.error.err_code ?? 0)
}
