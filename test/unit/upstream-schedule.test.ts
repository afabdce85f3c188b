import { fc, testProp } from '@fast-check/ava'
import test from 'ava'
import { ALIVE_MS } from '../../src/domain/sign-of-life.ts'
import type { UpstreamNeed } from '../../src/domain/upstream-schedule.ts'
import { dueAt, UPSTREAM_PACE } from '../../src/domain/upstream-schedule.ts'

const NOW = 1_700_000_000_000
/** Keptn's shortest: what is not told of by then is gone there (wire 4.3). */
const TTL_MS = 60_000

const steady: UpstreamNeed = {
  isRemoved: false,
  isKnownUpstream: true,
  isOutdated: false,
  seenAt: NOW,
  toldAt: NOW - 1_000,
  failedAt: 0,
  failures: 0,
  random: 0,
}

const due = (over: Partial<UpstreamNeed>, now = NOW): number | undefined =>
  dueAt({ ...steady, ...over }, now, UPSTREAM_PACE)

test('a sign of life is told twenty seconds after the last one, and up to five later', (t) => {
  t.is(due({}), NOW - 1_000 + 20_000)
  t.is(due({ random: 0.5 }), NOW - 1_000 + 22_500)
})

test('whoever did not ping since it was told of is not told of again', (t) => {
  t.is(due({ seenAt: NOW - 1_000 }), undefined)
})

test('a change is told at once, and so is what nobody was told yet', (t) => {
  t.is(due({ isOutdated: true }), 0)
  t.is(due({ isKnownUpstream: false }), 0)
  t.is(due({ toldAt: undefined }), 0)
})

test('nothing is told of whoever is silent, but that it was removed', (t) => {
  const silent = { seenAt: NOW - ALIVE_MS, isOutdated: true }
  t.is(due(silent), undefined)
  t.is(due({ ...silent, isRemoved: true }), 0)
  t.is(due({ ...silent, isRemoved: true, isKnownUpstream: false }), undefined)
})

test('what failed is tried again later and later, and never later than would be too late', (t) => {
  const failed = (failures: number) =>
    due({ isOutdated: true, failedAt: NOW, failures, random: 0.5 })
  t.is(failed(1), NOW + 750)
  t.is(failed(3), NOW + 3_000)
  t.is(failed(50), NOW + 11_250)
})

testProp(
  'whoever pings all the time is told of at most every 20 s, and before Keptn forgets, though calls fail',
  [
    fc.array(
      fc.record({
        random: fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true }),
        fails: fc.boolean(),
      }),
      { minLength: 5, maxLength: 60 },
    ),
  ],
  (t, visits) => {
    let [now, toldAt, failedAt, failures] = [NOW, NOW, 0, 0]
    for (const { random, fails } of visits) {
      const need = { ...steady, random, seenAt: now + 1, toldAt, failedAt, failures }
      const at = dueAt(need, now, UPSTREAM_PACE)
      if (at === undefined) return t.fail('it is never due')
      now = Math.max(now, at)
      t.true(now - toldAt >= UPSTREAM_PACE.pingMs)
      if (failures <= 3) t.true(now - toldAt < TTL_MS)
      failures = fails ? failures + 1 : 0
      if (fails) failedAt = now
      else toldAt = now
    }
  },
)
