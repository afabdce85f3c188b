import test from 'ava'
import type { FanOut, TargetRecords } from '../../src/domain/fanout.ts'
import type { StampAnswer } from './fanin-builders.ts'
import {
  cancel,
  giveUp,
  isWithdrawable,
  review,
  takeAnswer,
  withdraw,
} from '../../src/domain/fanin.ts'
import { openFanOut } from '../../src/domain/fanout.ts'
import { parseEvent } from '../../src/domain/event.ts'
import { finishedInOrder, phaseOf } from '../../src/domain/stamp-outcome.ts'
import { progressOf } from '../../src/domain/progress.ts'
import { settle } from '../../src/domain/verdict.ts'
import {
  ALL_ONLINE,
  fanOut,
  finished,
  HOUR,
  OPENED,
  started,
  take,
  target,
  targetOf,
  targets,
} from './fanin-builders.ts'

const LATER = OPENED + HOUR

function phase(head: FanOut, records: TargetRecords, now = LATER): string {
  const [only] = head.targets
  if (only === undefined) throw new Error('a fan-out without targets')
  return phaseOf(head, only, records.get(only.stamp), now).phase
}

function one(more: Parameters<typeof target>[1], answers: readonly StampAnswer[]) {
  const opened = fanOut({ targets: [target('eu-1', more)] })
  return take(opened, answers)
}

test('a fan-out is opened with what its triggered event says', (t) => {
  const parsed = parseEvent(
    JSON.stringify({
      specversion: '1.0',
      id: 'T9',
      source: 'shipyard-controller',
      type: 'sh.keptn.event.test.triggered',
      time: '2026-03-01T10:00:00Z',
      shkeptncontext: 'C9',
      gitcommitid: 'c0ffee',
      data: { project: 'shop', stage: 'dev', service: 'cart', labels: { build: '7' } },
    }),
  )
  if (!parsed.ok) throw new Error(parsed.detail)
  const { policy } = fanOut()
  const head = openFanOut({
    event: parsed.event,
    controlPlane: 'main',
    task: 'test',
    policy,
    targets: targets(1),
    missing: ['us-1'],
    at: OPENED,
  })
  t.deepEqual(JSON.parse(JSON.stringify(head)), {
    version: 1,
    id: 'T9',
    controlPlane: 'main',
    task: 'test',
    type: 'sh.keptn.event.test.triggered',
    context: 'C9',
    project: 'shop',
    stage: 'dev',
    service: 'cart',
    labels: { build: '7' },
    gitcommitid: 'c0ffee',
    shkeptnspecversion: '',
    policy,
    openedAt: OPENED,
    targets: targets(1),
    missing: ['us-1'],
  })
})

test('a stamp waits, runs and is done', (t) => {
  t.is(phase(fanOut(), new Map()), 'waiting')
  const running = one({}, [started('eu-1')])
  t.is(phase(running.head, running.records), 'running')
  const done = one({}, [started('eu-1'), finished('eu-1')])
  t.is(phase(done.head, done.records), 'done')
})

test('a finished that has overtaken its started stands for both', (t) => {
  const alone = one({}, [finished('eu-1')])
  t.is(phase(alone.head, alone.records), 'done')
  const both = one({}, [finished('eu-1'), started('eu-1')])
  t.is(phase(both.head, both.records), 'done')
})

test('a stamp whose integration sends two pairs waits for the second', (t) => {
  const answers = [started('eu-1'), started('eu-1', 110, 'helm-service', 2), finished('eu-1')]
  const half = one({}, answers)
  t.is(phase(half.head, half.records), 'running')
  const whole = one({}, [...answers, finished('eu-1', 300, { nth: 2 })])
  t.is(phase(whole.head, whole.records), 'done')
})

test('a surplus of one integration does not pay for another that still runs', (t) => {
  const { head, records } = one({ answers: 2 }, [
    started('eu-1', 1, 'jes'),
    finished('eu-1', 2, { nth: 1 }),
    finished('eu-1', 3, { nth: 2 }),
  ])
  t.is(phase(head, records), 'running')
})

test('a stamp with two matching integrations waits for the one that has not begun', (t) => {
  const answers = [started('eu-1'), finished('eu-1')]
  const half = one({ answers: 2 }, answers)
  t.is(phase(half.head, half.records), 'running')
  const whole = one({ answers: 2 }, [...answers, finished('eu-1', 300, { source: 'jes' })])
  t.is(phase(whole.head, whole.records), 'done')
})

test('where the number of integrations is a guess, a second one may join for half a second', (t) => {
  const opened = fanOut({ targets: [target('eu-1', { exact: false })] })
  const first = take(opened, [started('eu-1', 100), finished('eu-1', 150)])
  const eu1 = opened.targets[0] ?? target('eu-1')
  const early = phaseOf(first.head, eu1, first.records.get('eu-1'), OPENED + 599)
  t.deepEqual(early, { phase: 'running', lookAt: OPENED + 600 })
  t.is(review(first.head, first.records, OPENED + 599, ALL_ONLINE).lookAt, OPENED + 600)
  t.is(phase(first.head, first.records, OPENED + 600), 'done')

  const joined = take(opened, [
    started('eu-1', 100),
    finished('eu-1', 150),
    started('eu-1', 400, 'jes'),
  ])
  t.is(phase(joined.head, joined.records, OPENED + 700), 'running')
})

test('an answer is taken once, however often it comes', (t) => {
  const { taken } = one({}, [
    started('eu-1'),
    started('eu-1', 900),
    finished('eu-1'),
    started('eu-1'),
  ])
  t.deepEqual(taken, ['recorded', 'repeated', 'recorded', 'repeated'])
})

test('of two different deliveries of one id the earlier counts, whichever comes first', (t) => {
  const a = finished('eu-1', 200, { result: 'pass', seq: 4 })
  const b = finished('eu-1', 300, { result: 'fail', seq: 9 })
  const forth = one({}, [a, b])
  const back = one({}, [b, a])
  t.deepEqual(back.taken, ['recorded', 'recorded'])
  t.deepEqual(forth.records, back.records)
})

test('answers of one moment count in the order of their ids, whichever comes first', (t) => {
  const two = [
    finished('eu-1', 200, { source: 'b', result: 'fail', message: 'second' }),
    finished('eu-1', 200, { source: 'a', result: 'fail', message: 'first' }),
  ]
  for (const answers of [two, two.toReversed()]) {
    const { head, records } = one({ answers: 2 }, answers)
    t.regex(settle(head, records, LATER)?.message ?? '', /first; second$/)
    t.deepEqual(
      finishedInOrder(records.get('eu-1')).map(([eventId]) => eventId),
      ['eu-1:a:f1', 'eu-1:b:f1'],
    )
  }
})

test('an answer of a stamp that is no target changes nothing', (t) => {
  const { records, taken } = one({}, [started('us-9')])
  t.deepEqual(taken, ['stranger'])
  t.is(records.size, 0)
})

test('answers after a stamp was given up, or after the end, are late and change nothing', (t) => {
  const { head, records } = one({}, [started('eu-1')])
  const { stamp, ...answer } = finished('eu-1')
  const given = giveUp(records.get(stamp), { kind: 'failed', reason: 'not-finished', at: LATER })
  t.deepEqual(takeAnswer(head, targetOf(head, stamp), given, answer), {
    kind: 'late',
    reason: 'given-up',
  })
  const ended = cancel(head, 'aborted', LATER)
  t.deepEqual(takeAnswer(ended, targetOf(ended, stamp), records.get(stamp), answer), {
    kind: 'late',
    reason: 'settled',
  })
  const { stamp: _, ...known } = started('eu-1')
  t.deepEqual(takeAnswer(ended, targetOf(ended, stamp), records.get(stamp), known), {
    kind: 'repeated',
  })
  const neverSent = fanOut({ targets: [target('eu-1', { given: 'skipped' })] })
  t.is(takeAnswer(neverSent, targetOf(neverSent, stamp), undefined, answer).kind, 'late')
})

test('a long message does not make a record large', (t) => {
  const { records } = one({}, [finished('eu-1', 1, { message: 'x'.repeat(900_000) })])
  t.true(JSON.stringify(records.get('eu-1')).length < 2000)
})

test('ids that are names of built-in things are ids like any other', (t) => {
  for (const eventId of ['__proto__', 'constructor', 'toString']) {
    const answers = [
      { ...started('eu-1'), eventId },
      { ...finished('eu-1'), eventId },
    ]
    const { head, records, taken } = one({}, [...answers, ...answers])
    t.deepEqual(taken, ['recorded', 'recorded', 'repeated', 'repeated'])
    const stored = new Map([['eu-1', JSON.parse(JSON.stringify(records.get('eu-1')))]])
    t.is(settle(head, stored, LATER)?.result, 'pass')
  }
})

test('a fan-out whose targets were only assumed is withdrawn when home answers first', (t) => {
  const assumed = fanOut({ targets: [target('eu-1', { assumed: true })] })
  const withdrawn = withdraw(assumed, new Map(), 'answered-at-home', LATER)
  t.deepEqual(withdrawn?.settlement, { kind: 'withdrawn', reason: 'answered-at-home', at: LATER })

  const answered = take(assumed, [started('eu-1')])
  t.false(isWithdrawable(answered.head, answered.records))
  t.is(withdraw(answered.head, answered.records, 'answered-at-home', LATER), undefined)
  t.false(isWithdrawable(fanOut(), new Map()), 'a target that is known to want it')
  t.false(isWithdrawable({ ...assumed, startedAt: OPENED }, new Map()), 'our started is out')
  t.false(isWithdrawable(cancel(assumed, 'aborted', LATER), new Map()), 'it has ended')
})

test('the first end stands, and what has ended is neither reviewed nor settled', (t) => {
  const { head, records } = one({}, [started('eu-1'), finished('eu-1')])
  const cancelled = cancel(head, 'overtaken', LATER)
  t.is(cancel(cancelled, 'aborted', LATER + 1), cancelled)
  t.is(settle(cancelled, records, LATER), undefined)
  t.deepEqual(review(cancelled, records, LATER + 9 * HOUR, ALL_ONLINE), {
    turns: [],
    givenUp: [],
    complete: false,
  })
})

test('progress tells how many stamps are where', (t) => {
  const opened = fanOut({ targets: [...targets(4), target('eu-5', { given: 'skipped' })] })
  const { head, records } = take(opened, [
    finished('eu-1'),
    finished('eu-2', 200, { result: 'fail' }),
    started('eu-3'),
  ])
  t.is(
    progressOf(head, records, LATER).message,
    'deployment: 3 of 5 stamps done, 1 running, 1 failed, 1 skipped',
  )
})
