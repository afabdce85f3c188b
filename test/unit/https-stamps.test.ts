import test from 'ava'
import { setTimeout as sleep } from 'node:timers/promises'
import { HttpsStamps } from '../../src/hub/https-stamps.ts'
import type { StampRegistry } from '../../src/hub/stamp-registry.ts'
import { SignetError } from '../../src/errors.ts'
import { Metrics } from '../../src/observe/metrics.ts'
import { fixedTopology } from '../../src/runtime/topology-source.ts'
import type { LinkKind } from '../../src/domain/topology.ts'
import { eventually } from '../support/eventually.ts'
import { silent } from '../support/registrations.ts'
import { topology } from '../support/stamp-agent.ts'

/** A hub's look at Keptn every few milliseconds, for a stamp `a` with a link. */
function rig(link: LinkKind) {
  const base = topology()
  const stamp = { name: 'a', geo: 'eu', ring: 'canary', link, labels: {}, handles: [] }
  const state = { isOnNats: true, answers: true, asked: 0, read: 0, changed: 0 }
  const warnings: string[] = []
  const metrics = new Metrics()
  const stamps = new HttpsStamps({
    list: () => {
      state.asked += 1
      return state.answers
        ? Promise.resolve({ registrations: [], clockMs: 0 })
        : Promise.reject(new SignetError('SIGNET_API_UNREACHABLE', 'no answer'))
    },
    topology: fixedTopology({ ...base, stamps: [stamp] }),
    registry: {
      isOnNats: () => state.isOnNats,
      readKeptn: () => (state.read += 1),
    } as unknown as StampRegistry,
    intervalMs: 1,
    onChange: () => {
      state.changed += 1
    },
    now: Date.now,
    log: { ...silent, warn: (_, message) => warnings.push(message) },
    metrics,
  })
  return { stamps, state, warnings, metrics }
}

test('Keptn is asked while there is a stamp that NATS does not reach, and at no other time', async (t) => {
  const { stamps, state } = rig('auto')
  t.teardown(() => stamps.stop())
  await stamps.start()
  await sleep(20)
  t.is(state.asked, 0)
  state.isOnNats = false
  await eventually('it is asked', () => state.read > 1)
  t.is(state.changed, 1, 'those that wait for the stamp look once')
  state.isOnNats = true
  await eventually('they look again', () => state.changed === 2)
  const { asked } = state
  await sleep(20)
  t.is(state.asked, asked)
})

test('a stamp that never has NATS is asked for before anything is routed', async (t) => {
  const { stamps, state } = rig('https')
  t.teardown(() => stamps.stop())
  await stamps.start()
  t.is(state.read, 1)
})

test('a stamp that always has NATS is not asked for', async (t) => {
  const { stamps, state } = rig('nats')
  state.isOnNats = false
  await stamps.start()
  await sleep(20)
  await stamps.stop()
  t.is(state.asked, 0)
})

test('a Keptn that does not tell is asked again, counted, and told of once', async (t) => {
  const { stamps, state, warnings, metrics } = rig('https')
  t.teardown(() => stamps.stop())
  state.answers = false
  await stamps.start()
  await eventually('it is asked again', () => state.asked > 2)
  t.is(warnings.length, 1)
  const failed = await metrics.registry.getSingleMetric('signet_stamp_checks_failed_total')?.get()
  t.true((failed?.values[0]?.value ?? 0) >= 3)
  state.answers = true
  await eventually('it is read', () => state.read > 0)
})
