import test from 'ava'
import { giveUp, review } from '../../src/domain/fanin.ts'
import { polledAndBegun, startsAtOnce } from '../../src/domain/polled-targets.ts'
import type { Wave } from '../../src/domain/wave-plan.ts'
import { ALL_ONLINE, fanOut, finished, OPENED, started, take, target } from './fanin-builders.ts'

const TARGETS = [
  target('eu-1'),
  target('eu-2', { link: 'https' }),
  target('eu-3', { link: 'auto' }),
  target('eu-4', { link: 'auto' }),
]
const onNats = (stamp: string) => stamp !== 'eu-4'
const wave = (ring: string): Wave => ({
  ring,
  soakMs: 0,
  groups: [{ geo: 'eu', concurrency: 4 }],
})

test('those are named whom NATS does not reach, from their turn until they are done', (t) => {
  const opened = fanOut({ targets: TARGETS })
  const named = (answers: Parameters<typeof take>[1]) => {
    const { head, records } = take(opened, answers)
    return polledAndBegun(head, records, OPENED + 1_000, onNats)
  }
  t.deepEqual(named([]), ['eu-2', 'eu-4'])
  t.deepEqual(named([started('eu-2')]), ['eu-2', 'eu-4'])
  t.deepEqual(named([started('eu-2'), finished('eu-2')]), ['eu-4'])
  const givenUp = giveUp(undefined, { kind: 'failed', reason: 'not-started', at: OPENED })
  const records = new Map([['eu-4', givenUp]])
  t.deepEqual(polledAndBegun(opened, records, OPENED + 1_000, onNats), ['eu-2'])
})

test('in waves nobody is named before its turn', (t) => {
  const head = fanOut({ targets: TARGETS, waves: [wave('canary')] })
  t.deepEqual(polledAndBegun(head, new Map(), OPENED, onNats), [])
  const begun = new Map([['eu-4', { started: {}, finished: {}, begunAt: OPENED }]])
  t.deepEqual(polledAndBegun(head, begun, OPENED, onNats), ['eu-4'])
})

test('.started is due at once where somebody polls, unless it is only assumed to want the task', (t) => {
  const at = OPENED + 7
  const dueFor = (...targets: readonly (typeof TARGETS)[number][]) =>
    review(fanOut({ targets }), new Map(), at, { ...ALL_ONLINE, onNats }).startedAt
  const [nats, https, auto, cutOff] = TARGETS as [
    (typeof TARGETS)[number],
    (typeof TARGETS)[number],
    (typeof TARGETS)[number],
    (typeof TARGETS)[number],
  ]
  t.is(dueFor(nats, auto), undefined)
  t.is(dueFor(nats, https), at)
  t.is(dueFor(nats, cutOff), at)
  t.is(dueFor(nats, { ...https, assumed: true }), undefined)
  t.false(startsAtOnce(fanOut({ targets: [{ ...https, given: 'skipped' }] }), onNats))
})
