import test from 'ava'
import { setTimeout as sleep } from 'node:timers/promises'
import { eventually } from '../support/eventually.ts'
import type { Fault } from '../support/faulty-api.ts'
import { FaultyApi } from '../support/faulty-api.ts'
import { HttpsStamp, wants } from '../support/https-stamp.ts'
import { rig } from '../support/keptn-by-hand.ts'
import { eventOf } from '../support/keptn-event.ts'
import { Seeded } from '../support/seeded.ts'

const ROUNDS = Number(process.env['SOAK_ROUNDS'] ?? 1)
const TASKS = 20
const LIMIT = 90_000

const FAULTS: readonly Fault[] = [
  500,
  503,
  429,
  401,
  404,
  'reset',
  'silent',
  'slow',
  'after-reset',
  'after-silent',
  'after-500',
]

for (let seed = 1; seed <= ROUNDS; seed += 1) {
  test.serial(
    `every third request fails in some way, and no task is lost or run twice (seed ${seed})`,
    async (t) => {
      t.timeout(300_000)
      const random = new Seeded(seed)
      const { keptn, byHand } = await rig(t, { token: 'sesame' })
      const api = await FaultyApi.start(t, keptn.url)
      const stamp = await HttpsStamp.start(t, {
        endpoint: `${api.url}/api`,
        token: 'sesame',
        integrations: [wants(['sh.keptn.event.*.triggered'])],
        timeoutMs: 3_000,
        sweepMs: 500,
      })
      let isFaulty = true
      api.fault = () => (isFaulty && random.below(3) === 0 ? random.pick(FAULTS) : undefined)
      const answered = new Set<string>()
      const answer = (): void => {
        for (const { text } of stamp.heard.heard) {
          const task = JSON.parse(text) as {
            id: string
            type: string
            shkeptncontext: string
            data: { stage: string; service: string }
          }
          if (!task.type.endsWith('.triggered') || answered.has(task.id)) continue
          answered.add(task.id)
          for (const kind of ['started', 'finished'])
            stamp.say(
              eventOf(
                task.type.replace(/triggered$/, kind),
                { source: 'worker', triggeredid: task.id, shkeptncontext: task.shkeptncontext },
                { ...task.data, status: 'succeeded', result: 'pass' },
              ),
            )
        }
      }
      let link = await stamp.link()
      const runs = await Promise.all(Array.from({ length: TASKS }, () => byHand()))
      const isDone = (): boolean => {
        answer()
        return runs.every(
          (run) =>
            keptn.sequence(run.context).at(-1)?.stage === 'prod' &&
            run.latest()?.outcome !== undefined,
        )
      }
      // An agent is taken away in the middle of it, and the next one goes on.
      for (let n = 0; n < 20 && !isDone(); n += 1) await sleep(100)
      await link.stop()
      link = await stamp.link()
      await eventually('half of the answers', () => isDone() || answered.size >= TASKS, LIMIT)
      isFaulty = false
      await eventually('every delivery', isDone, LIMIT)

      for (const run of runs) {
        const [ends] = keptn.sequence(run.context)
        t.is(ends?.outcome?.result, 'pass')
        const ids = ends?.tasks.map(({ triggeredId }) => triggeredId) ?? []
        t.is(ids.length, 2)
        for (const id of ids) {
          t.is(stamp.heard.withId(id).length, 1)
          const kinds = keptn
            .events(run.context)
            .filter(({ event }) => event.triggeredid === id)
            .map(({ event }) => event.type?.split('.').at(-1))
          t.deepEqual(kinds, ['started', 'finished'])
        }
      }
      await eventually('no trouble', () => link.role.notReady === undefined, LIMIT)
    },
  )
}
