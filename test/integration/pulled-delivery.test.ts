import { connect, headers } from '@nats-io/transport-node'
import test from 'ava'
import type { Delivery } from '../../src/links/delivery.ts'
import { headerText } from '../../src/links/pulled-delivery.ts'
import { Store } from '../../src/links/store.ts'
import { natsServer } from '../support/nats-server.ts'
import { connectedSide } from '../support/nats-side.ts'

const STREAM = 'EVENTS'
const DURABLE = 'signet-a'

test('a delivery has the headers and the facts of its message', async (t) => {
  await using server = await natsServer({ jetstream: true })
  const side = await connectedSide(server.url)
  const store = new Store(side)
  await store.ensureStream({
    name: STREAM,
    subjects: ['events.>'],
    maxAgeMs: 60_000,
    duplicateWindowMs: 60_000,
    replicas: 1,
  })
  await store.ensureConsumer({
    stream: STREAM,
    durable: DURABLE,
    filter: 'events.>',
    start: { from: 'all' },
    ackWaitMs: 5_000,
    maxAckPending: 10,
  })
  const client = await connect({ servers: server.url })
  const head = headers()
  head.append('X-Signet-Path', 'not this')
  head.append('signet-path', 'nor this')
  head.append('Signet-Path', 'home,é-1')
  head.append('Signet-Path', 'the second')
  head.append('Empty', '')
  const before = Date.now()
  client.publish('events.a', '{"Signet-Path: x":1}', { headers: head })
  client.publish('events.b', 'no headers\r\nSignet-Path: x\r\n')
  await client.flush()
  await client.close()

  const state = await store.consumer(STREAM, DURABLE)
  if (state === undefined) throw new Error('the consumer is gone')
  const source = store.read(STREAM, DURABLE, state, 1_048_576)
  const taken: Delivery[] = []
  for await (const delivery of source) if (taken.push(delivery) === 2) source.stop()
  const [first, second] = taken
  t.is(first?.header('Signet-Path'), 'home,é-1')
  t.is(first?.header('X-Signet-Path'), 'not this')
  t.is(first?.header('Path'), undefined)
  t.is(first?.header('Empty'), undefined)
  t.is(second?.header('Signet-Path'), undefined)
  t.like(first, { subject: 'events.a', sequence: 1, attempt: 1, pending: 1 })
  t.like(second, { subject: 'events.b', sequence: 2, attempt: 1, pending: 0 })
  t.true(Math.abs((first?.storedAt ?? 0) - before) < 5_000)
  await side.close()
})

test('a message that keeps its bytes to itself has the headers that the client made of them', (t) => {
  const head = headers()
  head.append('Nats-Msg-Id', 'a')
  head.append('Signet-Path', 'home')
  t.is(headerText({ headers: head }), '\r\nNats-Msg-Id: a\r\nSignet-Path: home\r\n')
  t.is(headerText({}), '\r\n')
})
