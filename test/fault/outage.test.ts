import test from 'ava'
import { setTimeout as sleep } from 'node:timers/promises'
import type { Integration } from '../../src/demo/integration/integration.ts'
import { answersOf, begin, sectionOf } from '../support/delivery.ts'
import type { Rig } from '../support/federation.ts'
import { eventually, HOME, startRig } from '../support/federation.ts'
import { scraped } from '../support/metrics.ts'

/** How long the work of an integration takes: long enough to come back from an outage before its end. */
const WORK_MS = 2_500

let rig: Rig
let workers: ReadonlyMap<string, Integration>

test.serial.before(async () => {
  rig = await startRig({ proxied: true })
  await rig.startKeptn()
  await rig.startAgents()
  workers = await rig.startIntegrations(() => ({ delayMs: WORK_MS }))
})

test.serial.after.always(() => rig[Symbol.asyncDispose]())

/** A server that is killed while nobody publishes to it, and is back before the work is done. */
async function killServer(name: string): Promise<void> {
  const server = rig.supercluster.process(name)
  await server.kill()
  await server.restart()
}

/** Until the integration of the stamp has answered; the outage goes on that long. */
async function answered(stamp: string): Promise<void> {
  const before = workers.get(stamp)?.sent().length ?? 0
  await eventually(() => (workers.get(stamp)?.sent().length ?? 0) > before)
}

/**
 * What happens after every stamp has begun to work. Not here: a kill of home's Keptn NATS, which may forget
 * that shipyard-controller has acknowledged our .started; handed out again, it counts twice (wire 6.2).
 */
const outages: Readonly<Record<string, () => Promise<unknown>>> = {
  'its agent is down': async () => {
    await rig.agent('a').kill()
    await answered('a')
    rig.agent('a').start()
  },
  'the hub is down': async () => {
    await rig.agent(HOME).kill()
    await answered('a')
    rig.agent(HOME).start()
  },
  'the gateway of its geo is cut off': async () => {
    await rig.supercluster.cutGeo('eu')
    await answered('a')
    await rig.supercluster.healGeo('eu')
  },
  'no bytes come through from its geo': async () => {
    await rig.supercluster.holeGeo('eu')
    await answered('a')
    await rig.supercluster.healGeo('eu')
  },
  'the hub store is cut off': async () => {
    await rig.supercluster.cutStore()
    await answered('a')
    await rig.supercluster.healStore()
  },
  'the hub store is frozen': async () => {
    await rig.supercluster.store.pause()
    await answered('a')
    rig.supercluster.store.resume()
  },
  'its Keptn NATS was killed while it worked': () => killServer('keptn-a'),
}

for (const [what, outage] of Object.entries(outages)) {
  test.serial(
    `a stamp that answers while ${what} is counted once, and the task ends well`,
    async (t) => {
      t.timeout(90_000)
      const { context } = await begin(rig)
      const hasBegun = () =>
        [...workers.values()].every((worker) =>
          worker.received().some(({ event }) => event.shkeptncontext === context),
        )
      await eventually(hasBegun)
      await eventually(() => answersOf(rig, context, 'deployment').includes('started signet'))
      await outage()
      await rig.supercluster.ready(30_000)
      const limit = { timeoutMs: 60_000 }
      const view = await rig.keptn.waitForSequence(context, 'dev', 'delivery', limit)
      t.is(view.outcome?.result, 'pass')
      t.deepEqual(answersOf(rig, context, 'deployment'), ['started signet', 'finished signet'])
      t.like(sectionOf(rig, context, 'deployment'), { counts: { targets: 2, passed: 2 } })
      t.deepEqual(rig.keptn.duplicates(), [])
      for (const worker of workers.values())
        t.true([...worker.deliveries().values()].every((count) => count === 1))
      await rig.federation.ready()
    },
  )
}

test.serial('a second SIGTERM ends an agent at once, whatever it waits for', async (t) => {
  t.timeout(60_000)
  const { pid } = rig.agent('a')
  if (pid === undefined) throw new Error('it does not run')
  await rig.supercluster.store.pause()
  await rig.publish('a', 'sh.keptn.event.dev.delivery.finished', '{"poison":true}')
  const url = await rig.agent('a').url()
  const inFlight = () => scraped(url, 'signet_in_flight', { direction: 'up' })
  await eventually(async () => ((await inFlight()) ?? 0) > 0)
  const stopped = rig.agent('a').stop()
  await sleep(500)
  t.true(rig.agent('a').isRunning, 'the first one drains')
  process.kill(pid, 'SIGTERM')
  const second = performance.now()
  t.is(await stopped, 130)
  t.true(performance.now() - second < 2_000)
  rig.supercluster.store.resume()
})
