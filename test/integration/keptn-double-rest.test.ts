import test from 'ava'
import { randomUUID } from 'node:crypto'
import type { KeptnDouble } from '../../src/demo/keptn/keptn-double.ts'
import { rig } from '../support/keptn-by-hand.ts'
import { eventually } from '../support/eventually.ts'

/** What the answers that are looked at may hold. */
interface Answered {
  readonly id?: string
  readonly events?: readonly { readonly id: string }[]
  readonly states?: readonly object[]
  readonly nextPageKey?: string | number
  readonly totalCount?: number
}

async function ask(
  keptn: KeptnDouble,
  method: string,
  path: string,
  body?: unknown,
  token?: string,
) {
  const response = await fetch(keptn.url + path, {
    method,
    headers: {
      'content-type': 'application/json',
      ...(token !== undefined && { 'x-token': token }),
    },
    ...(body !== undefined && { body: typeof body === 'string' ? body : JSON.stringify(body) }),
  })
  const text = await response.text()
  const isJson = response.headers.get('content-type')?.includes('json') ?? false
  const json: Answered | null = JSON.parse(isJson ? text : 'null')
  return { status: response.status, text, json }
}

const deployment = 'sh.keptn.event.deployment.triggered'

function registration(over: object = {}) {
  const filter = { projects: [], stages: ['dev'], services: [] }
  return {
    name: 'helm-service',
    metadata: {
      hostname: 'node-1',
      integrationversion: '1',
      distributorversion: '1',
      location: 'here',
      kubernetesmetadata: { namespace: 'ns', podname: 'p', deploymentname: 'helm-service' },
    },
    subscriptions: [{ id: '', event: deployment, filter }],
    ...over,
  }
}

test('registrations: status codes of a whole life', async (t) => {
  const { keptn } = await rig(t)
  const base = '/v1/uniform/registration'
  const created = await ask(keptn, 'POST', base, registration())
  t.is(created.status, 201)
  const id = created.json?.id ?? ''
  t.regex(id, /^[0-9a-f]{40}$/)
  t.is((await ask(keptn, 'POST', base, registration())).status, 200)
  t.is((await ask(keptn, 'POST', base, 'not json')).status, 400)
  t.is((await ask(keptn, 'POST', base, registration({ name: 1 }))).status, 400)
  t.like((await ask(keptn, 'POST', base, { name: 'x' })).json, { code: 400 })
  t.like(await ask(keptn, 'PUT', `${base}/${id}/ping`), { status: 200, json: { id } })
  t.like(await ask(keptn, 'PUT', `${base}/nobody/ping`), {
    status: 404,
    json: { code: 404, message: 'uniform integration not found' },
  })
  t.deepEqual((await ask(keptn, 'GET', `${base}?name=nobody`)).json, [])
  t.like((await ask(keptn, 'GET', `${base}?stage=dev`)).json, [{ id }])

  const wanted = { event: 'sh.keptn.event.test.triggered', filter: {} }
  const added = await ask(keptn, 'POST', `${base}/${id}/subscription`, wanted)
  t.is(added.status, 201)
  const sid = added.json?.id
  t.is((await ask(keptn, 'POST', `${base}/nobody/subscription`, wanted)).status, 404)
  t.is((await ask(keptn, 'PUT', `${base}/${id}/subscription/${sid}`, wanted)).status, 201)
  t.is((await ask(keptn, 'PUT', `${base}/${id}/subscription/new`, wanted)).status, 201)
  t.is((await ask(keptn, 'PUT', `${base}/nobody/subscription/${sid}`, wanted)).status, 500)
  t.is((await ask(keptn, 'GET', `${base}/${id}/subscription/new`)).status, 200)
  t.is((await ask(keptn, 'GET', `${base}/${id}/subscription/other`)).status, 404)
  for (const { id: each } of keptn.registrations()[0]?.subscriptions ?? []) {
    await ask(keptn, 'DELETE', `${base}/${id}/subscription/${each}`)
  }
  t.like(await ask(keptn, 'GET', `${base}/${id}/subscription`), { status: 200, text: 'null' })
  t.is((await ask(keptn, 'DELETE', `${base}/stray/subscription/x`)).status, 500)
  t.is((await ask(keptn, 'PUT', `${base}/stray/ping`)).status, 200)
  t.like(await ask(keptn, 'DELETE', `${base}/${id}`), { status: 200, json: {} })
  t.is((await ask(keptn, 'DELETE', `${base}/${id}`)).status, 200)
})

test('open events: exact type, project filter, and 404 for an unknown project', async (t) => {
  const { keptn, byHand } = await rig(t)
  const run = await byHand()
  const id = await run.task('deployment')
  const path = '/v1/event/triggered/'
  const found = await ask(keptn, 'GET', `${path}${deployment}?project=shop&stage=dev`)
  t.regex(found.text, new RegExp(`^\\{"events":\\[\\{"data":.*"id":"${id}".*"totalCount":1\\}$`))
  t.true(found.text.includes('"gitcommitid"'))
  t.deepEqual((await ask(keptn, 'GET', `${path}sh.keptn.>`)).json, {
    events: [],
    nextPageKey: '0',
  })
  t.is((await ask(keptn, 'GET', `${path}${deployment}?stage=prod`)).text.includes(id), false)
  t.like(await ask(keptn, 'GET', `${path}${deployment}?project=nope`), {
    status: 404,
    json: { code: 404, message: 'project not found' },
  })
  await run.answer('deployment', 'started', id)
  t.true((await ask(keptn, 'GET', path + deployment)).text.includes(id))
  await run.answer('deployment', 'finished', id)
  await run.task('test')
  t.false((await ask(keptn, 'GET', path + deployment)).text.includes(id))
})

for (const paginationBug of [true, false]) {
  const what = paginationBug ? 'repeat the newest' : 'go on where the last ended'
  test(`pages of open events ${what}`, async (t) => {
    const { keptn } = await rig(t, { paginationBug })
    const trigger = { project: 'shop', stage: 'dev', sequence: 'delivery' }
    for (let index = 0; index < 25; index += 1) {
      await keptn.triggerSequence({ ...trigger, service: `s${index}` })
    }
    const path = `/v1/event/triggered/${deployment}`
    const page = async (query: string) => {
      const { json } = await ask(keptn, 'GET', path + query)
      return { ...json, events: json?.events ?? [] }
    }
    await eventually('all are open', async () => (await page('')).totalCount === 25)
    const first = await page('')
    const second = await page('?nextPageKey=20')
    t.deepEqual([first.nextPageKey, second.nextPageKey], ['20', '0'])
    t.is(second.events.length, 5)
    const seen = new Set([...first.events, ...second.events].map(({ id }) => id))
    t.is(seen.size, paginationBug ? 20 : 25)
    t.is((await page('?pageSize=1000')).events.length, 25)
  })
}

test('a posted event is rewritten and published; what is incomplete is refused', async (t) => {
  const { keptn } = await rig(t)
  const context = randomUUID()
  const event = {
    id: 'mine',
    type: 'sh.keptn.event.dev.delivery.triggered',
    source: 'someone',
    shkeptncontext: context,
    data: { project: 'shop', stage: 'dev', service: 'posted' },
  }
  const posted = await ask(keptn, 'POST', '/v1/event', event)
  t.deepEqual(posted.json, { keptnContext: context })
  const [view] = await eventually('it starts', () => {
    const views = keptn.sequence(context)
    return views.length > 0 && views
  })
  t.not(view?.triggeredId, 'mine')
  t.like(await ask(keptn, 'POST', '/v1/event', { ...event, data: null }), {
    status: 422,
    json: { code: 602 },
  })
  t.is((await ask(keptn, 'POST', '/v1/event', '{')).status, 400)
})

test('validation is a switch', async (t) => {
  const { keptn } = await rig(t, { validateEvents: true })
  const event = { type: deployment, source: 's', data: { project: 'shop' } }
  t.is((await ask(keptn, 'POST', '/v1/event', event)).status, 400)
})

test('the public prefixes ask for the token, each with its own words', async (t) => {
  const { keptn } = await rig(t, { token: 'secret' })
  const list = '/api/controlPlane/v1/uniform/registration'
  t.like(await ask(keptn, 'GET', list), {
    status: 401,
    text: '{"code":401, "message":"unauthenticated or invalid credentials"}',
    json: null,
  })
  t.is((await ask(keptn, 'GET', list, undefined, 'secret')).status, 200)
  t.is((await ask(keptn, 'GET', '/v1/uniform/registration')).status, 200)
  const message = async (token?: string) => {
    return (await ask(keptn, 'POST', '/api/v1/auth', '{}', token)).json
  }
  t.like(await message(), { code: 401, message: 'unauthenticated for invalid credentials' })
  t.like(await message('wrong'), { code: 401, message: 'incorrect api key auth' })
  t.deepEqual(await message('secret'), {})
  const datastore = '/api/mongodb-datastore'
  t.is((await ask(keptn, 'GET', `${datastore}/event`, undefined, 'secret')).status, 200)
  t.is((await ask(keptn, 'GET', `${datastore}/event`)).status, 401)
  const log = '/api/controlPlane/v1/log'
  t.is((await ask(keptn, 'DELETE', log, undefined, 'secret')).status, 403)
})

test('the datastore lists every copy, newest first, page by page', async (t) => {
  const { keptn, byHand } = await rig(t)
  const run = await byHand()
  const task = await run.task('deployment')
  const id = await run.answer('deployment', 'started', task)
  await run.answer('deployment', 'started', task, { id })
  await eventually('all are stored', () => keptn.events(run.context).length === 4)
  const query = `?keptnContext=${run.context}`
  const list = (await ask(keptn, 'GET', `/event${query}`)).json
  const all = list?.events ?? []
  t.is(all.filter((event) => event.id === id).length, 2)
  t.is(all.at(-1)?.id, run.id)
  const page = (await ask(keptn, 'GET', `/event${query}&pageSize=3`)).json
  t.like(page, { nextPageKey: '3', pageSize: 3, totalCount: 4 })
  const last = await ask(keptn, 'GET', `/event${query}&pageSize=3&nextPageKey=3`)
  t.deepEqual(last.json?.events, all.slice(3))
  const type = '/event/type/sh.keptn.event.deployment.started'
  t.is((await ask(keptn, 'GET', type)).status, 400)
  const filter = `?filter=data.project:shop%20AND%20shkeptncontext:${run.context}`
  const typed = (await ask(keptn, 'GET', type + filter)).json
  t.is(typed?.events?.length, 2)
})

test('sequences are listed and controlled, logs are kept', async (t) => {
  const { keptn, byHand } = await rig(t)
  const run = await byHand()
  await run.task('deployment')
  const list = await ask(keptn, 'GET', `/v1/sequence/shop?keptnContext=${run.context}`)
  t.like(list.json, { totalCount: 1, nextPageKey: 0 })
  t.like(list.json?.states?.[0], {
    name: 'delivery',
    state: 'started',
    shkeptncontext: run.context,
  })
  const control = `/v1/sequence/shop/${run.context}/control`
  t.is((await ask(keptn, 'POST', control, {})).status, 400)
  t.is((await ask(keptn, 'POST', control, { state: 'whatever' })).status, 200)
  t.like(await ask(keptn, 'POST', control, { state: 'abort' }), { status: 200, json: {} })
  t.is(run.latest()?.outcome?.status, 'aborted')
  const logs = { logs: [{ integrationid: 'i', message: 'boom' }] }
  t.is((await ask(keptn, 'POST', '/v1/log', logs)).status, 200)
  t.like((await ask(keptn, 'GET', '/v1/log?integrationId=i')).json, { totalCount: 1 })
})
