import { jetstreamManager } from '@nats-io/jetstream'
import type { ExecutionContext } from 'ava'
import test from 'ava'
import { Bucket } from '../../src/links/bucket.ts'
import type { Delivery } from '../../src/links/delivery.ts'
import { MESSAGE_ID } from '../../src/links/header-names.ts'
import { StoredLease } from '../../src/links/lease.ts'
import { Publisher } from '../../src/links/publisher.ts'
import { Store } from '../../src/links/store.ts'
import type { Term } from '../../src/links/term.ts'
import { eventually } from '../support/federation.ts'
import { natsServer } from '../support/nats-server.ts'
import { connectedSide } from '../support/nats-side.ts'

const BUCKET = 'signet_lease'
const STREAM = 'EVENTS'
const LEASE = {
  bucket: BUCKET,
  replicas: 1,
  witness: STREAM,
  aloneWithoutJetStream: false,
} as const
const nobody = (): void => undefined

async function rig(t: ExecutionContext) {
  const server = await natsServer({ jetstream: true })
  const side = await connectedSide(server.url)
  const over = new AbortController()
  t.teardown(async () => {
    over.abort(new Error('the test is over'))
    await side.close()
    await server[Symbol.asyncDispose]()
  })
  const store = new Store(side, undefined, { timeoutMs: 1_000 })
  return {
    server,
    side,
    store,
    lease: (agent: string, leaseMs?: number) =>
      new StoredLease({ ...LEASE, store, agent, ...(leaseMs === undefined ? {} : { leaseMs }) }),
    /** Its term is renewed until the test is over. */
    async take(lease: StoredLease, follows = nobody): Promise<Term> {
      const term = await lease.take(over.signal, follows)
      t.teardown(() => {
        lease.abandon(term)
      })
      return term
    },
  }
}

async function makeStream(store: Store): Promise<void> {
  const ages = { maxAgeMs: 60_000, duplicateWindowMs: 60_000, replicas: 1 }
  await store.ensureStream({ name: STREAM, subjects: ['events.>'], ...ages })
}

test('one of two takes the lease, the other follows, and has it as soon as it is handed over', async (t) => {
  const it = await rig(t)
  const [a, b] = [it.lease('a', 60_000), it.lease('b', 60_000)]
  const first = await it.take(a)
  t.true(first.leftMs > 0)
  let follows = false
  const taking = it.take(b, () => {
    follows = true
  })
  await eventually(() => follows)
  t.deepEqual(b.leader, { agent: 'a', term: first.number })
  await a.handOver(first)
  t.is(first.leftMs, 0)
  const second = await taking
  t.true(second.number > first.number)
  t.is(second.quietAt, -Infinity, 'nothing of the first is left')
  t.deepEqual(b.leader, { agent: 'b', term: second.number })
})

test('a lease that runs out is taken, and the pause counts from its last renewal', async (t) => {
  const it = await rig(t)
  const a = it.lease('a')
  a.abandon(await it.take(a))
  const second = await it.take(it.lease('b'))
  t.true(second.quietAt <= performance.now())
  t.not(second.quietAt, -Infinity)
})

test('an agent that was started again has its lease at once', async (t) => {
  const it = await rig(t)
  const before = it.lease('a', 60_000)
  const first = await it.take(before)
  before.abandon(first)
  const second = await it.take(it.lease('a', 60_000))
  t.true(second.number > first.number)
})

test('a lease that is not renewed in time is a pause, and lost only when another one has taken it', async (t) => {
  const it = await rig(t)
  const term = await it.take(it.lease('a', 60_000))
  await it.server.pause()
  await eventually(() => term.leftMs === 0, 20_000)
  t.false(term.lost.aborted)
  it.server.resume()
  await eventually(() => term.leftMs > 0, 20_000)
  t.false(term.lost.aborted, 'it goes on in the same term')

  const bucket = await Bucket.open<object>(it.store, { name: BUCKET, ttlMs: 60_000, replicas: 1 })
  await bucket.put('leader', { agent: 'b', term: term.number + 1, process: 'other' })
  await eventually(() => term.lost.aborted, 20_000)
  t.is(term.leftMs, 0)
})

test('after the bucket is deleted one agent leads, and the other has ended before', async (t) => {
  const it = await rig(t)
  await makeStream(it.store)
  const first = await it.take(it.lease('a'))
  let follows = false
  const taking = it.take(it.lease('b'), () => {
    follows = true
  })
  await eventually(() => follows)
  const api = await jetstreamManager(it.side.connection, { checkAPI: false })
  await api.streams.delete(`KV_${BUCKET}`)
  // Whoever is faster: the second that looks, or the first that renews.
  const holder = async () => {
    const { data } = await api.streams
      .getMessage(`KV_${BUCKET}`, { last_by_subj: `$KV.${BUCKET}.leader` })
      .then((found) => found ?? { data: new Uint8Array() })
    return (JSON.parse(Buffer.from(data).toString()) as { agent: string }).agent
  }
  if ((await eventually(holder, 20_000)) === 'a') {
    t.false(first.lost.aborted)
    taking.catch(nobody)
    return
  }
  const second = await taking
  t.is(first.leftMs, 0)
  t.true(second.leftMs > 0)
})

test('a leader whose entry is deleted writes it again, and goes on', async (t) => {
  const it = await rig(t)
  const lease = it.lease('a', 60_000)
  const term = await it.take(lease)
  await it.store.purge(`KV_${BUCKET}`, `$KV.${BUCKET}.leader`)
  const bucket = await Bucket.open<object>(it.store, { name: BUCKET, ttlMs: 60_000, replicas: 1 })
  await eventually(() => bucket.get('leader'))
  await eventually(() => lease.leader !== undefined)
  t.deepEqual(lease.leader, { agent: 'a', term: term.number })
  t.false(term.lost.aborted)
})

test('what lost its right writes nothing, and goes on when it has it again', async (t) => {
  const it = await rig(t)
  const right = { leftMs: Infinity }
  const store = new Store(it.side, undefined, { right })
  const publisher = new Publisher(it.side, right)
  publisher.start()
  t.teardown(() => {
    publisher.stop()
  })
  await makeStream(store)
  const plan = { stream: STREAM, durable: 'a', filter: 'events.>', ackWaitMs: 60_000 }
  await store.ensureConsumer({ ...plan, start: { from: 'all' }, maxAckPending: 10 })
  const bucket = await Bucket.open<number>(store, { name: 'numbers', ttlMs: 60_000, replicas: 1 })
  await bucket.put('n', 1)

  right.leftMs = 0
  const message = { subject: 'events.a', body: Buffer.from('x'), stream: STREAM }
  const storing = publisher.store({ ...message, headers: { [MESSAGE_ID]: '1' } })
  const refused = { code: 'SIGNET_NOT_LEADING' }
  await t.throwsAsync(bucket.put('n', 2), refused)
  await t.throwsAsync(bucket.create('m', 2), refused)
  await t.throwsAsync(bucket.update('n', 2, 1), refused)
  await t.throwsAsync(bucket.forget('n'), refused)
  await t.throwsAsync(store.deleteMessage(STREAM, 1), refused)
  const state = await store.consumer(STREAM, 'a')
  if (state === undefined) throw new Error('the consumer is gone')
  const source = store.read(STREAM, 'a', state, 1_048_576)
  const taken: Delivery[] = []
  const reading = (async () => {
    for await (const delivery of source) {
      taken.push(delivery)
      return
    }
  })()
  // Published past the right: it would come to whoever pulls.
  await it.side.connection.request('events.b', 'y')
  await it.side.connection.flush()
  t.is((await store.stream(STREAM))?.lastSequence, 1)
  t.is((await store.consumer(STREAM, 'a'))?.deliveries, 0)

  right.leftMs = Infinity
  t.is((await storing).sequence, 2)
  await reading
  t.is(taken[0]?.subject, 'events.b')
  t.is((await bucket.get('n'))?.value, 1)
})

test('what a source has taken and not handed out comes to the next at once, and in order', async (t) => {
  const it = await rig(t)
  await makeStream(it.store)
  const plan = { stream: STREAM, durable: 'a', filter: 'events.>', ackWaitMs: 600_000 }
  await it.store.ensureConsumer({ ...plan, start: { from: 'all' }, maxAckPending: 1_000 })
  for (let n = 1; n <= 50; n += 1) await it.side.connection.request('events.a', String(n))
  const open = async () => {
    const state = await it.store.consumer(STREAM, 'a')
    if (state === undefined) throw new Error('the consumer is gone')
    return it.store.read(STREAM, 'a', state, 1_048_576)
  }
  const first = await open()
  for await (const delivery of first) {
    if (delivery.sequence < 10) delivery.ack()
    else {
      first.giveBack(delivery)
      break
    }
  }
  await first.close()
  const second = await open()
  const sequences: number[] = []
  for await (const { sequence } of second) if (sequences.push(sequence) === 41) break
  await second.close()
  t.deepEqual(
    sequences,
    Array.from({ length: 41 }, (_, index) => index + 10),
  )
})
