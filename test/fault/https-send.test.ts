import type { ExecutionContext } from 'ava'
import test from 'ava'
import { randomUUID } from 'node:crypto'
import type { Term } from '../../src/links/term.ts'
import { loneTerm } from '../../src/links/term.ts'
import { eventually } from '../support/eventually.ts'
import type { Fault } from '../support/faulty-api.ts'
import { FaultyApi } from '../support/faulty-api.ts'
import { counted, HttpsStamp, wants } from '../support/https-stamp.ts'
import { rig } from '../support/keptn-by-hand.ts'
import { eventOf } from '../support/keptn-event.ts'

const DEPLOYMENT = 'sh.keptn.event.deployment.triggered'
const STARTED = 'sh.keptn.event.deployment.started'
const FINISHED = 'sh.keptn.event.deployment.finished'
const LIMIT = 60_000

/** A task that a stamp has, whose answers go through an API with faults. */
async function task(t: ExecutionContext, timeoutMs = 20_000, term: Term = loneTerm()) {
  t.timeout(180_000)
  const { keptn, byHand } = await rig(t, { token: 'sesame' })
  const api = await FaultyApi.start(t, keptn.url)
  const stamp = await HttpsStamp.start(t, {
    endpoint: `${api.url}/api`,
    token: 'sesame',
    integrations: [wants([DEPLOYMENT])],
    timeoutMs,
    term,
  })
  const link = await stamp.link()
  const run = await byHand()
  const id = await run.task('deployment')
  await eventually('the task', () => stamp.heard.withId(id).length === 1, LIMIT)
  const answer = (kind: 'started' | 'finished', data: object = {}, over: object = {}) =>
    stamp.say(
      eventOf(
        `sh.keptn.event.deployment.${kind}`,
        { source: 'worker', triggeredid: id, shkeptncontext: run.context, ...over },
        {
          service: run.service,
          ...(kind === 'finished' && { result: 'pass', status: 'succeeded' }),
          ...data,
        },
      ),
    )
  const stored = () =>
    keptn
      .events(run.context)
      .map(({ event }) => event)
      .filter(({ triggeredid }) => triggeredid === id)
      .map(({ type }) => type)
  const done = () =>
    eventually('the end', () => run.latest()?.tasks[0]?.result !== undefined, LIMIT)
  return { api, stamp, link, run, answer, stored, done }
}

/** The first `count` posts have that fault. */
function firstPosts(api: FaultyApi, fault: Fault, count = 1): void {
  let left = count
  api.fault = ({ method }) => {
    if (method !== 'POST' || left === 0) return undefined
    left -= 1
    return fault
  }
}

const FAULTS: readonly (readonly [what: string, fault: Fault, result: string])[] = [
  ['a reset before anything was done', 'reset', 'sent'],
  ['a 503 of a gateway', 503, 'sent'],
  ['a 401', 401, 'sent'],
  ['a 429', 429, 'sent'],
  ['a 404 of a gateway that starts', 404, 'sent'],
  ['a reset after the event was taken', 'after-reset', 'found'],
  ['silence after the event was taken', 'after-silent', 'found'],
  ['a 500 after the event was taken', 'after-500', 'found'],
]

for (const [what, fault, result] of FAULTS) {
  test(`${what} neither loses nor doubles an answer, and the order stays`, async (t) => {
    const { api, link, answer, stored, done } = await task(t, 4_000)
    firstPosts(api, fault)
    answer('started')
    answer('finished')
    await done()
    t.deepEqual(stored(), [STARTED, FINISHED])
    // Keptn has it a moment before the agent has counted it.
    const wanted = result === 'sent' ? 2 : 1
    const sent = () => counted(link.metrics, 'signet_api_sends_total', result)
    await eventually('all are counted', async () => (await sent()) === wanted, LIMIT)
    t.is(await counted(link.metrics, 'signet_api_sends_total', 'retried'), 1)
    await eventually('no trouble', () => link.role.notReady === undefined, LIMIT)
  })
}

test('an integration that says the same twice is heard twice, though both ends were unclear', async (t) => {
  const { api, answer, stored, done } = await task(t)
  firstPosts(api, 'after-reset', 2)
  answer('started')
  answer('started')
  answer('finished', {}, { id: randomUUID() })
  answer('finished', {}, { id: randomUUID() })
  await done()
  t.deepEqual(stored(), [STARTED, STARTED, FINISHED, FINISHED])
})

test('what the API will never take is set aside with its words, and the flow goes on', async (t) => {
  const { api, stamp, answer, stored, done } = await task(t)
  api.fault = ({ method, body }) =>
    method !== 'POST'
      ? undefined
      : body.includes('"note":"bad"')
        ? 400
        : body.includes('"note":"large"')
          ? 413
          : undefined
  answer('started', { note: 'bad' })
  answer('started', { note: 'large' })
  answer('started')
  answer('finished')
  await done()
  t.deepEqual(stored(), [STARTED, FINISHED])
  const aside = await stamp.stream('SIGNET_acme_main_DLQ')
  t.deepEqual(
    aside.map(({ subject }) => subject),
    ['refused-by-api', 'oversize'].map((reason) => `signet.acme.dlq.main.up.eu-1.${reason}`),
  )
  t.regex(aside[0]?.header('Signet-Detail') ?? '', /refuses http:.*\/v1\/event with 400/)
})

test('an agent that is killed in the middle of a post leaves nothing lost or doubled', async (t) => {
  const { api, stamp, link, answer, stored, done } = await task(t)
  firstPosts(api, 'after-silent')
  answer('started')
  answer('finished')
  await eventually('the post', () => stored().length === 1, LIMIT)
  link.kill()
  const next = await stamp.link()
  await done()
  t.deepEqual(stored(), [STARTED, FINISHED])
  t.is(await counted(next.metrics, 'signet_api_sends_total', 'found'), 1)
})

test('a stop while an answer waits hands back what follows it as well, and the order stays', async (t) => {
  const { api, stamp, link, answer, stored, done } = await task(t)
  api.fault = ({ method, body }) => (method === 'POST' && body.includes(STARTED) ? 503 : undefined)
  answer('started')
  answer('finished')
  const retried = () => counted(link.metrics, 'signet_api_sends_total', 'retried')
  await eventually('a try', async () => (await retried()) > 0, LIMIT)
  await link.stop()
  t.deepEqual(stored(), [])
  api.fault = () => undefined
  await stamp.link()
  await done()
  t.deepEqual(stored(), [STARTED, FINISHED])
})

test('what a stamp sent does not come back to it, not even to its next agent', async (t) => {
  const { stamp, link, run, answer, stored } = await task(t)
  stamp.integrations = [wants(['sh.keptn.event.deployment.>'])]
  answer('started')
  await eventually('the answer', () => stored().length === 1, LIMIT)
  const rounds = async (of: typeof link, count: number): Promise<void> => {
    const before = await counted(of.metrics, 'signet_polls_total', 'ok')
    await eventually(
      'more rounds',
      async () => (await counted(of.metrics, 'signet_polls_total', 'ok')) >= before + count,
      LIMIT,
    )
  }
  await rounds(link, 5)
  await link.stop()
  await rounds(await stamp.link(), 5)
  t.is(stamp.heard.withType(STARTED).length, 1)
  t.is(run.dropped().length, 0)
})

test('an agent whose lease is not renewed posts nothing, not even again, and goes on when it is', async (t) => {
  const term = { ...loneTerm(), leftMs: Infinity }
  const { api, link, answer, stored, done } = await task(t, 20_000, term)
  api.fault = ({ method }) => {
    if (method !== 'POST' || api.posts.length > 1) return undefined
    term.leftMs = 0
    return 503
  }
  answer('started')
  answer('finished')
  await eventually('the first post', () => api.posts.length === 1, LIMIT)
  const polls = () => counted(link.metrics, 'signet_polls_total', 'ok')
  const before = await polls()
  await eventually('many chances', async () => (await polls()) >= before + 10, LIMIT)
  t.is(api.posts.length, 1)
  term.leftMs = Infinity
  await done()
  t.deepEqual(stored(), [STARTED, FINISHED])
})
