import { randomUUID } from 'node:crypto'
import type { NatsConnection } from '@nats-io/transport-node'

const CONTEXTS = 1_000
/** How many are said before the server is asked whether it has them. */
const BATCH = 256
/** The type of the events, and the subject that they are published on. */
export const TYPE = 'sh.keptn.event.dev.delivery.finished'

/** The stage that the events belong to. */
export const STAGE = 'dev'

/**
 * Publishes the ends of sequences as shipyard-controller does (wire 1.4), in a thousand contexts that take
 * turns. Resolves when the server has them.
 */
export async function publishEvents(
  connection: NatsConnection,
  events: number,
  bodyBytes: number,
): Promise<void> {
  const contexts = Array.from({ length: CONTEXTS }, () => randomUUID())
  const room = bodyBytes - sequenceFinished(contexts[0] ?? '', '').length
  const message = 'x'.repeat(Math.max(0, room))
  for (let index = 0; index < events; index += 1) {
    const context = contexts[index % CONTEXTS] ?? ''
    connection.publish(TYPE, sequenceFinished(context, message))
    if (index % BATCH === 0) await connection.flush()
  }
  await connection.flush()
}

/** One of them, with its id. */
export function numberedEvent(context: string): { readonly id: string; readonly text: string } {
  const id = randomUUID()
  return { id, text: sequenceFinished(context, '', id) }
}

function sequenceFinished(context: string, message: string, id: string = randomUUID()): string {
  const deployment = {
    deploymentURIsLocal: ['http://carts.shop-dev:80'],
    deploymentstrategy: 'direct',
    deploymentNames: ['direct'],
  }
  return JSON.stringify({
    ...envelope(TYPE, id, context),
    data: { ...about(STAGE), deployment, message },
  })
}

/** What every event of shipyard-controller has beside its data. */
export function envelope(type: string, id: string, context: string): object {
  return {
    specversion: '1.0',
    id,
    source: 'shipyard-controller',
    type,
    datacontenttype: 'application/json',
    time: new Date().toISOString(),
    shkeptncontext: context,
    triggeredid: randomUUID(),
    shkeptnspecversion: '0.2.4',
  }
}

/** What the data of every event says of the service that is delivered. */
export function about(stage: string): object {
  return {
    project: 'shop',
    stage,
    service: 'carts',
    labels: { build: '1.14.2', owner: 'team-carts' },
    status: 'succeeded',
    result: 'pass',
  }
}
