import test from 'ava'
import { LiveTopology, perTopology } from '../../src/runtime/topology-source.ts'
import { deferred } from '../support/deferred.ts'
import { topology } from '../support/stamp-agent.ts'

const never = new AbortController().signal

test('a change waits for what must be prepared, and then all see it at once', async (t) => {
  const source = new LiveTopology(topology())
  const before = source.current
  const next = topology(['deployment'])
  const ready = deferred()
  const seen: string[] = []
  source.beforeChange(async (coming) => {
    t.is(coming, next)
    await ready.promise
  })
  for (const name of ['a', 'b'])
    source.onChange((now) => {
      t.is(now, next)
      t.is(source.current, next)
      seen.push(name)
    })
  const replaced = source.replace(next, never)
  await Promise.resolve()
  t.is(source.current, before)
  t.deepEqual(seen, [])
  ready.resolve()
  await replaced
  t.is(source.current, next)
  t.deepEqual(seen, ['a', 'b'])
})

test('whoever joins while a change is prepared prepares for it too', async (t) => {
  const source = new LiveTopology(topology())
  const prepared: string[] = []
  source.beforeChange(() => {
    source.beforeChange(() => {
      prepared.push('late')
      return Promise.resolve()
    })
    prepared.push('early')
    return Promise.resolve()
  })
  await source.replace(topology(), never)
  t.deepEqual(prepared, ['early', 'late'])
})

test('a change that a newer one overtakes leaves all as it was', async (t) => {
  const source = new LiveTopology(topology())
  const before = source.current
  source.onChange(() => {
    t.fail('nothing has changed')
  })
  const ready = deferred()
  source.beforeChange(() => ready.promise)
  const newer = new AbortController()
  const replaced = source.replace(topology(), newer.signal)
  newer.abort(new Error('overtaken'))
  ready.resolve()
  await t.throwsAsync(replaced, { message: 'overtaken' })
  t.is(source.current, before)
})

test('whoever has left is asked and told nothing more', async (t) => {
  const source = new LiveTopology(topology())
  const leave = [
    source.onChange(() => {
      t.fail('told')
    }),
    source.beforeChange(() => {
      t.fail('asked')
      return Promise.resolve()
    }),
  ]
  for (const each of leave) each()
  await source.replace(topology(), never)
  t.pass()
})

test('what is derived from a topology is made once for each', async (t) => {
  const source = new LiveTopology(topology())
  let made = 0
  const names = perTopology(source, ({ stamps }) => {
    made += 1
    return stamps.map(({ name }) => name)
  })
  t.deepEqual([names(), names(), names()], [['eu-1'], ['eu-1'], ['eu-1']])
  t.is(made, 1)
  await source.replace({ ...topology(), stamps: [] }, never)
  t.deepEqual([names(), names()], [[], []])
  t.is(made, 2)
})
