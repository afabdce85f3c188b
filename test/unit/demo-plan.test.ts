import test from 'ava'
import { geosOf, planDemo, shipyardOf, stampsOf, workMs } from '../../src/demo/demo-plan.ts'

const names = (count: number): readonly string[] =>
  planDemo({ count, seed: 1 }).stamps.map(({ name }) => name)

test('stamps are spread over two geos and two rings, in the order of geo, ring and name', (t) => {
  t.deepEqual(names(2), ['eu-canary-1', 'us-broad-1'])
  t.deepEqual(names(4), ['eu-canary-1', 'eu-broad-1', 'us-canary-1', 'us-broad-1'])
  t.deepEqual(names(44).slice(8, 12), ['eu-canary-9', 'eu-canary-10', 'eu-canary-11', 'eu-broad-1'])
})

test('no stage is planned for a ring without a stamp', (t) => {
  const plan = planDemo({ count: 1, seed: 1 })
  t.deepEqual(plan.stages, [{ stage: 'dev', ring: 'canary' }])
  t.deepEqual(plan.rings, ['canary'])
  t.deepEqual(geosOf(plan), ['hub', 'eu'])
})

test('each stage is released to the stamps of its ring, after the stage before it', (t) => {
  const plan = planDemo({ count: 4, seed: 1 })
  const released = plan.stages.map((stage) => stampsOf(plan, stage).map(({ name }) => name))
  t.deepEqual(released, [
    ['eu-canary-1', 'us-canary-1'],
    ['eu-broad-1', 'us-broad-1'],
  ])
  const triggers = shipyardOf(plan).spec.stages.map(({ sequences }) => sequences[0]?.triggeredOn)
  t.deepEqual(triggers, [[], [{ event: 'dev.delivery.finished' }]])
})

test('the seed alone decides how long work takes, within its bounds', (t) => {
  const times = (seed: number): readonly number[] =>
    planDemo({ count: 100, seed }).stamps.flatMap(({ name }) => [
      workMs(seed, name, 'deployment'),
      workMs(seed, name, 'test'),
    ])
  t.deepEqual(times(7), times(7))
  t.notDeepEqual(times(7), times(8))
  const all = times(7)
  t.true(Math.min(...all) >= 300 && Math.max(...all) <= 1_500)
  const long = all.filter((ms) => ms > 900).length
  t.true(long > 60 && long < 140, `${long} of 200 in the upper half`)
})
