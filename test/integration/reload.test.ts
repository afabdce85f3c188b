import test from 'ava'
import { answersOf, begin, deliver, sectionOf } from '../support/delivery.ts'
import { deferred } from '../support/deferred.ts'
import type { Rig } from '../support/federation.ts'
import { eventually, HOME, stampsIn, startRig } from '../support/federation.ts'
import { changeTopology, putText, reload, statusOf } from '../support/live-topology.ts'
import { scraped } from '../support/metrics.ts'
import { NumberedFlow } from '../support/numbered-flow.ts'

/** Agents as processes, whose files change while they run. At first there is no stamp `c`. */
let rig: Rig

const ab = stampsIn(['eu', 'us'], ['a', 'b'])
const abc = stampsIn(['eu', 'us', 'eu'], ['a', 'b', 'c'])
/** What a stamp's integration waits for before it answers. */
const holds = new Map<string, Promise<void>>()
const handled: string[] = []

test.serial.before(async () => {
  rig = await startRig({ stamps: abc, rings: ['canary', 'early'] })
  await changeTopology(rig, { stamps: ab })
  await rig.startKeptn()
  await rig.startAgents('c')
  await rig.startIntegrations((stamp) => ({
    handle: async () => {
      handled.push(stamp)
      await holds.get(stamp)
      return undefined
    },
  }))
})

test.serial.after.always(() => rig[Symbol.asyncDispose]())

const stampsOf = (context: string) =>
  Object.keys(sectionOf(rig, context, 'deployment').stamps).sort()
const ended = ({ context }: { context: string }) =>
  rig.keptn.waitForSequence(context, 'dev', 'delivery', { timeoutMs: 30_000 })

/** Starts a delivery whose task is held in a stamp, and resolves when it is there. */
async function heldIn(stamp: string) {
  const { promise, resolve } = deferred()
  holds.set(stamp, promise)
  handled.length = 0
  const { context } = await begin(rig)
  await eventually(() => handled.includes(stamp), 10_000, `${stamp} works on it`)
  holds.clear()
  return { context, release: resolve }
}

test.serial('a stamp that joins while a task is out is asked with the next one only', async (t) => {
  const open = await heldIn('a')
  await reload(rig, { stamps: abc })
  rig.agent('c').start()
  await rig.agent('c').ready()
  open.release()
  const view = await ended(open)
  t.is(view.outcome?.result, 'pass')
  t.deepEqual(stampsOf(open.context), ['a', 'b'])
  const next = await deliver(rig)
  t.is(next.view.outcome?.result, 'pass')
  t.deepEqual(stampsOf(next.context), ['a', 'b', 'c'])
})

test.serial(
  'a stamp that leaves while a task is out is waited for, and its answer counts',
  async (t) => {
    const open = await heldIn('c')
    const others = [HOME, 'a', 'b'].map((stamp) => rig.agent(stamp))
    await reload(rig, { stamps: ab }, others)
    const own = await eventually(
      async () => (await statusOf(rig.agent('c'))).configuration.differs,
      10_000,
      'the agent of c says that it does not go along',
    )
    t.regex(own.mistakes.join(), /stamp c, which this agent serves, would be gone/)
    await rig.agent('c').ready()
    t.deepEqual(answersOf(rig, open.context, 'deployment'), ['started signet'])
    open.release()
    const view = await ended(open)
    t.is(view.outcome?.result, 'pass')
    t.deepEqual(stampsOf(open.context), ['a', 'b', 'c'])
    t.like(sectionOf(rig, open.context, 'deployment'), { counts: { passed: 3, failed: 0 } })
    const next = await deliver(rig)
    t.deepEqual(stampsOf(next.context), ['a', 'b'])
    t.deepEqual(await rig.deadLetters(), [])
    await rig.agent('c').stop()
  },
)

test.serial('a stamp in another ring is asked by the rules of that ring', async (t) => {
  const moved = ab.map((stamp) => (stamp.name === 'b' ? { ...stamp, ring: 'early' } : stamp))
  const open = await heldIn('b')
  await reload(rig, { stamps: moved, stages: [{ stage: 'dev', rings: ['early'] }] })
  t.is((await statusOf(rig.agent('b'))).ring, 'early')
  open.release()
  await ended(open)
  t.deepEqual(stampsOf(open.context), ['a', 'b'], 'what was begun ends as it began')
  const { context, view } = await deliver(rig)
  t.is(view.outcome?.result, 'pass')
  t.deepEqual(stampsOf(context), ['b'])
  t.deepEqual(await rig.deadLetters(), [])
  await reload(rig, { stamps: ab })
})

test.serial('a broken topology is refused by all, named, and mended later', async (t) => {
  const agents = [HOME, 'a'].map((stamp) => rig.agent(stamp))
  const before = await statusOf(rig.agent(HOME))
  await putText(rig, 'apiVersion: signet/v1\nkind: Federation\nnmae: demo\n')
  for (const agent of agents) {
    const { mistakes } = await eventually(
      async () => (await statusOf(agent)).configuration.differs,
      10_000,
      `${agent.stamp} refuses it`,
    )
    t.regex(mistakes.join('\n'), /federation\.yaml:3:1 .*nmae/)
    t.regex(await agent.log(), /"mistakes":\[[^\n]*nmae[^\n]*refused as a whole/)
    const readyz = await fetch(`${await agent.url()}/readyz`)
    t.is(readyz.status, 200, 'it works on')
    t.regex(await readyz.text(), /the files differ from what runs, since .*federation\.yaml/)
  }
  t.is((await statusOf(rig.agent(HOME))).configuration.topology, before.configuration.topology)
  const { view } = await deliver(rig)
  t.is(view.outcome?.result, 'pass')
  await reload(rig, { stamps: ab, tasks: { deployment: { success: 'any' } } })
  t.is((await statusOf(rig.agent(HOME))).configuration.differs, undefined)
  const url = await rig.agent(HOME).url()
  t.is(await scraped(url, 'signet_reload_pending'), 0)
  t.true(((await scraped(url, 'signet_reloads_total', { result: 'refused' })) ?? 0) > 0)
})

test.serial('SIGHUP makes an agent look at its files, and does not end it', async (t) => {
  const agent = rig.agent('a')
  process.kill(agent.pid as number, 'SIGHUP')
  const said = /Topology and settings are what this agent runs with\./
  await eventually(async () => said.test(await agent.log()), 10_000, 'it answers')
  await agent.ready()
  t.pass()
})

test.serial(
  'a change waits for the hub store where it needs it, and a newer one overtakes it',
  async (t) => {
    const [hub, a] = [rig.agent(HOME), rig.agent('a')]
    await rig.supercluster.store.pause()
    await reload(rig, { stamps: abc, tasks: { deployment: { success: '40%' } } }, [a])
    const waits = async () => (await statusOf(hub)).configuration.differs?.why === 'waits'
    await eventually(waits, 10_000, 'the hub waits')
    await reload(rig, { stamps: ab, tasks: { deployment: { success: '50%' } } }, [a])
    t.true(await waits())
    rig.supercluster.store.resume()
    const newest = (await statusOf(a)).configuration.topology
    await eventually(
      async () => (await statusOf(hub)).configuration.topology === newest,
      30_000,
      'the hub has the newest',
    )
    t.false(await waits())
    const listed = (await statusOf(hub)).hubs.flatMap(({ stamps }) =>
      stamps.filter(({ state }) => state === 'listed').map(({ stamp }) => stamp),
    )
    t.deepEqual(listed, ['a', 'b'])
  },
)

test.serial('twenty reloads in the middle of a flow lose nothing and double nothing', async (t) => {
  t.timeout(120_000)
  const stages = [{ stage: 'dev', rings: ['canary', 'early'] }]
  await reload(rig, { stamps: ab, stages })
  const flow = { contexts: 6, each: 60, pauseMs: 300 }
  const down = new NumberedFlow(rig, { from: HOME, ...flow })
  const up = new NumberedFlow(rig, { from: 'b', ...flow })
  for (let round = 1; round <= 20; round += 1) {
    const ring = round % 2 === 0 ? 'canary' : 'early'
    const others = round % 3 === 0 ? abc : ab
    await reload(rig, {
      stamps: others.map((stamp) => (stamp.name === 'b' ? { ...stamp, ring } : stamp)),
      stages,
      tasks: { deployment: { success: `${round}%` } },
    })
  }
  await Promise.all([down.published, up.published])
  for (const [it, stamps] of [
    [down, ['a', 'b']],
    [up, [HOME]],
  ] as const) {
    for (const stamp of stamps) {
      const arrived = () => it.arrivedAt(stamp)
      await eventually(
        async () => it.missing(new Set(await arrived())).length === 0,
        30_000,
        `all is there in ${stamp}`,
      )
      it.check(t, await arrived(), stamp)
    }
  }
  t.deepEqual(await rig.deadLetters(), [])
  t.deepEqual(rig.keptn.duplicates(), [])
})
