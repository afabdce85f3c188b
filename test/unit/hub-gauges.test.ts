import test from 'ava'
import type { Stamp } from '../../src/domain/topology.ts'
import { observeFanOuts } from '../../src/hub/observe-fanouts.ts'
import { observeStamps } from '../../src/hub/observe-stamps.ts'
import { Metrics } from '../../src/observe/metrics.ts'
import { counted } from '../support/metrics.ts'
import { fanOut, finished, OPENED, target } from './fanin-builders.ts'
import { WaveMachine } from './wave-machine.ts'

test('open fan-outs are counted by state, and their stamps by ring and where they stand', async (t) => {
  const machine = new WaveMachine(
    fanOut({
      targets: [target('eu-1'), target('eu-2'), target('eu-3', { ring: 'early' })],
      waves: ['canary', 'early'].map((ring) => ({
        ring,
        soakMs: 0,
        groups: [{ geo: 'eu', concurrency: 2, limits: { maxFailures: 1 } }],
      })),
    }),
  )
  machine.look(OPENED)
  machine.answer('eu-1', finished('eu-1'))
  const waves = { head: machine.head, records: machine.records }
  const paused = {
    head: fanOut({
      id: 'T2',
      targets: [target('us-1', { ring: 'gone' })],
      paused: { since: OPENED },
    }),
    records: new Map(),
  }
  const metrics = new Metrics()
  const rings = ['canary', 'early', 'broad']
  // Somebody may still join for half a second after the first has finished.
  observeFanOuts([waves, paused], rings, OPENED + 10_000, metrics)
  const state = (result: string) => counted(metrics, 'signet_fanouts_by_state', { result })
  t.deepEqual(await Promise.all(['running', 'paused', 'stopped'].map(state)), [1, 1, 0])
  const stamps = (ring: string, result: string) =>
    counted(metrics, 'signet_fanout_stamps', { ring, result })
  t.is(await stamps('canary', 'passed'), 1)
  t.is(await stamps('canary', 'waiting'), 1)
  t.is(await stamps('early', 'pending'), 1)
  t.is(await stamps('broad', 'pending'), 0)
  t.is(await stamps('gone', 'waiting'), 1)
  observeFanOuts([], rings, OPENED, metrics)
  t.is(await state('paused'), 0)
  t.is(await stamps('canary', 'passed'), 0)
  t.is(await stamps('gone', 'waiting'), undefined)
})

test('stamps are counted where they stand now, and those of them that are heard', async (t) => {
  const stamp = (name: string, ring: string): Stamp => ({
    name,
    geo: 'eu',
    ring,
    labels: {},
    link: 'auto',
    handles: [],
  })
  const metrics = new Metrics()
  observeStamps(
    [stamp('a', 'canary'), stamp('b', 'canary'), stamp('c', 'early')],
    (name) => name === 'a',
    metrics,
  )
  const known = (ring: string) => counted(metrics, 'signet_stamps_known', { geo: 'eu', ring })
  const online = (ring: string) => counted(metrics, 'signet_stamps_online', { geo: 'eu', ring })
  t.deepEqual([await known('canary'), await online('canary')], [2, 1])
  t.deepEqual([await known('early'), await online('early')], [1, 0])
  observeStamps([stamp('a', 'canary')], () => true, metrics)
  t.deepEqual([await known('canary'), await online('canary')], [1, 1])
  t.is(await known('early'), undefined, 'a ring that is gone is not counted for ever')
})
