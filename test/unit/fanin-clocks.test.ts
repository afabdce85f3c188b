import { testProp, fc } from '@fast-check/ava'
import test from 'ava'
import type { Presence } from '../../src/domain/fanin.ts'
import type { FanOut, TargetRecord } from '../../src/domain/fanout.ts'
import type { StampAnswer } from './fanin-builders.ts'
import { giveUp, markStarted, review } from '../../src/domain/fanin.ts'
import { settle } from '../../src/domain/verdict.ts'
import {
  ALL_OFFLINE,
  ALL_ONLINE,
  fanOut,
  finished,
  HOUR,
  MINUTE,
  OPENED,
  started,
  take,
  target,
  targets,
} from './fanin-builders.ts'

const START = OPENED + 5 * MINUTE
const FINISH = OPENED + 2 * HOUR

/** Reviews as the hub does, recording what the clocks say. */
function tick(
  opened: FanOut,
  answers: readonly StampAnswer[],
  now: number,
  presence: Presence = ALL_ONLINE,
) {
  const { head, records } = take(opened, answers)
  const due = review(head, records, now, presence)
  for (const { stamp, givenUp } of due.givenUp)
    records.set(stamp, giveUp(records.get(stamp), givenUp))
  const next = due.startedAt === undefined ? head : markStarted(head, due.startedAt)
  return { head: next, records, due }
}

test('a new fan-out is looked at again when its targets ought to have started', (t) => {
  const { due } = tick(fanOut(), [], OPENED)
  t.deepEqual(due, { turns: [], givenUp: [], lookAt: START, complete: false })
})

test('an online stamp that does not start in time is given up', (t) => {
  const opened = fanOut({ targets: targets(2) })
  const before = tick(opened, [started('eu-1')], START - 1)
  t.deepEqual(before.due.givenUp, [])
  t.is(before.due.lookAt, START)
  const { due } = tick(opened, [started('eu-1')], START)
  t.deepEqual(due.givenUp, [
    { stamp: 'eu-2', givenUp: { kind: 'failed', reason: 'not-started', at: START } },
  ])
  t.is(due.lookAt, FINISH)
})

test('for a stamp that was away the clock begins when it is back', (t) => {
  const back = { ...ALL_ONLINE, onlineSince: () => OPENED + HOUR }
  const opened = fanOut({ targets: targets(1) })
  t.deepEqual(tick(opened, [], OPENED + HOUR + 1, back).due.givenUp, [])
  t.is(tick(opened, [], OPENED + HOUR + 1, back).due.lookAt, OPENED + HOUR + 5 * MINUTE)
  const { due } = tick(opened, [], OPENED + HOUR + 5 * MINUTE, back)
  t.is(due.givenUp[0]?.givenUp.reason, 'not-started')
})

const at = (offline: 'wait' | 'skip' | 'fail', now: number) =>
  tick(fanOut({ targets: targets(1), policy: { offline } }), [], now, ALL_OFFLINE).due

test('an offline stamp is waited for, skipped or failed as the policy says', (t) => {
  for (const offline of ['wait', 'skip', 'fail'] as const)
    t.deepEqual(at(offline, START - 1).givenUp, [])
  t.deepEqual(at('wait', START).givenUp, [])
  t.is(at('wait', START).lookAt, FINISH)
  t.deepEqual(at('skip', START).givenUp, [
    { stamp: 'eu-1', givenUp: { kind: 'skipped', reason: 'offline', at: START } },
  ])
  t.deepEqual(at('fail', START).givenUp, [
    { stamp: 'eu-1', givenUp: { kind: 'failed', reason: 'offline', at: START } },
  ])
  t.deepEqual(at('wait', FINISH).givenUp, [
    { stamp: 'eu-1', givenUp: { kind: 'failed', reason: 'not-finished', at: FINISH } },
  ])
})

test('a stamp that runs is left to run until the end, and is then given up', (t) => {
  const opened = fanOut({ targets: targets(1) })
  const running = tick(opened, [started('eu-1')], START + HOUR, ALL_OFFLINE)
  t.deepEqual([running.due.givenUp.length, running.due.lookAt], [0, FINISH])
  const { head, records, due } = tick(opened, [started('eu-1')], FINISH, ALL_OFFLINE)
  t.deepEqual(due.givenUp, [
    { stamp: 'eu-1', givenUp: { kind: 'failed', reason: 'not-finished', at: FINISH } },
  ])
  t.true(due.complete)
  t.like(settle(head, records, FINISH), {
    at: FINISH,
    result: 'fail',
    status: 'errored',
    reason: 'deadline',
    message: 'deployment: 0 of 1 stamp passed; eu-1 failed: not finished in time',
  })
})

test('a stamp that has finished is not given up because others might have joined', (t) => {
  const opened = fanOut({ targets: [target('eu-1', { exact: false })] })
  const { head, records, due } = tick(opened, [finished('eu-1', 2 * HOUR - 10)], FINISH)
  t.deepEqual(due.givenUp, [])
  t.true(due.complete)
  t.is(settle(head, records, FINISH)?.result, 'pass')
})

test('started is due with the first answer, at the time of that answer', (t) => {
  t.is(tick(fanOut(), [], START - 1).due.startedAt, undefined)
  const { head } = take(fanOut(), [])
  const { records } = take(fanOut(), [finished('eu-2', 300), started('eu-1', 200)])
  t.is(review(head, records, START, ALL_ONLINE).startedAt, OPENED + 200)
  t.is(review(markStarted(head, 5), records, START, ALL_ONLINE).startedAt, undefined)
})

test('started is due when Keptn would lose patience, and before any finished', (t) => {
  t.is(tick(fanOut(), [], START + 7, ALL_OFFLINE).due.startedAt, START)
  const skipped = fanOut({ targets: [target('eu-1', { given: 'skipped' })] })
  const { head, records, due } = tick(skipped, [], OPENED + 3)
  t.is(due.startedAt, OPENED)
  t.true(due.complete)
  t.is(settle(head, records, OPENED + 3)?.at, OPENED)
})

testProp(
  'whatever answers come, following the clock ends every fan-out, and never wakes up for nothing',
  [
    fc.array(
      fc.record({ stamp: fc.nat(3), at: fc.integer({ min: 1, max: 3 * HOUR }), end: fc.boolean() }),
      { maxLength: 8 },
    ),
    fc.constantFrom('wait' as const, 'skip' as const, 'fail' as const),
    fc.array(fc.boolean(), { minLength: 4, maxLength: 4 }),
  ],
  (t, plan, offline, online) => {
    const opened = fanOut({
      targets: [1, 2, 3, 4].map((nth) => target(`eu-${nth}`, { exact: nth % 2 === 0 })),
      policy: { offline },
    })
    const presence = {
      online: (stamp: string) => online[Number(stamp.slice(3)) - 1] ?? false,
      onNats: () => true,
      onlineSince: () => OPENED - HOUR,
      drained: () => false,
    }
    const pending = plan
      .map(({ stamp, at, end }) => (end ? finished : started)(`eu-${stamp + 1}`, at))
      .toSorted((a, b) => a.at - b.at)
    let now = OPENED
    let givenUp = new Map<string, TargetRecord['givenUp']>()
    for (let round = 0; round < 50; round += 1) {
      const seen = pending.filter(({ at }) => at <= now)
      let { head, records } = take(opened, seen)
      for (const [stamp, decision] of givenUp)
        if (decision !== undefined) records.set(stamp, giveUp(records.get(stamp), decision))
      const due = review(head, records, now, presence)
      for (const each of due.givenUp) {
        givenUp = new Map([...givenUp, [each.stamp, each.givenUp]])
        records.set(each.stamp, giveUp(records.get(each.stamp), each.givenUp))
      }
      if (due.startedAt !== undefined) head = markStarted(head, due.startedAt)
      const settlement = settle(head, records, now)
      t.is(settlement !== undefined, due.complete)
      if (settlement !== undefined) {
        t.true(now <= FINISH)
        t.true(settlement.at <= now)
        t.true(settlement.at >= (head.startedAt ?? Infinity))
        return
      }
      if (due.lookAt === undefined) throw new Error('nobody looks at it again')
      t.true(due.lookAt > now)
      const next = pending.find(({ at }) => at > now)?.at ?? Infinity
      now = Math.min(next, due.lookAt)
    }
    t.fail('it never ended')
  },
)
