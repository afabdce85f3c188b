import test from 'ava'
import { MESSAGE_ID } from '../../src/links/header-names.ts'
import { Publisher } from '../../src/links/publisher.ts'
import { Store } from '../../src/links/store.ts'
import { natsServer } from '../support/nats-server.ts'
import { connectedSide } from '../support/nats-side.ts'

const STREAM = 'EVENTS'
const body = new TextEncoder().encode('{}')

async function rig() {
  const server = await natsServer({ jetstream: true })
  const side = await connectedSide(server.url)
  await new Store(side).ensureStream({
    name: STREAM,
    subjects: ['events.>'],
    maxAgeMs: 60_000,
    duplicateWindowMs: 60_000,
    replicas: 1,
  })
  const publisher = new Publisher(side)
  publisher.start()
  return {
    server,
    publisher,
    store: (headers: Readonly<Record<string, string>>, data = body) =>
      publisher.store({ subject: 'events.a', body: data, stream: STREAM, headers }),
    [Symbol.asyncDispose]: async () => {
      publisher.stop()
      await side.close()
      await server[Symbol.asyncDispose]()
    },
  }
}

test('messages of one moment are all stored, in their order, and a second copy is called one', async (t) => {
  await using it = await rig()
  const ids = Array.from({ length: 50 }, (_, index) => `id-${index}`)
  const stored = await Promise.all(ids.map((id) => it.store({ [MESSAGE_ID]: id })))
  t.deepEqual(
    stored.map(({ sequence }) => sequence),
    ids.map((_, index) => index + 1),
  )
  const again = await it.store({ [MESSAGE_ID]: 'id-7' })
  t.like(again, { stream: STREAM, sequence: 8, duplicate: true, tries: 1 })
  t.is(it.publisher.unacknowledged, 0)
})

test('a header that no message can carry is refused, and the next message goes its way', async (t) => {
  await using it = await rig()
  await t.throwsAsync(it.store({ traceparent: 'two\nlines' }), { code: 'SIGNET_PUBLISH_REFUSED' })
  t.is((await it.store({ [MESSAGE_ID]: 'id' })).sequence, 1)
})

test('a message is too large with its headers, not by its body alone', async (t) => {
  await using it = await rig()
  const limit = 1_048_576
  const large = new Uint8Array(limit - 20)
  await t.throwsAsync(it.store({ [MESSAGE_ID]: 'id' }, large), { code: 'SIGNET_TOO_LARGE' })
  const fits = new Uint8Array(limit - 'NATS/1.0\r\nNats-Msg-Id: id\r\n\r\n'.length)
  t.is((await it.store({ [MESSAGE_ID]: 'id' }, fits)).sequence, 1)
})

test('what the server does not answer is sent again until it does', async (t) => {
  await using it = await rig()
  await it.server.kill()
  const stored = it.store({ [MESSAGE_ID]: 'id' })
  await it.server.restart()
  t.like(await stored, { sequence: 1, duplicate: false })
})

test('a publisher that stops lets go of what waits', async (t) => {
  await using it = await rig()
  await it.server.kill()
  const stored = it.store({ [MESSAGE_ID]: 'id' })
  it.publisher.stop()
  await t.throwsAsync(stored, { code: 'SIGNET_STOPPED' })
})
