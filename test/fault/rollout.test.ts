import type { ExecutionContext } from 'ava'
import test from 'ava'
import { setTimeout as sleep } from 'node:timers/promises'
import { freePorts } from '../../src/demo/free-port.ts'
import { settle } from '../../src/domain/verdict.ts'
import { answersOf, begin, sectionOf } from '../support/delivery.ts'
import { disorder, Trail } from '../support/fanout-trail.ts'
import type { Rig } from '../support/federation.ts'
import { eventually, HOME, startRig } from '../support/federation.ts'
import { Seeded } from '../support/seeded.ts'
import type { Manner, SimulatedStamps } from '../support/simulated-stamps.ts'
import { ringOf } from '../support/wave-flow.ts'

/** `npm run test:soak` sets more rounds; a seed that failed can be had again with SOAK_SEED. */
const ROUNDS = Number(process.env['SOAK_ROUNDS'] ?? 1)
const SEED = Number(process.env['SOAK_SEED'] ?? 20_261_124)
const KILLS = ROUNDS > 1 ? 4 : 2
const TASKS = ['deployment', 'skipper']
/** Forty stamps in three rings. */
const STAMPS = [
  ...ringOf('canary', 4, ['us', 'hub']),
  ...ringOf('early', 12, ['us', 'hub']),
  ...ringOf('broad', 24, ['us', 'hub']),
]

let rig: Rig
let stamps: SimulatedStamps
let trail: Trail

test.serial.before(async () => {
  const [port] = await freePorts(1)
  rig = await startRig({
    rings: ['canary', 'early', 'broad'],
    // Its gateway is the one that the simulated stamps are behind.
    stamps: [{ name: 'edge', geo: 'us', ring: 'canary' }],
    handles: ['nothing'],
    absent: STAMPS,
    stages: [
      { stage: 'prod', rings: ['canary', 'early', 'broad'] },
      { stage: 'pre', rings: ['canary', 'early'] },
    ],
    tasks: { default: { success: '80%' }, skipper: { success: '80%', offline: 'skip' } },
    rollouts: {
      canary: { soak: '500ms', maxFailures: 1 },
      early: { concurrency: 3, maxFailures: 1, minSuccess: '70%' },
      broad: { concurrency: '40%', maxFailures: 2, soak: '200ms' },
    },
    proxied: true,
    environment: { SIGNET_KEPTN_SERVICES: `shipyard-controller=http://127.0.0.1:${port}` },
  })
  const sequences = TASKS.map((name) => ({ name, tasks: [{ name }] }))
  const stages = ['prod', 'pre'].map((name) => ({ name, sequences }))
  await rig.startKeptn([], { port: port ?? 0, shipyard: { spec: { stages } } })
  trail = await Trail.keep(rig)
  await rig.startAgents('edge')
  stamps = await rig.simulateAbsent(TASKS, 'us')
  const url = `${await rig.agent(HOME).url()}/status`
  await eventually(async () => {
    const { hubs } = (await (await fetch(url)).json()) as {
      readonly hubs: readonly { readonly stamps: readonly { readonly online: boolean }[] }[]
    }
    return hubs[0]?.stamps.filter(({ online }) => online).length === STAMPS.length
  }, 20_000)
})

test.serial.after.always(() => rig[Symbol.asyncDispose]())

async function again(server: string): Promise<void> {
  const process = rig.supercluster.process(server)
  await process.kill()
  await process.restart()
}

const killHub = async (): Promise<void> => {
  await rig.agent(HOME).kill()
  rig.agent(HOME).start()
}

/** Waits for the end of a task, and holds what must be true of every rollout. */
async function holds(t: ExecutionContext, context: string, stage: string, task: string) {
  const limit = { timeoutMs: 120_000 }
  const view = await rig.keptn.waitForSequence(context, stage, task, limit)
  t.deepEqual(answersOf(rig, context, task), ['started signet', 'finished signet'])
  const facts = await eventually(async () => {
    const found = await trail.factsOf(context)
    return found.head.settlement !== undefined && found
  }, 20_000)
  const { head, records } = facts
  const { settlement, ...open } = head
  t.deepEqual(disorder(facts), [])
  if (facts.hasGap) t.log('the store was killed between storing a fact and telling it')
  else t.deepEqual(settle(open, records, Date.now()), settlement)
  const { counts } = sectionOf(rig, context, task)
  t.like(settlement, { kind: 'settled', result: view.outcome?.result })
  // Who began has run once, and who did not has not run.
  const ran = stamps.runsOf(context).map(({ stamp }) => stamp)
  t.is(new Set(ran).size, ran.length, 'no stamp twice')
  for (const { stamp } of head.targets)
    if (records.get(stamp)?.begunAt === undefined) t.false(ran.includes(stamp), stamp)
  t.true((counts['passed'] ?? 0) <= ran.length)
  t.deepEqual(rig.keptn.duplicates({ context }), [])
  return { facts, counts, result: view.outcome?.result }
}

const outages: Readonly<Record<string, () => Promise<void>>> = {
  'the hub is killed and comes back': killHub,
  'the hub store is killed and comes back': () => again('store'),
  'the Keptn NATS restarts': async () => {
    const server = rig.supercluster.keptn(HOME)
    await server.stop()
    await server.restart()
  },
  'the gateway of the stamps is cut for a while': async () => {
    await rig.supercluster.cutGeo('us')
    await sleep(3_000)
    await rig.supercluster.healGeo('us')
  },
}

for (const [what, outage] of Object.entries(outages)) {
  test.serial(
    `a rollout goes on where it was when, in the middle of a wave, ${what}`,
    async (t) => {
      t.timeout(150_000)
      stamps.manner = () => ({ runMs: 250 })
      const { context } = await begin(rig, { stage: 'pre', sequence: 'deployment' })
      await eventually(
        () => stamps.runsOf(context).some(({ stamp }) => stamp === 'early-4'),
        60_000,
      )
      await outage()
      await rig.supercluster.ready(30_000)
      const { counts, result } = await holds(t, context, 'pre', 'deployment')
      t.is(result, 'pass')
      t.like(counts, { targets: 16, passed: 16, notBegun: 0 })
      await rig.federation.ready()
    },
  )
}

for (let round = 0; round < ROUNDS; round += 1) {
  const seed = SEED + round
  test.serial(`forty stamps in three rings, with failures and kills, seed ${seed}`, async (t) => {
    t.timeout(240_000)
    const random = new Seeded(seed)
    const task = random.pick(TASKS)
    const isBad = random.below(2) === 0
    const manners = new Map(
      STAMPS.map(({ name }): [string, Manner] => {
        const result = isBad && random.below(8) === 0 ? 'fail' : 'pass'
        return [name, { startMs: random.below(150), runMs: random.below(400), result }]
      }),
    )
    stamps.manner = (stamp) => manners.get(stamp) ?? {}
    const away = STAMPS.map(({ name }) => name).filter(() => random.below(12) === 0)
    stamps.leave(...away)
    const { context } = await begin(rig, { stage: 'prod', sequence: task })
    const killed: string[] = []
    for (let kill = 0; kill < KILLS; kill += 1) {
      await sleep(random.below(2_500))
      const victim = random.pick(['hub', 'store', 'gateway-us', 'gateway-hub'])
      killed.push(victim)
      await (victim === 'hub' ? killHub() : again(victim))
    }
    await sleep(random.below(1_000))
    stamps.comeBack(...away)
    const { counts, result, facts } = await holds(t, context, 'prod', task)
    t.log(
      `${task}: ${result}, ${JSON.stringify(counts)}; killed ${killed.join(', ')}; away ${away.join(', ')}`,
    )
    t.is(counts['targets'], 40)
    if (!isBad && facts.head.stop === undefined) t.is(result, 'pass')
    if (!isBad && task === 'deployment') t.is(counts['passed'], 40)
    await rig.supercluster.ready(30_000)
    await rig.federation.ready()
  })
}
