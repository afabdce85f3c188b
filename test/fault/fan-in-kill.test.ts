import test from 'ava'
import { setTimeout as sleep } from 'node:timers/promises'
import type { Integration } from '../../src/demo/integration/integration.ts'
import type { Rig } from '../support/federation.ts'
import { HOME, stampsIn, startRig } from '../support/federation.ts'
import { delivered, exactlyOnce, seeded, trigger } from '../support/fan-in.ts'

const STAMPS = Array.from({ length: 6 }, (_, index) => `s${index + 1}`)
/** More rounds with `npm run test:soak`; each prints its seed. */
const ROUNDS = Number(process.env['SOAK_ROUNDS'] ?? 1)
const FIRST_SEED = Number(process.env['SOAK_SEED'] ?? 1)

let rig: Rig

test.serial.before(async () => {
  rig = await startRig({ stamps: stampsIn(['eu', 'us'], STAMPS) })
  await rig.startKeptn(['deployment', 'test'])
  await rig.startAgents()
})

test.serial.after.always(() => rig[Symbol.asyncDispose]())

for (let round = 0; round < ROUNDS; round += 1) {
  const seed = FIRST_SEED + round
  test.serial(
    `agents killed at random moments of a delivery cost nothing and double nothing (seed ${seed})`,
    async (t) => {
      t.timeout(180_000)
      const random = seeded(seed)
      const failing = random() < 0.3 ? STAMPS[Math.floor(random() * STAMPS.length)] : undefined
      const running: Integration[] = []
      const start = async (task: string) => {
        const all = await rig.startIntegrations((stamp) => {
          const delays = Array.from({ length: 4 }, () => Math.round(random() * 2_500))
          const isFailing = task === 'test' && stamp === failing
          return {
            delayMs: () => delays.pop() ?? 100,
            ...(isFailing ? { result: 'fail', message: 'as planned' } : {}),
          }
        }, task)
        running.push(...all.values())
        return all
      }
      const integrations = { deployment: await start('deployment'), test: await start('test') }
      const { context } = await trigger(rig)
      const over = new AbortController()
      const killing = killAtRandom(random, over.signal)
      try {
        const last = await delivered(rig, context, { task: 'test', timeoutMs: 150_000 })
        const first = await delivered(rig, context)
        exactlyOnce(t, first, integrations.deployment)
        exactlyOnce(t, last, integrations.test)
        t.like(first.data.signet['deployment']?.counts, { targets: 6, passed: 6 })
        t.is(last.outcome, failing === undefined ? 'pass' : 'fail')
        const passed = failing === undefined ? 6 : 5
        t.like(last.data.signet['test']?.counts, { targets: 6, passed, failed: 6 - passed })
        t.deepEqual(rig.keptn.duplicates({ context }), [])
      } finally {
        over.abort()
        t.log(`seed ${seed}: killed ${(await killing).join(', ')}`)
        await Promise.all(running.map((integration) => integration.kill()))
      }
      await rig.federation.ready()
      t.deepEqual(await rig.deadLetters(), [])
    },
  )
}

/** Kills an agent every so often, and starts it again at once or a little later. */
async function killAtRandom(random: () => number, signal: AbortSignal): Promise<readonly string[]> {
  const killed: string[] = []
  const victims = [HOME, ...STAMPS]
  while (!signal.aborted && killed.length < 12) {
    await sleep(150 + random() * 1_200)
    if (signal.aborted) break
    // The hub every third time: it is the one with the state.
    const victim = random() < 0.33 ? HOME : victims[Math.floor(random() * victims.length)]
    const agent = rig.agent(victim ?? HOME)
    await agent.kill()
    killed.push(agent.stamp)
    await sleep(random() * 500)
    agent.start()
  }
  return killed
}
