import test from 'ava'
import { pauseByHand } from '../../src/domain/hold.ts'
import { findRollouts, rollout, rolloutDetail } from '../../src/domain/rollout.ts'
import { textOf } from '../../src/view/line.ts'
import { rolloutList, rolloutView, shortIds } from '../../src/view/rollout-view.ts'
import { fanOut, finished, MINUTE, OPENED, started, take, target } from './fanin-builders.ts'

const iso = (ms: number) => new Date(ms).toISOString()
const presence = { isOnline: (stamp: string) => stamp !== 'us-1', onlineSince: () => 0 }
const group = (geo: string) => ({ geo, concurrency: 1 })

/** Canary has passed and soaks, or is over; early has begun in one of two geos; broad comes later. */
function inWaves(soakMs: number) {
  const opened = fanOut({
    id: '6e87434b-7b3c-4dce',
    waves: [
      { ring: 'canary', soakMs, groups: [group('eu')] },
      { ring: 'early', soakMs: 0, groups: [group('eu'), group('us')] },
    ],
    targets: [
      target('eu-1'),
      target('eu-2', { ring: 'early' }),
      target('us-1', { ring: 'early', geo: 'us' }),
      target('us-2', { ring: 'early', geo: 'us' }),
    ],
    missing: ['ap-1'],
  })
  const begun = (at: number) => ({ started: {}, finished: {}, begunAt: OPENED + at })
  const { head, records } = take({ ...opened, waves: opened.waves ?? [] }, [])
  records.set('eu-1', begun(0))
  for (const answer of [started('eu-1', 1_000), finished('eu-1', 61_000, { message: 'ok' })]) {
    const record = records.get('eu-1') ?? begun(0)
    const { stamp: _, kind, eventId, ...facts } = answer
    records.set('eu-1', { ...record, [kind]: { ...record[kind], [eventId]: facts } })
  }
  return { head, records, begun }
}

const text = (lines: readonly Parameters<typeof textOf>[0][]) =>
  lines.map((line) => textOf(line).trimEnd()).join('\n')

test('a rollout between two waves soaks, and says until when', (t) => {
  const { head, records } = inWaves(10 * MINUTE)
  const now = OPENED + 2 * MINUTE
  const told = rollout(head, records, now)
  t.like(told, { state: 'soaking', ring: 'early', wave: 2, waves: 2 })
  t.is(told.soakUntil, iso(OPENED + 61_000 + 10 * MINUTE))
  const { stamps } = rolloutDetail(head, records, now, presence)
  t.deepEqual(
    stamps.map(({ waitsFor, until }) => [waitsFor, until]),
    [[undefined, undefined], ...[2, 3, 4].map(() => ['the end of the soak', told.soakUntil])],
  )
})

test('each stamp of a wave says what it waits for', (t) => {
  const { head, records, begun } = inWaves(0)
  records.set('eu-2', begun(2 * MINUTE))
  records.set('us-1', begun(2 * MINUTE))
  const now = OPENED + 3 * MINUTE
  const told = rolloutDetail(head, records, now, presence)
  t.is(told.state, 'running')
  t.deepEqual(
    told.stamps.map(({ phase, waitsFor, until }) => [phase, waitsFor, until]),
    [
      ['done', undefined, undefined],
      ['waiting', 'its .started', iso(OPENED + 7 * MINUTE)],
      ['waiting', 'the stamp, which is offline', iso(OPENED + 122 * MINUTE)],
      ['pending', 'its turn', undefined],
    ],
  )
  t.is(
    text(rolloutView(told, iso(now))),
    `deployment in prod of shop/cart  running
  id       6e87434b-7b3c-4dce
  context  C1
  opened   2026-03-01 10:00:00 UTC, 3 min ago
  policy   success all, start within 5 min, finish within 2 h, offline wait
  missing  ap-1: nobody there wants it

waves
  canary  1/1 passed                        since 10:00:00
  early   0/3 passed, 2 waiting, 1 pending  since 10:02:00

stamps
  eu-1  eu/canary  ✓ pass   10:00:01  60.0 s           ok
  eu-2  eu/early   waiting  10:02:00  60.0 s           waits for its .started until 10:07:00
  us-1  us/early   waiting  10:02:00  60.0 s  offline  waits for the stamp, which is offline until 12:02:00
  us-2  us/early   pending                             waits for its turn`,
  )
})

test('a rollout that is held back says by whom, and one that goes no further says why', (t) => {
  const { head, records } = inWaves(0)
  const paused = pauseByHand(head, 'ann@laptop', OPENED + MINUTE)
  const stopped = {
    ...head,
    id: 'B',
    stop: { reason: 'aborted', at: OPENED, by: 'ben@host' } as const,
  }
  const now = OPENED + 2 * MINUTE
  t.is(
    rolloutDetail(paused, records, now, presence).stamps[3]?.waitsFor,
    'resume (paused by ann@laptop)',
  )
  const rollouts = [paused, stopped].map((each) => rollout(each, records, now))
  t.is(
    text(rolloutList(rollouts, iso(now))),
    `ID        WHAT                             AGE    WAVE       STAMPS                 STATE
6e87434b  deployment in prod of shop/cart  2 min  early 2/2  1/4 passed, 3 pending  paused by ann@laptop
B         deployment in prod of shop/cart  2 min  early 2/2  1/4 passed, 3 pending  aborted by ben@host`,
  )
  t.is(text(rolloutList([], iso(now))), 'No rollout is open.')
})

test('an id, the beginning of one or a context names a rollout, and what is exact comes first', (t) => {
  const heads = [
    fanOut({ id: 'abc1', context: 'X' }),
    fanOut({ id: 'abc12', context: 'X' }),
    fanOut({ id: 'def1', context: 'abc' }),
  ]
  const found = (wanted: string) => findRollouts(heads, wanted).map(({ id }) => id)
  t.deepEqual(found('abc1'), ['abc1'])
  t.deepEqual(found('abc12'), ['abc12'])
  t.deepEqual(found('abc'), ['def1'])
  t.deepEqual(found('X'), ['abc1', 'abc12'])
  t.deepEqual(found('de'), ['def1'])
  t.deepEqual(found('ab'), ['abc1', 'abc12', 'def1'])
  t.deepEqual(found('zzz'), [])
})

test('short ids are as long as it takes to tell them apart', (t) => {
  t.deepEqual(
    [...shortIds(['0123456789abcdef', 'x123456789abcdef']).values()],
    ['01234567', 'x1234567'],
  )
  const near = shortIds(['0123456789aXcdef', '0123456789aYcdef'])
  t.is(new Set(near.values()).size, 2)
  t.deepEqual([...shortIds(['T1']).values()], ['T1'])
})
