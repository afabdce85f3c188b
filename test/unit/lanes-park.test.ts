import test from 'ava'
import { Lanes } from '../../src/runtime/lanes.ts'
import type { Park } from '../../src/runtime/lanes.ts'
import { deferred } from '../support/deferred.ts'

async function turn(): Promise<void> {
  await new Promise((resolve) => setImmediate(resolve))
}

/** Whether there is room now. */
function hasRoom(lanes: Lanes): Promise<boolean> {
  const yes = lanes.room().then(() => true)
  return Promise.race([yes, turn().then(() => false)])
}

test('tasks that only wait take up room', async (t) => {
  const lanes = new Lanes(2, 1_000)
  const { resolve: open, promise: opened } = deferred()
  lanes.add('a', () => opened)
  t.true(await hasRoom(lanes))
  lanes.add('b', () => opened)
  t.false(await hasRoom(lanes))
  open()
  await lanes.idle()
  t.true(await hasRoom(lanes))
})

test('parked lanes leave their room to others, with all that waits behind', async (t) => {
  const lanes = new Lanes(2, 1_000)
  const { resolve: open, promise: opened } = deferred()
  const order: string[] = []
  const parks = (name: string) => async (park: Park) => {
    await park(opened)
    order.push(name)
  }
  lanes.add('a', parks('a1'))
  lanes.add('a', parks('a2'))
  await turn()
  t.is(lanes.parked, 2)
  lanes.add('a', parks('a3'))
  lanes.add('b', parks('b1'))
  t.true(await hasRoom(lanes))
  lanes.add('c', async () => {
    order.push('c1')
  })
  await turn()
  t.deepEqual(order, ['c1'])
  t.is(lanes.running, 4)
  open()
  await lanes.idle()
  t.deepEqual(
    order.filter((name) => name.startsWith('a')),
    ['a1', 'a2', 'a3'],
  )
  t.is(lanes.parked, 0)
  t.is(lanes.running, 0)
})

test('what comes back from parking counts again', async (t) => {
  const lanes = new Lanes(2, 1_000)
  const parked = deferred()
  const working = deferred()
  for (const key of ['a', 'b', 'c']) {
    lanes.add(key, async (park) => {
      await park(parked.promise)
      await working.promise
    })
  }
  await turn()
  t.true(await hasRoom(lanes))
  parked.resolve()
  await turn()
  t.false(await hasRoom(lanes))
  working.resolve()
  await lanes.idle()
  t.true(await hasRoom(lanes))
})

test('a wait that fails fails the task, and its lane goes on', async (t) => {
  const lanes = new Lanes(2, 1_000)
  const seen: unknown[] = []
  lanes.add('a', (park) =>
    park(Promise.reject(new Error('stopped'))).catch((error: unknown) => {
      seen.push(error)
    }),
  )
  lanes.add('a', async () => {
    seen.push('next')
  })
  await lanes.idle()
  t.is((seen[0] as Error).message, 'stopped')
  t.is(seen[1], 'next')
  t.is(lanes.parked, 0)
})

test('parked lanes hold no more than their bytes, and room comes back when they go', async (t) => {
  const lanes = new Lanes(2, 1_000)
  const { resolve: open, promise: opened } = deferred()
  lanes.add('a', (park) => park(opened), 600)
  await turn()
  t.true(await hasRoom(lanes))
  lanes.add('a', () => Promise.resolve(), 400)
  t.false(await hasRoom(lanes))
  const room = lanes.room()
  open()
  await room
  await lanes.idle()
  t.true(await hasRoom(lanes))
})

test('lanes that are not parked hold no more than their own bytes, and one task of any size', async (t) => {
  const lanes = new Lanes(100, 1_000, 500)
  const large = deferred()
  const parked = deferred()
  lanes.add('a', () => large.promise, 900)
  t.false(await hasRoom(lanes))
  large.resolve()
  await lanes.idle()
  t.true(await hasRoom(lanes))
  lanes.add('b', (park) => park(parked.promise), 600)
  await turn()
  t.true(await hasRoom(lanes), 'what is parked counts elsewhere')
  parked.resolve()
  await lanes.idle()
})
