import type { ExecutionContext } from 'ava'
import { jetstreamManager } from '@nats-io/jetstream'
import test from 'ava'
import { setTimeout as sleep } from 'node:timers/promises'
import { isSignetError } from '../../src/errors.ts'
import { Publisher } from '../../src/links/publisher.ts'
import { Store } from '../../src/links/store.ts'
import { scanStream } from '../../src/links/stream-scan.ts'
import { natsServer } from '../support/nats-server.ts'
import { connectedSide } from '../support/nats-side.ts'

const STREAM = 'EVENTS'
const { signal } = new AbortController()

async function stored(t: ExecutionContext) {
  const server = await natsServer({ jetstream: true })
  const side = await connectedSide(server.url, { side: 'gateway' })
  const publisher = new Publisher(side)
  publisher.start()
  const store = new Store(side)
  t.teardown(async () => {
    publisher.stop()
    await side.close()
    await server[Symbol.asyncDispose]()
  })
  await store.ensureStream({
    name: STREAM,
    subjects: ['events.>'],
    maxAgeMs: 3_600_000,
    duplicateWindowMs: 60_000,
    replicas: 1,
  })
  const put = async (from: number, to: number, bytes = 10): Promise<void> => {
    const numbers = Array.from({ length: to - from + 1 }, (_, index) => from + index)
    await Promise.all(
      numbers.map((n) =>
        publisher.store({
          subject: `events.${n}`,
          body: Buffer.alloc(bytes, 'x'),
          stream: STREAM,
          headers: { 'Nats-Msg-Id': String(n) },
        }),
      ),
    )
  }
  const scan = async (since = 0, over: { signal?: AbortSignal; stream?: string } = {}) => {
    const seen: number[] = []
    const visit = ({ subject }: { subject: string }): void => {
      seen.push(Number(subject.split('.')[1]))
    }
    await scanStream({ store, stream: STREAM, since, signal, visit, ...over })
    return seen
  }
  const consumers = async (): Promise<number> => {
    const api = await jetstreamManager(side.connection)
    return (await api.streams.info(STREAM)).state.consumer_count
  }
  return { server, store, put, scan, consumers }
}

const upTo = (last: number, first = 1) =>
  Array.from({ length: last - first + 1 }, (_, index) => first + index)

test('a scan reads all that a stream holds, in order, and leaves nothing behind', async (t) => {
  const { put, scan, consumers } = await stored(t)
  t.deepEqual(await scan(), [], 'of an empty stream')
  t.deepEqual(await scan(0, { stream: 'NONE' }), [], 'of one that is not there')
  await put(1, 700)
  t.deepEqual(await scan(), upTo(700))
  await put(701, 705, 900_000)
  t.deepEqual(await scan(), upTo(705), 'large ones too')
  t.is(await consumers(), 0)
})

test('a scan begins at a time, also where the last messages were deleted', async (t) => {
  const { store, put, scan } = await stored(t)
  await put(1, 20)
  await sleep(20)
  const middle = Date.now()
  await sleep(20)
  await put(21, 40)
  t.deepEqual(await scan(middle), upTo(40, 21))
  for (const sequence of [1, 2, 10, 21, 30, 39, 40]) await store.deleteMessage(STREAM, sequence)
  const gone = new Set([21, 30, 39, 40])
  t.deepEqual(
    await scan(middle),
    upTo(40, 21).filter((n) => !gone.has(n)),
  )
  t.deepEqual(await scan(Date.now() + 60_000), [])
  t.is((await scan()).length, 33)
})

test('a scan that nobody wants any more ends, and one whose server is gone says so', async (t) => {
  const { server, store, put, scan, consumers } = await stored(t)
  await put(1, 600)
  const stop = new AbortController()
  const scanning = scanStream({
    store,
    stream: STREAM,
    since: 0,
    signal: stop.signal,
    visit: () => {
      stop.abort(new Error('enough'))
    },
  })
  await t.throwsAsync(scanning, { message: 'enough' })
  t.is(await consumers(), 0)
  await server.kill()
  const error = await t.throwsAsync(scan())
  t.true(isSignetError(error, 'SIGNET_JETSTREAM_MISSING'))
})
