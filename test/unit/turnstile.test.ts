import test from 'ava'
import { Turnstile } from '../../src/runtime/turnstile.ts'
import { deferred } from '../support/deferred.ts'

const { signal } = new AbortController()

test('so many pass at once, the others in their order, and a failure lets the next one in', async (t) => {
  const turnstile = new Turnstile(2)
  const begun: number[] = []
  const gates = [0, 1, 2, 3].map(() => deferred())
  const passing = gates.map((gate, index) =>
    turnstile.pass(signal, async () => {
      begun.push(index)
      await gate.promise
      if (index === 0) throw new Error('failed')
      return index
    }),
  )
  await Promise.resolve()
  t.deepEqual(begun, [0, 1])
  gates[0]?.resolve()
  await t.throwsAsync(passing[0] as Promise<number>)
  await Promise.resolve()
  t.deepEqual(begun, [0, 1, 2])
  for (const gate of gates) gate.resolve()
  t.deepEqual(await Promise.all(passing.slice(1)), [1, 2, 3])
})

test('who gives up while waiting leaves the line, and takes nobody’s turn', async (t) => {
  const turnstile = new Turnstile(1)
  const gate = deferred()
  const first = turnstile.pass(signal, () => gate.promise)
  const leaving = new AbortController()
  const second = turnstile.pass(leaving.signal, () => Promise.resolve('second'))
  const third = turnstile.pass(signal, () => Promise.resolve('third'))
  leaving.abort(new Error('enough'))
  await t.throwsAsync(second, { message: 'enough' })
  await t.throwsAsync(
    turnstile.pass(leaving.signal, () => Promise.resolve()),
    { message: 'enough' },
  )
  gate.resolve()
  await first
  t.is(await third, 'third')
})
