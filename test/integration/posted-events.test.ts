import type { ExecutionContext } from 'ava'
import test from 'ava'
import { eventually } from '../support/eventually.ts'
import { scraped } from '../support/metrics.ts'
import { eventText, wanted } from '../support/registrations.ts'
import { readStream } from '../support/stream-reader.ts'
import type { StampRig } from '../support/stamp-agent.ts'
import { stampRig } from '../support/stamp-agent.ts'
import { registerOver } from '../support/uniform-calls.ts'

const STARTED = 'sh.keptn.event.deployment.started'
const FINISHED = 'sh.keptn.event.deployment.finished'

async function post(
  url: string,
  body: string,
  fields: Record<string, string> = {},
  path = '/event',
) {
  const root = url.replace(/\/controlPlane$/, '')
  const response = await fetch(root + path, { method: 'POST', body, headers: fields })
  return { status: response.status, text: await response.text() }
}

/** What the stamp's stream holds of what came by HTTP: the bodies, as text. */
async function stored({ nc }: StampRig): Promise<readonly string[]> {
  return (await readStream(nc, 'SIGNET_LOCAL')).map(({ body }) => Buffer.from(body).toString())
}

function heard(t: ExecutionContext, { nc }: StampRig, pattern: string): string[] {
  const bodies: string[] = []
  const subscription = nc.subscribe(pattern, {
    callback: (_, message) => {
      bodies.push(message.string())
    },
  })
  t.teardown(() => {
    subscription.unsubscribe()
  })
  return bodies
}

test('a posted event is answered when it is stored, with its bytes as they were, and is heard', async (t) => {
  const rig = await stampRig(t)
  const agent = await rig.agent()
  const bodies = heard(t, rig, 'sh.keptn.>')
  await rig.nc.flush()
  const odd = eventText(STARTED).replace('{', '{ \n "x": 1.50,\t')
  for (const type of ['application/cloudevents+json', 'application/json', 'text/plain']) {
    const answer = await post(agent.proxyUrl, odd, { 'content-type': type })
    t.deepEqual(answer, { status: 200, text: '' })
  }
  t.deepEqual(await stored(rig), [odd, odd, odd])
  await eventually('it is heard three times', () => bodies.length === 3)
  t.deepEqual(bodies, [odd, odd, odd])
  const asApi = await post(agent.proxyUrl, odd, {}, '/v1/event')
  t.deepEqual(asApi, { status: 200, text: '{"keptnContext":"context"}' })
})

test('a binary event becomes a structured one', async (t) => {
  const rig = await stampRig(t)
  const agent = await rig.agent()
  const answer = await post(agent.proxyUrl, '{"project":"shop","stage":"dev","service":"cart"}', {
    'content-type': 'application/json',
    'ce-specversion': '1.0',
    'ce-id': '00000000-0000-4000-8000-00000000000b',
    'ce-type': STARTED,
    'ce-source': 'helm-service',
    'ce-time': '2026-01-01T10:00:00Z',
    'ce-shkeptncontext': 'context',
    'ce-triggeredid': 'T1',
  })
  t.is(answer.status, 200)
  const [event = ''] = await stored(rig)
  t.like(JSON.parse(event), {
    specversion: '1.0',
    id: '00000000-0000-4000-8000-00000000000b',
    type: STARTED,
    source: 'helm-service',
    shkeptncontext: 'context',
    triggeredid: 'T1',
    data: { project: 'shop', stage: 'dev', service: 'cart' },
  })
})

test('what is no event of Keptn is refused with the reason, and nothing is published', async (t) => {
  const rig = await stampRig(t)
  const agent = await rig.agent()
  const bodies = heard(t, rig, '>')
  await rig.nc.flush()
  const good = JSON.parse(eventText(STARTED)) as Record<string, unknown>
  const cases: readonly (readonly [string, object | string])[] = [
    ['not-json', '{'],
    ['not-an-object', '[]'],
    ['no-source', { ...good, source: undefined }],
    ['no-type', { ...good, type: '' }],
    ['bad-type', { ...good, type: 'com.example.thing' }],
    ['bad-type', { ...good, type: 'sh.keptn.event.*.started' }],
    ['bad-time', { ...good, time: '' }],
    ['no-data', { ...good, data: null }],
    ['bad-temporary-data', { ...good, data: { temporaryData: null } }],
  ]
  for (const [reason, event] of cases) {
    const body = typeof event === 'string' ? event : JSON.stringify(event)
    const answer = await post(agent.proxyUrl, body)
    t.is(answer.status, 400, reason)
    t.like(JSON.parse(answer.text), { code: 400, reason })
  }
  const binary = { 'ce-specversion': '1.0', 'content-type': 'application/json' }
  t.is((await post(agent.proxyUrl, '{}', binary)).status, 400)
  const batch = { 'content-type': 'application/cloudevents-batch+json' }
  t.is((await post(agent.proxyUrl, '[]', batch)).status, 400)
  const gotten = await fetch(agent.proxyUrl.replace(/controlPlane$/, 'event'))
  t.is(gotten.status, 403)
  await rig.nc.flush()
  t.deepEqual(
    bodies.filter((body) => body.includes('specversion')),
    [],
  )
  t.deepEqual(await stored(rig), [])
})

test('an error log is logged and not published, and so is an errored end besides', async (t) => {
  const rig = await stampRig(t)
  const agent = await rig.agent()
  await registerOver(agent.servicesUrl, wanted({ name: 'shipyard-controller' }))
  const log = eventText('sh.keptn.log.error', { message: 'boom', integrationid: 'x', task: 'test' })
  t.is((await post(agent.proxyUrl, log)).status, 200)
  t.deepEqual(await stored(rig), [])
  const errored = eventText(FINISHED, { status: 'errored', result: 'fail', message: 'no' })
  t.is((await post(agent.proxyUrl, errored)).status, 200)
  const failed = eventText(FINISHED, { status: 'succeeded', result: 'fail' })
  t.is((await post(agent.proxyUrl, failed)).status, 200)
  t.deepEqual(await stored(rig), [errored, failed])
  // Neither of the two is known to a control plane here.
  await eventually(
    'both are logged',
    async () =>
      (await scraped(agent.adminUrl, 'signet_integration_logs_total', { result: 'unknown' })) === 2,
  )
})

test('an event that no stream has acknowledged is answered with 503, to be posted again', async (t) => {
  const rig = await stampRig(t)
  const agent = await rig.agent()
  await rig.keptn.kill()
  const event = eventText(STARTED)
  const refused = await post(agent.proxyUrl, event)
  t.is(refused.status, 503)
  t.like(JSON.parse(refused.text), { code: 503, reason: 'not-stored' })
  await rig.keptn.restart()
  await eventually(
    'it is taken',
    async () => (await post(agent.proxyUrl, event)).status === 200,
    20_000,
  )
  await eventually(
    'it is stored',
    async () => (await stored(rig).catch((): string[] => [])).includes(event),
    20_000,
  )
  t.pass()
})

test('without JetStream an event is answered when the server has it', async (t) => {
  const rig = await stampRig(t, { jetstream: false })
  const agent = await rig.agent()
  const bodies = heard(t, rig, 'sh.keptn.>')
  await rig.nc.flush()
  const event = eventText(STARTED)
  t.is((await post(agent.proxyUrl, event)).status, 200)
  await eventually('it is heard', () => bodies.length === 1)
  t.deepEqual(bodies, [event])
})
