import { fc, testProp } from '@fast-check/ava'
import test from 'ava'
import { Lanes } from '../../src/runtime/lanes.ts'
import { deferred } from '../support/deferred.ts'

test('tasks of one key run after each other, those of another beside them', async (t) => {
  const lanes = new Lanes(10)
  const log: string[] = []
  const gate = deferred()
  lanes.add('a', async () => {
    log.push('a1')
    await gate.promise
    log.push('a1 end')
  })
  lanes.add('a', async () => {
    log.push('a2')
  })
  lanes.add('b', async () => {
    log.push('b1')
  })
  await Promise.resolve()
  t.deepEqual(log, ['a1', 'b1'])
  gate.resolve()
  await lanes.idle()
  t.deepEqual(log, ['a1', 'b1', 'a1 end', 'a2'])
  t.is(lanes.running, 0)
})

test('there is room only below the limit', async (t) => {
  const lanes = new Lanes(2)
  const gates = [deferred(), deferred()]
  for (const [index, gate] of gates.entries()) lanes.add(String(index), () => gate.promise)
  const room = lanes.room().then(() => 'room')
  const turn = new Promise((resolve) => {
    setImmediate(resolve, 'none yet')
  })
  t.is(await Promise.race([room, turn]), 'none yet')
  gates[0]?.resolve()
  t.is(await room, 'room')
  gates[1]?.resolve()
  await lanes.idle()
})

testProp(
  'any tasks end, in the order of their keys, never more at once than the limit',
  [
    fc.array(fc.tuple(fc.constantFrom('a', 'b', 'c'), fc.nat({ max: 3 })), { maxLength: 40 }),
    fc.integer({ min: 1, max: 4 }),
  ],
  async (t, tasks, limit) => {
    const lanes = new Lanes(limit)
    const done: Record<string, number[]> = { a: [], b: [], c: [] }
    let most = 0
    for (const [index, [key, turns]] of tasks.entries()) {
      await lanes.room()
      lanes.add(key, async () => {
        for (let turn = 0; turn < turns; turn += 1) await new Promise((next) => setImmediate(next))
        done[key]?.push(index)
      })
      most = Math.max(most, lanes.running)
    }
    await lanes.idle()
    t.true(most <= limit)
    for (const key of ['a', 'b', 'c']) {
      const expected = tasks.flatMap(([name], index) => (name === key ? [index] : []))
      t.deepEqual(done[key], expected)
    }
  },
)
