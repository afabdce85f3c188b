import type { ExecutionContext } from 'ava'
import test from 'ava'
import { setTimeout as sleep } from 'node:timers/promises'
import type { KeptnEvent } from '../../src/domain/event.ts'
import type { Log } from '../../src/observe/log.ts'
import { fixedTopology } from '../../src/runtime/topology-source.ts'
import { InterestGate } from '../../src/stamp/gate.ts'
import {
  DEPLOYMENT,
  event,
  registered,
  registrations,
  silent,
  TEST,
} from '../support/registrations.ts'
import { eventually } from '../support/eventually.ts'
import { topology } from '../support/stamp-agent.ts'

function rig(
  t: ExecutionContext,
  handles: readonly string[] = [],
  more: { readonly log?: Log; readonly warnMs?: number } = {},
) {
  const clock = { ms: 1_700_000_000_000 }
  const known = registrations({ now: () => clock.ms })
  const gate = new InterestGate({
    topology: fixedTopology(topology()),
    handles: () => handles,
    integrations: known,
    log: silent,
    ...more,
  })
  t.teardown(() => {
    gate.stop()
  })
  /** Pings until it listens: the second ping comes when it has settled. */
  const listen = (id: string): void => {
    known.ping(id)
    clock.ms += 2_000
    known.ping(id)
  }
  return { clock, known, gate, listen }
}

/** Whether the gate let it through, after everything that was due ran. */
async function passes(gate: InterestGate, of: KeptnEvent): Promise<() => boolean> {
  const state = { through: false }
  const note = async (): Promise<void> => {
    await gate.opened(of)
    state.through = true
  }
  note().catch(() => undefined)
  await settled()
  return () => state.through
}

async function settled(): Promise<void> {
  await new Promise((resolve) => setImmediate(resolve))
}

test('a task passes where no integration is known', (t) => {
  t.true(rig(t).gate.isOpen(event(DEPLOYMENT)))
})

test('a task passes where the integrations that are known want something else', async (t) => {
  const { gate, known } = rig(t)
  await registered(known, { events: [TEST] })
  t.true(gate.isOpen(event(DEPLOYMENT)))
  t.false(gate.isOpen(event(TEST)))
})

test('filters count: an integration for another stage holds nothing back', async (t) => {
  const { gate, known } = rig(t)
  await registered(known, { stages: ['prod'] })
  t.true(gate.isOpen(event(DEPLOYMENT, { stage: 'dev' })))
  t.false(gate.isOpen(event(DEPLOYMENT, { stage: 'prod' })))
})

test('only the .triggered of a task is held back', async (t) => {
  const { gate, known } = rig(t)
  await registered(known, { events: ['sh.keptn.>'] })
  t.false(gate.isOpen(event(DEPLOYMENT)))
  t.true(gate.isOpen(event('sh.keptn.event.deployment.finished')))
  t.true(gate.isOpen(event('sh.keptn.event.dev.delivery.triggered')))
})

test('what the topology says a stamp handles passes at once', async (t) => {
  const { gate, known } = rig(t, ['deployment'])
  await registered(known)
  t.true(gate.isOpen(event(DEPLOYMENT)))
})

test('one of several that want it is enough', async (t) => {
  const { gate, known, listen } = rig(t)
  await registered(known, { name: 'gone' })
  listen(await registered(known, { name: 'there' }))
  t.true(gate.isOpen(event(DEPLOYMENT)))
})

test('a held task passes a moment after its integration pinged, and not before', async (t) => {
  // Real time: it is the gate's own timer that is waited for.
  const known = registrations()
  const gate = new InterestGate({
    topology: fixedTopology(topology()),
    handles: () => [],
    integrations: known,
    log: silent,
  })
  const id = await registered(known)
  const opened = gate.opened(event(DEPLOYMENT))
  t.is(gate.held, 1)
  const pingedAt = performance.now()
  known.ping(id)
  t.is(gate.held, 1)
  await opened
  const waited = performance.now() - pingedAt
  t.true(waited >= 990 && waited < 5_000, `${waited} ms`)
  t.is(gate.held, 0)
})

test('silence closes the gate, and a ping opens it again', async (t) => {
  const { gate, known, clock, listen } = rig(t)
  const id = await registered(known)
  listen(id)
  t.true(gate.isOpen(event(DEPLOYMENT)))
  clock.ms += 30_000
  const through = await passes(gate, event(DEPLOYMENT))
  t.false(through())
  known.ping(id)
  clock.ms += 1_000
  t.true(gate.isOpen(event(DEPLOYMENT)))
})

test('a subscription that was just added holds tasks back until its integration has learned of it', async (t) => {
  const { gate, known, listen } = rig(t)
  const id = await registered(known)
  listen(id)
  const filter = { projects: [], stages: [], services: [] }
  t.is(await known.putSubscription(id, { id: 's', event: TEST, filter }), 'kept')
  t.false(gate.isOpen(event(TEST)))
  listen(id)
  t.true(gate.isOpen(event(TEST)))
})

test('a task whose only integration is removed is let go', async (t) => {
  const { gate, known } = rig(t)
  const id = await registered(known)
  const through = await passes(gate, event(DEPLOYMENT))
  t.false(through())
  await known.remove(id)
  await settled()
  t.true(through())
})

test('what is held is counted', async (t) => {
  const { gate, known } = rig(t)
  const id = await registered(known)
  await passes(gate, event(DEPLOYMENT))
  await passes(gate, event(DEPLOYMENT))
  t.is(gate.held, 2)
  await known.remove(id)
  t.is(gate.held, 0)
})

test('a stop rejects what is held and what comes later', async (t) => {
  const { gate, known } = rig(t)
  await registered(known)
  const held = t.throwsAsync(gate.opened(event(DEPLOYMENT)), { code: 'SIGNET_STOPPED' })
  gate.stop()
  await held
  await t.throwsAsync(gate.opened(event(DEPLOYMENT)), { code: 'SIGNET_STOPPED' })
  t.is(gate.held, 0)
})

test('what is held for long is warned of once, however many they are', async (t) => {
  const warnings: object[] = []
  const log: Log = { ...silent, warn: (facts) => warnings.push(facts) }
  const { gate, known } = rig(t, [], { log, warnMs: 50 })
  await registered(known)
  await passes(gate, event(DEPLOYMENT))
  await passes(gate, event(DEPLOYMENT))
  await eventually('a warning', () => warnings.length > 0)
  // Long enough for the second to have warned on its own.
  await sleep(100)
  t.deepEqual(warnings, [{ type: DEPLOYMENT, held: 2, seconds: 0.05 }])
})

test('what passes in time is not warned of', async (t) => {
  const warnings: object[] = []
  const log: Log = { ...silent, warn: (facts) => warnings.push(facts) }
  const { gate, known } = rig(t, [], { log, warnMs: 50 })
  const id = await registered(known)
  const through = await passes(gate, event(DEPLOYMENT))
  await known.remove(id)
  await settled()
  t.true(through())
  await sleep(100)
  t.deepEqual(warnings, [])
})
