import test from 'ava'
import { isSignetError, SignetError } from '../../src/errors.ts'
import type { Part } from '../../src/runtime/lifecycle.ts'
import { Lifecycle } from '../../src/runtime/lifecycle.ts'
import { deferred } from '../support/deferred.ts'

function part(name: string, log: string[], changes: Partial<Part> = {}): Part {
  return {
    name,
    start: async () => {
      log.push(`start ${name}`)
    },
    stop: async () => {
      log.push(`stop ${name}`)
    },
    ...changes,
  }
}

test('parts start in order and stop in reverse', async (t) => {
  const log: string[] = []
  const lifecycle = new Lifecycle([part('a', log), part('b', log)], 1_000)
  await lifecycle.start()
  t.is(lifecycle.state, 'running')
  await lifecycle.stop()
  t.deepEqual(log, ['start a', 'start b', 'stop b', 'stop a'])
  t.is(lifecycle.state, 'stopped')
})

test('a start that fails half-way undoes itself, and tells its own failure', async (t) => {
  const log: string[] = []
  const failing = part('b', log, {
    start: () => Promise.reject(new SignetError('SIGNET_PORT_TAKEN', 'taken')),
    stop: () => {
      log.push('stop b')
      return Promise.reject(new Error('while tidying up'))
    },
  })
  const lifecycle = new Lifecycle([part('a', log), failing, part('c', log)], 1_000)
  const error = await t.throwsAsync(lifecycle.start())
  t.true(isSignetError(error, 'SIGNET_PORT_TAKEN'))
  t.deepEqual(log, ['start a', 'stop b', 'stop a'])
})

test('a stop during the start ends the start, and both callers of stop get one outcome', async (t) => {
  const log: string[] = []
  const begun = deferred()
  const waiting = part('b', log, {
    start: (signal) => {
      begun.resolve()
      return new Promise((_, reject) => {
        signal.addEventListener('abort', () => reject(signal.reason))
      })
    },
  })
  const lifecycle = new Lifecycle([part('a', log), waiting], 1_000)
  const started = lifecycle.start()
  await begun.promise
  const first = lifecycle.stop()
  t.is(lifecycle.stop(), first)
  const error = await t.throwsAsync(started)
  t.true(isSignetError(error, 'SIGNET_STOPPED'))
  await first
  t.deepEqual(log, ['start a', 'stop b', 'stop a'])
})

test('a part that does not stop in time is named, and the others are stopped all the same', async (t) => {
  const log: string[] = []
  const stuck = part('b', log, { stop: () => new Promise<void>(() => undefined) })
  const lifecycle = new Lifecycle([part('a', log), stuck], 20)
  await lifecycle.start()
  const error = await t.throwsAsync(lifecycle.stop())
  t.true(isSignetError(error, 'SIGNET_DRAIN_OVERDUE'))
  t.regex(error.message, /^b did not stop/)
  t.deepEqual(log, ['start a', 'start b', 'stop a'])
})

test('an agent that was stopped before its start does not start', async (t) => {
  const log: string[] = []
  const lifecycle = new Lifecycle([part('a', log)], 20)
  await lifecycle.stop()
  await t.throwsAsync(lifecycle.start())
  t.deepEqual(log, [])
})
