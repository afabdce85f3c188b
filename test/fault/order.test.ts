import test from 'ava'
import { setTimeout as sleep } from 'node:timers/promises'
import type { Rig } from '../support/federation.ts'
import { eventually, HOME, startRig } from '../support/federation.ts'
import { NumberedFlow } from '../support/numbered-flow.ts'

let rig: Rig

test.serial.before(async () => {
  rig = await startRig({ proxied: true })
  await rig.startKeptn()
  await rig.startAgents()
})

test.serial.after.always(() => rig[Symbol.asyncDispose]())

/** What happens in the middle of a flow; it is over when it resolves. */
const faults: Readonly<Record<string, () => Promise<unknown>>> = {
  'the agent of the stamp is killed': () => killAgent('a'),
  'the hub is killed': () => killAgent(HOME),
  'the agent of the stamp is paused for 8 s': () => pauseAgent('a'),
  'the gateway of the stamp is cut off': async () => {
    await rig.supercluster.cutGeo('eu')
    await sleep(1_500)
    await rig.supercluster.healGeo('eu')
  },
  'no bytes come through to the stamp': async () => {
    await rig.supercluster.holeGeo('eu')
    await sleep(3_000)
    await rig.supercluster.healGeo('eu')
  },
  'the hub store is cut off': async () => {
    await rig.supercluster.cutStore()
    await sleep(1_500)
    await rig.supercluster.healStore()
  },
  'the gateway of the stamp is killed': () => killServer('gateway-eu'),
  'the gateway of home is killed': () => killServer('gateway-hub'),
  'the hub store is killed': () => killServer('store'),
  'the Keptn NATS of the stamp is killed': () => killServer('keptn-a'),
  'the Keptn NATS of home is killed': () => killServer(`keptn-${HOME}`),
}

async function killAgent(stamp: string): Promise<void> {
  await rig.agent(stamp).kill()
  rig.agent(stamp).start()
}

async function pauseAgent(stamp: string): Promise<void> {
  rig.agent(stamp).pause()
  await sleep(8_000)
  rig.agent(stamp).resume()
}

async function killServer(name: string): Promise<void> {
  const server = rig.supercluster.process(name)
  await server.kill()
  await sleep(300)
  await server.restart()
}

for (const [what, fault] of Object.entries(faults)) {
  test.serial(
    `while ${what}, nothing is lost or doubled, and each context keeps its order`,
    async (t) => {
      t.timeout(90_000)
      const flows = [
        { flow: new NumberedFlow(rig, { from: HOME }), to: 'a' },
        { flow: new NumberedFlow(rig, { from: 'a' }), to: HOME },
      ]
      await sleep(700)
      await fault()
      await rig.supercluster.ready(30_000)
      for (const { flow, to } of flows) {
        await flow.published
        const isThere = async () => new Set(await flow.arrivedAt(to)).size === flow.size
        // What is missing after that is lost: the check below tells how much.
        await eventually(isThere, 40_000).catch(() => undefined)
        flow.check(t, await flow.arrivedAt(to), to)
      }
    },
  )
}
