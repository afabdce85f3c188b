import type { ExecutionContext } from 'ava'
import test from 'ava'
import { randomUUID } from 'node:crypto'
import { startIntegration } from '../../src/demo/integration/integration.ts'
import { parseEvent } from '../../src/domain/event.ts'
import { unwrapAnswer, WRAPPED_ANSWER_TYPE } from '../../src/domain/https-answer.ts'
import { eventually } from '../support/eventually.ts'
import type { HttpsAgent } from '../support/https-agent.ts'
import { httpsAgents } from '../support/https-agent.ts'
import type { ByHand } from '../support/keptn-by-hand.ts'
import { rig } from '../support/keptn-by-hand.ts'
import { scraped } from '../support/metrics.ts'

const TOKEN = 'sesame'
const LIMIT = 90_000

/** Keptn, a stamp whose link is HTTPS with an integration that answers, and the hub's words by hand. */
async function federation(t: ExecutionContext) {
  t.timeout(240_000)
  const { keptn, byHand } = await rig(t, { token: TOKEN })
  const stamp = await httpsAgents(t, `${keptn.url}/api`, TOKEN)
  const agent = await stamp.agent()
  const integration = await startIntegration({
    natsUrl: stamp.keptn.url,
    name: 'worker',
    namespace: 'keptn',
    node: 'node-1',
    subscriptions: [{ event: 'sh.keptn.event.*.triggered' }],
    registrationUrl: agent.servicesUrl,
    pingMs: 200,
  })
  t.teardown(() => integration.kill())
  const heard = (id: string) => stamp.heard.withId(id).length
  return { keptn, byHand, stamp, agent, heard }
}

/** Rounds in which everything that is there has been looked at. */
async function rounds({ adminUrl }: HttpsAgent, count = 4): Promise<void> {
  const polls = async () => (await scraped(adminUrl, 'signet_polls_total', { result: 'ok' })) ?? 0
  const before = await polls()
  await eventually('more rounds', async () => (await polls()) >= before + count, LIMIT)
}

/** What a hub tells Keptn of a fan-out: who has begun. */
function name(run: ByHand, triggeredid: string, ...stamps: readonly string[]): void {
  const begun = Object.fromEntries(stamps.map((stamp) => [stamp, true]))
  run.publish({
    id: randomUUID(),
    source: 'signet',
    type: 'sh.keptn.event.deployment.status.changed',
    triggeredid,
    data: {
      project: 'shop',
      stage: 'dev',
      service: run.service,
      signet: { deployment: { begun } },
    },
  })
}

test('a task is taken when the hub names the stamp, and its answers go to the hub', async (t) => {
  const { keptn, byHand, stamp, agent, heard } = await federation(t)
  const run = await byHand()
  const id = await run.task('deployment')
  await rounds(agent)
  await run.answer('deployment', 'started', id, { source: 'signet' })
  name(run, id, 'eu-2')
  await rounds(agent)
  t.is(heard(id), 0, 'nobody has named it')
  name(run, id, 'eu-2', 'eu-1')
  await eventually('the task', () => heard(id) === 1, LIMIT)
  const wrapped = () =>
    keptn
      .events(run.context)
      .map(({ payload }) => parseEvent(payload))
      .flatMap((it) => (it.ok && it.event.type === WRAPPED_ANSWER_TYPE ? [it.event] : []))
  await eventually('both answers', () => wrapped().length === 2, LIMIT)
  const answers = wrapped().map((event) => unwrapAnswer(event))
  const said = stamp.heard.heard.filter(({ text }) => text.includes('"source":"worker"'))
  t.deepEqual(
    answers.map((it) => it.ok && [it.stamp, it.text]),
    said.map(({ text }) => ['eu-1', text]),
    'byte for byte, in order',
  )
  const own = keptn.events(run.context).filter(({ event }) => event.source === 'worker')
  t.deepEqual(own, [], 'Keptn counts none of them')
  t.is(run.latest()?.tasks[0]?.result, undefined, 'the task is still open')
  await rounds(agent)
  t.is(heard(id), 1)
})

test('an abort in Keptn drops a task that waits for its turn, and the next one is taken', async (t) => {
  const { keptn, byHand, agent, heard } = await federation(t)
  const run = await byHand()
  const id = await run.task('deployment')
  await rounds(agent)
  keptn.control({ project: 'shop', context: run.context }, 'abort')
  await eventually('the abort', () => run.latest()?.outcome !== undefined, LIMIT)
  name(run, id, 'eu-1')
  const next = await byHand()
  const nextId = await next.task('deployment')
  name(next, nextId, 'eu-1')
  await eventually('the next task', () => heard(nextId) === 1, LIMIT)
  t.is(heard(id), 0)
})

test('an agent that starts after it was named finds that out, and one that restarts brings nothing again', async (t) => {
  const { byHand, stamp, agent, heard } = await federation(t)
  await agent.stop()
  const [waiting, begun] = [await byHand(), await byHand()]
  const [waitingId, begunId] = [await waiting.task('deployment'), await begun.task('deployment')]
  name(begun, begunId, 'eu-1')
  name(waiting, waitingId, 'eu-2')
  const next = await stamp.agent()
  await eventually('what has begun', () => heard(begunId) === 1, LIMIT)
  await next.stop()
  const last = await stamp.agent()
  await rounds(last)
  t.is(heard(begunId), 1)
  t.is(heard(waitingId), 0)
})

test('a task of a stage that means other stamps is left, whatever is said of it', async (t) => {
  const { byHand, agent, heard } = await federation(t)
  const run = await byHand()
  for (const task of ['deployment', 'test']) {
    const id = await run.task(task)
    await run.answer(task, 'started', id)
    await run.answer(task, 'finished', id)
  }
  await eventually('prod', () => run.latest()?.stage === 'prod', LIMIT)
  const id = await run.task('deployment')
  name(run, id, 'eu-1')
  await rounds(agent)
  t.is(heard(id), 0)
})
