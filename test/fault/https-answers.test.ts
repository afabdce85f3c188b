import test from 'ava'
import { setTimeout as sleep } from 'node:timers/promises'
import { freePorts } from '../../src/demo/free-port.ts'
import { answersOf, begin, sectionOf } from '../support/delivery.ts'
import type { Rig } from '../support/federation.ts'
import { HOME, startRig } from '../support/federation.ts'
import { PollingStamps } from '../support/polling-stamps.ts'
import { Seeded } from '../support/seeded.ts'
import type { SimulatedStamps } from '../support/simulated-stamps.ts'
import { ringOf } from '../support/wave-flow.ts'

/** `npm run test:soak` sets more rounds; a seed that failed can be had again with SOAK_SEED. */
const ROUNDS = Number(process.env['SOAK_ROUNDS'] ?? 1)
const SEED = Number(process.env['SOAK_SEED'] ?? 7)
const KILLS = ROUNDS > 1 ? 4 : 2
const POLLING = [...ringOf('canary', 2), ...ringOf('early', 3)].map(
  (stamp) => ({ ...stamp, link: 'https' }) as const,
)
const WITH_NATS = [
  { name: 'canary-n', geo: 'hub', ring: 'canary', link: 'nats' },
  { name: 'early-n', geo: 'hub', ring: 'early', link: 'nats' },
] as const

let rig: Rig
let nats: SimulatedStamps
let polling: PollingStamps

test.serial.before(async () => {
  const [port = 0] = await freePorts(1)
  rig = await startRig({
    rings: ['canary', 'early'],
    stamps: [],
    absent: [...POLLING, ...WITH_NATS],
    stages: [{ stage: 'prod', rings: ['canary', 'early'] }],
    environment: { SIGNET_KEPTN_SERVICES: `shipyard-controller=http://127.0.0.1:${port}` },
  })
  const sequences = [{ name: 'delivery', tasks: [{ name: 'deployment' }] }]
  await rig.startKeptn([], { port, shipyard: { spec: { stages: [{ name: 'prod', sequences }] } } })
  polling = await PollingStamps.start(rig.keptn, POLLING, ['deployment'])
  nats = await rig.simulateAbsent(['deployment'])
  await rig.startAgents()
})

test.serial.after.always(async () => {
  await polling[Symbol.asyncDispose]()
  await rig[Symbol.asyncDispose]()
})

for (let round = 0; round < ROUNDS; round += 1) {
  const seed = SEED + round
  test.serial(
    `a hub that is killed while answers are posted loses none and counts none twice (seed ${seed})`,
    async (t) => {
      t.timeout(180_000)
      const random = new Seeded(seed)
      const kills: Promise<void>[] = []
      polling.copies = 2
      polling.manner = () => ({ startMs: random.below(60), runMs: random.below(200) })
      polling.onPosted = () => {
        if (kills.length < KILLS && random.below(5) < 2)
          kills.push(kill(random.below(30), kills.at(-1)))
      }
      const { context } = await begin(rig, { stage: 'prod', service: `cart-${round}` })
      const limit = { timeoutMs: 150_000 }
      const view = await rig.keptn.waitForSequence(context, 'prod', 'delivery', limit)
      t.log(`killed ${kills.length} times`)
      polling.onPosted = () => undefined
      await Promise.all(kills)

      t.is(view.outcome?.result, 'pass')
      t.deepEqual(answersOf(rig, context, 'deployment'), ['started signet', 'finished signet'])
      t.like(sectionOf(rig, context, 'deployment').counts, { targets: 7, passed: 7 })
      const runs = [...polling.runsOf(context), ...nats.runsOf(context)]
      t.is(runs.length, 7, 'each was told once')
      const of = (ring: string) => runs.filter(({ stamp }) => stamp.startsWith(ring))
      const ends = of('canary').map(({ finishedAt }) => finishedAt ?? Infinity)
      for (const { at } of of('early')) t.true(at >= Math.max(...ends))
      const up = (await rig.stored('up')).filter(({ body }) =>
        Buffer.from(body).toString().includes(context),
      )
      t.is(up.length, 14, 'a .started and a .finished of each')
      t.deepEqual(rig.keptn.duplicates({ context }), [])
      t.deepEqual(await rig.deadLetters(), [])
      await rig.federation.ready()
    },
  )
}

/** After those before it. */
async function kill(afterMs: number, before: Promise<void> | undefined): Promise<void> {
  await before
  await sleep(afterMs)
  await rig.agent(HOME).kill()
  rig.agent(HOME).start()
  await rig.federation.ready()
}
