import test from 'ava'
import { SignetError } from '../../src/errors.ts'
import type { Lease, Term } from '../../src/links/term.ts'
import { Leadership } from '../../src/runtime/leadership.ts'
import type { Part } from '../../src/runtime/lifecycle.ts'
import { eventually } from '../support/eventually.ts'

interface TestTerm extends Term {
  lose(): void
}

/** A lease that the test gives and takes. */
function testLease() {
  const log: string[] = []
  let give: ((term: Term) => void) | undefined
  let follow: (() => void) | undefined
  let number = 0
  const lease: Lease = {
    leader: undefined,
    trouble: undefined,
    take: (signal, follows) =>
      new Promise((resolve, reject) => {
        give = resolve
        follow = follows
        if (signal.aborted) reject(signal.reason as Error)
        else signal.addEventListener('abort', () => reject(signal.reason as Error), { once: true })
      }),
    handOver: (term) => {
      log.push(`hand over ${term.number}`)
      return Promise.resolve()
    },
    abandon: () => undefined,
  }
  return {
    lease,
    log,
    follow: () => follow?.(),
    async give(): Promise<TestTerm> {
      await eventually('somebody wants the lease', () => give !== undefined)
      const lost = new AbortController()
      const state = { leftMs: Infinity }
      number += 1
      const term = {
        number,
        quietAt: 0,
        lost: lost.signal,
        get leftMs() {
          return state.leftMs
        },
        lose: () => {
          state.leftMs = 0
          lost.abort()
        },
      }
      give?.(term)
      give = undefined
      return term
    },
  }
}

type Start = (term: Term) => Promise<void>

function leadership(it: ReturnType<typeof testLease>, start: Start = () => Promise.resolve()) {
  const troubles: unknown[] = []
  const of = new Leadership({
    lease: it.lease,
    make: (term) => {
      const part: Part = {
        name: 'part',
        start: async () => {
          it.log.push(`start ${term.number}`)
          await start(term)
        },
        stop: () => {
          it.log.push(`stop ${term.number}`)
          return Promise.resolve()
        },
      }
      return { parts: [part], number: term.number }
    },
    drainMs: 1_000,
    onChange: () => undefined,
    onTrouble: (error) => troubles.push(error),
  })
  return { of, troubles }
}

const FOREVER = new AbortController().signal

test('parts are made for a term, stopped when it is lost, and made anew for the next', async (t) => {
  const it = testLease()
  const { of } = leadership(it)
  const starting = of.start(FOREVER)
  const first = await it.give()
  await starting
  t.true(of.leads)
  t.is(of.led?.number, 1)
  first.lose()
  t.false(of.leads)
  await it.give()
  await eventually('the second term begins', () => of.led?.number === 2)
  await of.stop(FOREVER)
  t.deepEqual(it.log, ['start 1', 'stop 1', 'start 2', 'stop 2', 'hand over 2'])
  t.is(of.led, undefined)
})

test('an agent that follows has started, and is ready', async (t) => {
  const it = testLease()
  const { of } = leadership(it)
  const starting = of.start(FOREVER)
  t.not(of.notReady, undefined)
  it.follow()
  await starting
  t.is(of.standing, 'follows')
  t.is(of.notReady, undefined)
  await of.stop(FOREVER)
  t.deepEqual(it.log, [])
})

test('a first start that no retry mends is told, and nothing is left running', async (t) => {
  const it = testLease()
  const taken = new SignetError('SIGNET_STREAM_CONFLICT', 'taken')
  const { of } = leadership(it, () => Promise.reject(taken))
  const starting = of.start(FOREVER)
  await it.give()
  t.is(await t.throwsAsync(starting), taken)
  await of.stop(FOREVER)
  t.deepEqual(it.log, ['start 1', 'stop 1', 'hand over 1'])
})

test('a later start that fails is tried again, and others may lead meanwhile', async (t) => {
  const it = testLease()
  const { of, troubles } = leadership(it, ({ number }) =>
    number === 2 ? Promise.reject(new Error('not now')) : Promise.resolve(),
  )
  const starting = of.start(FOREVER)
  ;(await it.give()).lose()
  await starting
  await it.give()
  await eventually('the failure is told', () => troubles.length === 1)
  t.is(of.notReady, 'not now')
  await it.give()
  await eventually('the third term begins', () => of.led?.number === 3)
  await eventually('it works', () => of.notReady === undefined)
  t.true(it.log.includes('hand over 2'))
  await of.stop(FOREVER)
})

test('a term that is lost while its parts start ends their start', async (t) => {
  const it = testLease()
  const { of } = leadership(it, ({ number, lost }) =>
    number === 1
      ? new Promise((_, reject) => {
          lost.addEventListener('abort', () => reject(new Error('lost')))
        })
      : Promise.resolve(),
  )
  const starting = of.start(FOREVER)
  const first = await it.give()
  await eventually('the first start begins', () => it.log.includes('start 1'))
  first.lose()
  await it.give()
  await starting
  t.is(of.led?.number, 2)
  t.false(it.log.includes('hand over 1'))
  await of.stop(FOREVER)
})
