import test from 'ava'
import type { GeoRing, Rollout, TaskPolicy, Topology } from '../../src/domain/topology.ts'
import { planWaves } from '../../src/domain/wave-plan.ts'
import { topology } from '../support/stamp-agent.ts'
import { fanOut, target } from './fanin-builders.ts'

const ROLLOUT: Rollout = { concurrency: { percent: 100 }, soakMs: 0, maxFailures: 0 }

function plan(
  places: readonly string[],
  rollouts: Readonly<Record<string, Partial<Rollout>>> = {},
  policy: Partial<TaskPolicy> = {},
) {
  const geoRings = Object.entries(rollouts).map(([place, rollout]): GeoRing => {
    const [geo = '', ring = ''] = place.split('/')
    return { geo, ring, rollout: { ...ROLLOUT, ...rollout } }
  })
  const whole: Topology = { ...topology(), rings: ['canary', 'early', 'broad'], geoRings }
  const targets = places.map((place, index) => {
    const [geo = '', ring = ''] = place.split('/')
    return target(`s-${index}`, { geo, ring })
  })
  return planWaves({ topology: whole, policy: { ...fanOut().policy, ...policy }, targets })
}

const many = (place: string, count: number) => Array<string>(count).fill(place)

test('one ring without a rollout has no waves, and neither has a task for one stamp', (t) => {
  t.is(plan(['eu/canary', 'us/canary']), undefined)
  t.is(plan([]), undefined)
  t.is(plan(['eu/canary'], { 'eu/canary': {} }, { select: 'one' }), undefined)
})

test('waves follow the release order of the rings that have targets', (t) => {
  const waves = plan(['us/broad', 'eu/canary', 'us/canary'])
  t.deepEqual(waves, [
    {
      ring: 'canary',
      soakMs: 0,
      groups: [
        { geo: 'eu', concurrency: 1 },
        { geo: 'us', concurrency: 1 },
      ],
    },
    { ring: 'broad', soakMs: 0, groups: [{ geo: 'us', concurrency: 1 }] },
  ])
})

test('a rollout makes a wave of a single ring, and each geo has its own', (t) => {
  const waves = plan([...many('eu/canary', 3), ...many('us/canary', 9)], {
    'us/canary': {
      concurrency: { percent: 25 },
      soakMs: 5,
      minSuccess: { percent: 50 },
      deadlineMs: 9,
    },
  })
  t.deepEqual(waves, [
    {
      ring: 'canary',
      soakMs: 5,
      groups: [
        { geo: 'eu', concurrency: 3 },
        { geo: 'us', concurrency: 2, limits: { maxFailures: 0, minSuccess: 5, deadlineMs: 9 } },
      ],
    },
  ])
})

test('the longest soak of a wave counts, at least one stamp begins, and no more must pass than there are', (t) => {
  const [wave] =
    plan([...many('eu/early', 2), ...many('us/early', 2)], {
      'eu/early': { soakMs: 1, concurrency: { percent: 1 } },
      'us/early': { soakMs: 7, concurrency: { stamps: 9 }, minSuccess: { stamps: 9 } },
    }) ?? []
  t.is(wave?.soakMs, 7)
  t.is(wave?.groups[0]?.concurrency, 1)
  t.is(wave?.groups[1]?.concurrency, 2)
  t.is(wave?.groups[1]?.limits?.minSuccess, 2)
})
