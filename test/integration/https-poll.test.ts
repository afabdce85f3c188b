import type { ExecutionContext } from 'ava'
import test from 'ava'
import { WRAPPED_ANSWER_TYPE } from '../../src/domain/https-answer.ts'
import { eventually } from '../support/eventually.ts'
import type { HttpsStampOptions } from '../support/https-stamp.ts'
import { counted, HttpsStamp, wants } from '../support/https-stamp.ts'
import { rig } from '../support/keptn-by-hand.ts'
import { eventOf, NOTICE } from '../support/keptn-event.ts'

const DEPLOYMENT = 'sh.keptn.event.deployment.triggered'
const LIMIT = 30_000

/** Keptn with an API that asks for a token, and a stamp that reaches it over HTTP only. */
async function federation(t: ExecutionContext, over: Partial<HttpsStampOptions> = {}) {
  t.timeout(120_000)
  const { keptn, byHand, nc } = await rig(t, { token: 'sesame' })
  const stamp = await HttpsStamp.start(t, {
    endpoint: `${keptn.url}/api`,
    token: 'sesame',
    integrations: [wants([DEPLOYMENT])],
    ...over,
  })
  return { keptn, byHand, nc, stamp }
}

test('a task that Keptn published reaches the stamp once, whatever polls and restarts', async (t) => {
  const { byHand, stamp } = await federation(t)
  const first = await stamp.link()
  const run = await byHand()
  const id = await run.task('deployment')
  await eventually('the task', () => stamp.heard.withId(id).length > 0, LIMIT)
  await first.stop()
  const polls = async (): Promise<number> => counted(second.metrics, 'signet_polls_total', 'ok')
  const second = await stamp.link()
  await eventually('five rounds', async () => (await polls()) >= 5, LIMIT)
  t.is(stamp.heard.withId(id).length, 1)
  t.deepEqual(
    stamp.heard.withId(id).map(({ subject }) => subject),
    [DEPLOYMENT],
  )
  await eventually('readiness', () => second.role.notReady === undefined, LIMIT)
})

test('an answer that the server stores before the task that it answers is the hub’s all the same', async (t) => {
  // As nats-server 2.9.10 does now and then where an integration answers at once (decision 65).
  const said = (context: string) =>
    keptn.events(context).filter(({ event }) => event.type !== DEPLOYMENT)
  const answers = async (id: string): Promise<void> => {
    stamp.say(
      eventOf('sh.keptn.event.deployment.started', {
        triggeredid: id,
        shkeptncontext: run.context,
      }),
    )
    await eventually('it is posted', () => posted().length > before, LIMIT)
  }
  const { keptn, byHand, stamp } = await federation(t, {
    route: 'fan-out',
    beforeEntering: answers,
  })
  const run = await byHand()
  const posted = () => said(run.context)
  const id = await run.task('deployment')
  const before = posted().length
  await stamp.link()
  await eventually('the task', () => stamp.heard.withId(id).length === 1, LIMIT)
  t.deepEqual(
    posted()
      .slice(before)
      .map(({ event }) => event.type),
    [WRAPPED_ANSWER_TYPE],
  )
})

test('more open tasks than a page of Keptn shows are all found', async (t) => {
  const { byHand, stamp } = await federation(t)
  const runs = await Promise.all(Array.from({ length: 45 }, () => byHand()))
  const ids = await Promise.all(runs.map((run) => run.task('deployment')))
  await stamp.link()
  await eventually('all tasks', () => ids.every((id) => stamp.heard.withId(id).length === 1), LIMIT)
  t.is(stamp.heard.heard.length, ids.length)
})

test('a task that Keptn holds back is not handed over before it is published', async (t) => {
  const { keptn, byHand, stamp } = await federation(t, { sweepMs: 50 })
  const run = await byHand()
  const deployment = await run.task('deployment')
  const link = await stamp.link()
  await eventually('the first task', () => stamp.heard.withId(deployment).length === 1, LIMIT)
  stamp.integrations = [wants([DEPLOYMENT, 'sh.keptn.event.test.triggered'])]
  await run.answer('deployment', 'started', deployment)
  keptn.control({ project: 'shop', context: run.context }, 'pause')
  await run.answer('deployment', 'finished', deployment)
  const held = await run.task('test')
  const before = await counted(link.metrics, 'signet_polls_total', 'ok')
  await eventually(
    'rounds in which it is open',
    async () => (await counted(link.metrics, 'signet_polls_total', 'ok')) > before + 4,
    LIMIT,
  )
  t.is(stamp.heard.withId(held).length, 0)
  keptn.control({ project: 'shop', context: run.context }, 'resume')
  await eventually('the second task', () => stamp.heard.withId(held).length === 1, LIMIT)
})

test('filters hold, patterns work, and kinds come that no distributor can poll', async (t) => {
  const { byHand, stamp } = await federation(t)
  stamp.integrations = [
    wants(['sh.keptn.event.*.triggered'], { stages: ['dev'] }),
    wants([NOTICE]),
    wants(['sh.keptn.>'], { projects: ['elsewhere'] }),
  ]
  await stamp.link()
  const run = await byHand()
  for (const task of ['deployment', 'test']) {
    const id = await run.task(task)
    await eventually(task, () => stamp.heard.withId(id).length === 1, LIMIT)
    await run.answer(task, 'started', id)
    await run.answer(task, 'finished', id)
  }
  await eventually('the end', () => stamp.heard.withType(NOTICE).length === 1, LIMIT)
  t.deepEqual(
    stamp.heard.heard.map(({ subject }) => subject),
    [DEPLOYMENT, 'sh.keptn.event.test.triggered', NOTICE],
  )
})

test('a task waits until somebody listens, and one that is over by then does not come', async (t) => {
  const { byHand, stamp } = await federation(t)
  stamp.gateOpen = false
  const link = await stamp.link()
  const [over, open] = [await byHand(), await byHand()]
  const [overId, openId] = [await over.task('deployment'), await open.task('deployment')]
  const rounds = async (count: number): Promise<void> => {
    const before = await counted(link.metrics, 'signet_polls_total', 'ok')
    await eventually(
      'more rounds',
      async () => (await counted(link.metrics, 'signet_polls_total', 'ok')) >= before + count,
      LIMIT,
    )
  }
  await rounds(3)
  t.is(stamp.heard.heard.length, 0)
  await over.answer('deployment', 'started', overId)
  await over.answer('deployment', 'finished', overId)
  await rounds(3)
  stamp.gateOpen = true
  await eventually('the open task', () => stamp.heard.withId(openId).length === 1, LIMIT)
})

test('what NATS has brought already is a duplicate, and so is what it brings later', async (t) => {
  const { byHand, keptn, stamp } = await federation(t)
  const link = await stamp.link()
  const run = await byHand()
  const id = await run.task('deployment')
  await eventually('the task', () => stamp.heard.withId(id).length === 1, LIMIT)
  // The bytes that NATS carries are not those that the API makes of them.
  const stored = keptn.events(run.context).find(({ event }) => event.id === id)
  const body = Buffer.from(JSON.stringify({ ...JSON.parse(stored?.payload ?? '{}'), extra: 1 }))
  await stamp.nc.flush()

  t.is(await link.nats(DEPLOYMENT, id, body), 'duplicate')
  const other = Buffer.from(JSON.stringify({ ...JSON.parse(body.toString()), data: { a: 1 } }))
  t.is(await link.nats(DEPLOYMENT, id, other), 'conflict')
  t.is(stamp.heard.withId(id).length, 1)
})
