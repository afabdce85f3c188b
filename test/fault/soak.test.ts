import test from 'ava'
import { setTimeout as sleep } from 'node:timers/promises'
import type { Integration } from '../../src/demo/integration/integration.ts'
import { answersOf, deliver, finishedOf, sectionOf } from '../support/delivery.ts'
import type { Rig } from '../support/federation.ts'
import { HOME, stampsIn, startRig } from '../support/federation.ts'
import { Seeded } from '../support/seeded.ts'

/** `npm run test:soak` sets more rounds; a seed that failed can be had again with SOAK_SEED. */
const ROUNDS = Number(process.env['SOAK_ROUNDS'] ?? 2)
const SEED = Number(process.env['SOAK_SEED'] ?? 20_261_122)
const STAMPS = ['a', 'b', 'c', 'd']
const TASKS = ['deployment', 'test']
/** Deliveries of one round, beside each other. */
const DELIVERIES = 3
const KILLS = 3

let rig: Rig
let integrations: readonly Integration[] = []
/** By service: the stamp that fails its deployment. */
const failing = new Map<string, string>()

test.serial.before(async () => {
  rig = await startRig({ stamps: stampsIn(['eu', 'us'], STAMPS) })
  await rig.startKeptn(TASKS)
  await rig.startAgents()
  const random = new Seeded(SEED)
  const started = TASKS.map((task) =>
    rig.startIntegrations(
      (stamp) => ({
        delayMs: () => random.below(600),
        handle: (event) => {
          const { service } = event.data as { service: string }
          const isBad = task === 'deployment' && failing.get(service) === stamp
          return isBad ? { result: 'fail', status: 'errored', message: `boom in ${stamp}` } : {}
        },
      }),
      task,
    ),
  )
  integrations = (await Promise.all(started)).flatMap((each) => [...each.values()])
})

test.serial.after.always(() => rig[Symbol.asyncDispose]())

/** Kills agents, the hub's among them, and servers between the stamps, and starts them again at once. */
async function killAround(random: Seeded, log: (what: string) => void): Promise<void> {
  const victims = [HOME, ...STAMPS, 'gateway-eu', 'gateway-hub', 'store']
  for (let kill = 0; kill < KILLS; kill += 1) {
    await sleep(random.below(900))
    const victim = random.pick(victims)
    log(victim)
    if ([HOME, ...STAMPS].includes(victim)) {
      await rig.agent(victim).kill()
      rig.agent(victim).start()
    } else {
      const server = rig.supercluster.process(victim)
      await server.kill()
      await server.restart()
    }
  }
}

for (let round = 0; round < ROUNDS; round += 1) {
  const seed = SEED + round
  test.serial(
    `killed at random, seed ${seed}: one .started, one .finished, nothing twice`,
    async (t) => {
      t.timeout(150_000)
      const random = new Seeded(seed)
      const killed: string[] = []
      const services = Array.from({ length: DELIVERIES }, (_, n) => `service-${round}-${n}`)
      for (const service of services)
        if (random.below(3) === 0) failing.set(service, random.pick(STAMPS))
      const deliveries = services.map((service) => deliver(rig, { service }, 100_000))
      await killAround(random, (what) => killed.push(what))
      const ended = await Promise.all(deliveries)
      t.log(`killed ${killed.join(', ')}; failing ${[...failing.values()].join(', ')}`)

      for (const [index, { context, view }] of ended.entries()) {
        const bad = failing.get(services[index] as string)
        t.is(view.outcome?.result, bad === undefined ? 'pass' : 'fail')
        const ran = bad === undefined ? TASKS : ['deployment']
        for (const task of ran) {
          t.deepEqual(answersOf(rig, context, task), ['started signet', 'finished signet'], task)
          t.deepEqual(Object.keys(sectionOf(rig, context, task).stamps).sort(), STAMPS)
          t.like(sectionOf(rig, context, task), {
            counts: { targets: 4, passed: bad === undefined ? 4 : 3, skipped: 0 },
          })
        }
        if (bad !== undefined)
          t.like(finishedOf(rig, context, 'deployment'), {
            message: `deployment: 3 of 4 stamps passed; ${bad} failed: boom in ${bad}`,
          })
      }
      t.deepEqual(rig.keptn.duplicates(), [])
      t.deepEqual(rig.keptn.dropped(), [])
      t.deepEqual(await rig.deadLetters(), [])
      for (const integration of integrations)
        t.true([...integration.deliveries().values()].every((count) => count === 1))
      failing.clear()
      await rig.federation.ready()
      await rig.supercluster.ready()
    },
  )
}
