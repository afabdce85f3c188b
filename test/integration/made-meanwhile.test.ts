import test from 'ava'
import { Bucket } from '../../src/links/bucket.ts'
import { Store } from '../../src/links/store.ts'
import { natsServer } from '../support/nats-server.ts'
import { connectedSide } from '../support/nats-side.ts'

test('agents that start in the same moment find the one stream and bucket that one of them made', async (t) => {
  const server = await natsServer({ jetstream: true })
  t.teardown(() => server[Symbol.asyncDispose]())
  const sides = await Promise.all(Array.from({ length: 16 }, () => connectedSide(server.url)))
  t.teardown(() => Promise.all(sides.map((side) => side.close())))
  const stores = sides.map((side) => new Store(side))
  for (let round = 0; round < 100; round += 1) {
    const plan = { maxAgeMs: 60_000, duplicateWindowMs: 1_000, replicas: 1 } as const
    await Promise.all(
      stores.map((store) =>
        store.ensureStream({ ...plan, name: `S${round}`, subjects: [`s.${round}.>`] }),
      ),
    )
    const bucket = { name: `b${round}`, ttlMs: 60_000, replicas: 1 } as const
    const opened = await Promise.all(stores.map((store) => Bucket.open<number>(store, bucket)))
    await opened[0]?.put('key', round)
    for (const each of opened) t.is((await each.get('key'))?.value, round)
  }
})
