import test from 'ava'
import { eventually } from '../support/eventually.ts'
import {
  DEPLOYMENT,
  distributor,
  LIMIT,
  REGISTERED,
  ScriptedKeptn,
  ScriptedRecipient,
  triggered,
} from '../support/distributor.ts'
import { json } from '../support/loopback-http.ts'

// A distributor outside of Keptn's cluster: it polls, and posts to the public API (wire 3.4 to 3.6, 8).

const TOKEN = { KEPTN_API_TOKEN: 'sesame' }

test('it registers as a remote execution plane, with its topics and filters', async (t) => {
  const keptn = await ScriptedKeptn.start(t)
  await distributor(t, {
    ...REGISTERED,
    ...TOKEN,
    KEPTN_API_ENDPOINT: `${keptn.url}/api`,
    PUBSUB_TOPIC: 'a.triggered,b.triggered',
    STAGE_FILTER: 'dev,prod',
    VERSION: '1.2',
    K8S_POD_NAME: 'pod-1',
  })
  const asked = () => keptn.asked('POST', '/controlPlane/v1/uniform/registration')
  await eventually('a registration', () => asked().length > 0, LIMIT)
  const filter = { projects: [], stages: ['dev', 'prod'], services: [] }
  t.deepEqual(JSON.parse(asked()[0]?.body ?? ''), {
    id: '',
    name: 'my-service',
    metadata: {
      hostname: 'keptn-node',
      integrationversion: '1.2',
      distributorversion: '0.9.0',
      location: 'remote-execution-plane',
      kubernetesmetadata: {
        namespace: 'keptn',
        podname: 'pod-1',
        deploymentname: 'my-service',
      },
      lastseen: '0001-01-01T00:00:00Z',
    },
    subscriptions: [
      { id: '', event: 'a.triggered', filter },
      { id: '', event: 'b.triggered', filter },
    ],
  })
  t.is(asked()[0]?.headers['x-token'], 'sesame')
})

test('three subscriptions are three posts, each with its subscription, and one question', async (t) => {
  const [keptn, recipient] = [await ScriptedKeptn.start(t), await ScriptedRecipient.start(t)]
  const event = triggered({ id: 'T1', gitcommitid: 'abc' })
  keptn.subscriptions = ['s1', 's2', 's3'].map((id) => ({ id, event: DEPLOYMENT }))
  keptn.open = { [DEPLOYMENT]: [event] }
  await distributor(t, {
    ...REGISTERED,
    ...recipient.environment,
    KEPTN_API_ENDPOINT: keptn.url,
    PUBSUB_RECIPIENT_PATH: 'events',
  })
  await eventually('three posts', () => recipient.ids.length >= 3, LIMIT)
  const polls = () => keptn.asked('GET', DEPLOYMENT).length
  const before = polls()
  await eventually('more rounds', () => polls() >= before + 4, LIMIT)
  t.deepEqual(recipient.ids.toSorted(), ['T1 s1', 'T1 s2', 'T1 s3'])
  t.like(recipient.http.came[0], { method: 'POST', path: '/events' })
  t.regex(
    String(recipient.http.came[0]?.headers['content-type']),
    /^application\/cloudevents\+json/,
  )
  const { time, shkeptncontext, data } = event
  t.deepEqual(JSON.parse(recipient.http.came[0]?.body ?? ''), {
    specversion: '1.0',
    id: 'T1',
    source: 'shipyard-controller',
    type: DEPLOYMENT,
    datacontenttype: 'application/json',
    time,
    data: { ...data, temporaryData: { distributor: { subscriptionID: 's1' } } },
    shkeptncontext,
    triggeredid: '',
    gitcommitid: 'abc',
    shkeptnspecversion: '',
  })
})

test('a hundred subscriptions of one type are a hundred posts of one event', async (t) => {
  const [keptn, recipient] = [await ScriptedKeptn.start(t), await ScriptedRecipient.start(t)]
  keptn.subscriptions = Array.from({ length: 100 }, (_, n) => ({ id: `s${n}`, event: DEPLOYMENT }))
  keptn.open = { [DEPLOYMENT]: [triggered({ id: 'T1' })] }
  await distributor(t, {
    ...REGISTERED,
    ...recipient.environment,
    KEPTN_API_ENDPOINT: keptn.url,
  })
  await eventually('all posts', () => new Set(recipient.ids).size === 100, LIMIT)
  t.is(recipient.ids.length, 100)
})

test('filters hold: one value is asked for, and all of them are looked at again', async (t) => {
  const [keptn, recipient] = [await ScriptedKeptn.start(t), await ScriptedRecipient.start(t)]
  const filter = { projects: ['shop'], stages: ['dev', 'prod'], services: [] }
  keptn.subscriptions = [{ id: 's1', event: DEPLOYMENT, filter }]
  keptn.open = {
    [DEPLOYMENT]: [
      triggered({ id: 'T1' }, { stage: 'prod' }),
      triggered({ id: 'T2' }, { stage: 'hardening' }),
      triggered({ id: 'T3' }, { project: 'bank' }),
    ],
  }
  await distributor(t, {
    ...REGISTERED,
    ...recipient.environment,
    KEPTN_API_ENDPOINT: keptn.url,
  })
  const polls = () => keptn.asked('GET', DEPLOYMENT)
  await eventually('rounds', () => polls().length > 4 && recipient.ids.length > 0, LIMIT)
  t.deepEqual(recipient.ids, ['T1 s1'])
  t.is(polls()[0]?.query.get('project'), 'shop')
  t.is(polls()[0]?.query.get('stage'), null)
})

test('an event that the recipient did not take is posted again in a later round', async (t) => {
  const [keptn, recipient] = [await ScriptedKeptn.start(t), await ScriptedRecipient.start(t)]
  keptn.subscriptions = [{ id: 's1', event: DEPLOYMENT }]
  keptn.open = { [DEPLOYMENT]: [triggered({ id: 'T1' })] }
  recipient.http.respond = (_, response) => {
    response.destroy()
  }
  await distributor(t, {
    ...REGISTERED,
    ...recipient.environment,
    KEPTN_API_ENDPOINT: keptn.url,
  })
  await eventually('two tries', () => recipient.ids.length >= 2, LIMIT)
  recipient.http.respond = (_, response) => {
    response.end()
  }
  const before = recipient.ids.length
  await eventually('the last try', () => recipient.ids.length > before, LIMIT)
  t.deepEqual([...new Set(recipient.ids)], ['T1 s1'])
})

test('without a registration the topics of the environment are polled', async (t) => {
  const [keptn, recipient] = [await ScriptedKeptn.start(t), await ScriptedRecipient.start(t)]
  keptn.open = {
    [DEPLOYMENT]: [triggered({ id: 'T1' }), triggered({ id: 'T2' }, { stage: 'prod' })],
  }
  await distributor(t, {
    ...recipient.environment,
    KEPTN_API_ENDPOINT: keptn.url,
    PUBSUB_TOPIC: DEPLOYMENT,
    STAGE_FILTER: 'prod',
    DISABLE_REGISTRATION: 'true',
  })
  const polls = () => keptn.asked('GET', DEPLOYMENT).length
  await eventually('rounds', () => polls() > 4 && recipient.ids.length > 0, LIMIT)
  t.deepEqual(recipient.ids, ['T2'])
  t.is(keptn.asked('POST', '/registration').length, 0)
})

test('what the integration posts is one post to the API, and the answer is the truth', async (t) => {
  const keptn = await ScriptedKeptn.start(t)
  const { url } = await distributor(t, { ...TOKEN, KEPTN_API_ENDPOINT: `${keptn.url}/api` })
  const event = triggered({ type: 'sh.keptn.event.deployment.started', triggeredid: 'T1' })
  const post = (body: object | string) =>
    fetch(`${url}/event`, {
      method: 'POST',
      body: typeof body === 'string' ? body : JSON.stringify(body),
    })
  const taken = await post(event)
  t.deepEqual([taken.status, await taken.text()], [200, ''])
  const posts = keptn.asked('POST', '/api/v1/event')
  t.is(posts.length, 1)
  t.deepEqual(JSON.parse(posts[0]?.body ?? ''), event)
  t.is(posts[0]?.headers['x-token'], 'sesame')
  t.is((await post('{"specversion":"1.0"}')).status, 400)
  t.is((await post('no json')).status, 400)
  keptn.instead = ({ path }, response) => {
    if (!path.endsWith('/v1/event')) return false
    json(response, 503, {})
    return true
  }
  t.is((await post(event)).status, 502)
  keptn.instead = ({ path }, response) => {
    if (!path.endsWith('/v1/event')) return false
    json(response, 422, { code: 602, message: 'data in body is required' })
    return true
  }
  t.is((await post(event)).status, 422)
})

test('a body is refused above the limit, not at it, and never reaches the API', async (t) => {
  const keptn = await ScriptedKeptn.start(t)
  const { url } = await distributor(t, {
    KEPTN_API_ENDPOINT: keptn.url,
    API_PROXY_MAX_PAYLOAD_BYTES_KB: '2',
  })
  const sized = (bytes: number): string => {
    const event = triggered({ type: 'sh.keptn.event.deployment.started' }, { filler: '' })
    const missing = bytes - JSON.stringify(event).length
    return JSON.stringify({ ...event, data: { ...event.data, filler: 'x'.repeat(missing) } })
  }
  const post = (path: string, body: string) => fetch(url + path, { method: 'POST', body })
  t.is((await post('/event', sized(2_048))).status, 200)
  t.is((await post('/event', sized(2_049))).status, 413)
  const target = '/controlPlane/v1/anything'
  t.is((await post(target, 'x'.repeat(2_048))).status, 200)
  t.is((await post(target, 'x'.repeat(2_049))).status, 413)
  t.is(keptn.asked('POST', '/v1/event').length, 1)
  t.is(keptn.asked('POST', '/anything').length, 1)
})

test('the proxy maps its paths below the endpoint, and escapes the names of resources once more', async (t) => {
  const keptn = await ScriptedKeptn.start(t)
  const { url } = await distributor(t, { ...TOKEN, KEPTN_API_ENDPOINT: `${keptn.url}/api` })
  for (const [path, mapped] of [
    ['/controlPlane/v1/project?pageSize=5', '/api/controlPlane/v1/project?pageSize=5'],
    ['/mongodb-datastore/event?x=a%20b', '/api/mongodb-datastore/event?x=a%20b'],
    [
      '/resource-service/v1/project/p/resource/helm%2Fx.tgz?gitCommitID=1',
      '/api/resource-service/v1/project/p/resource/helm%252Fx.tgz?gitCommitID=1',
    ],
    ['/configuration-service/v1/project/p/resource', '/api/resource-service/v1/project/p/resource'],
  ] as const) {
    const before = keptn.http.came.length
    const answer = await fetch(url + path, { headers: { 'x-own': 'kept' } })
    t.is(answer.status, 200)
    t.is(keptn.http.targets.at(-1), mapped)
    t.is(keptn.http.came.length, before + 1)
    t.like(keptn.http.came.at(-1)?.headers, { 'x-token': 'sesame', 'x-own': 'kept' })
  }
  t.is((await fetch(`${url}/elsewhere`)).status, 404)
  t.deepEqual(await (await fetch(`${url}/health`)).json(), { status: 'OK' })
})

test('a status of the API comes through the proxy, and one that is away is told as such', async (t) => {
  const keptn = await ScriptedKeptn.start(t)
  const { url } = await distributor(t, {
    KEPTN_API_ENDPOINT: keptn.url,
    API_PROXY_HTTP_TIMEOUT: '1',
  })
  keptn.instead = (_, response) => {
    json(response, 424, { code: 424 })
    return true
  }
  t.is((await fetch(`${url}/controlPlane/v1/project`)).status, 424)
  keptn.instead = () => true
  t.is((await fetch(`${url}/controlPlane/v1/project`)).status, 504)
  await keptn.http[Symbol.asyncDispose]()
  t.is((await fetch(`${url}/controlPlane/v1/project`)).status, 502)
})

test('a registration that is gone, and one that cannot be renewed, is made again', async (t) => {
  const keptn = await ScriptedKeptn.start(t)
  const made = await distributor(t, {
    ...REGISTERED,
    KEPTN_API_ENDPOINT: keptn.url,
    MAX_HEARTBEAT_RETRIES: '2',
  })
  const registrations = () => keptn.asked('POST', '/uniform/registration').length
  await eventually('a registration', () => made.reasons().length === 0, LIMIT)
  keptn.subscriptions = undefined
  await eventually('another one', () => registrations() >= 2, LIMIT)
  t.regex(made.reasons().join(), /registration: .*uniform integration not found/)
  keptn.subscriptions = []
  await eventually('readiness', () => made.reasons().length === 0, LIMIT)
  const before = registrations()
  keptn.instead = ({ path }, response) => {
    if (!path.endsWith('/ping')) return false
    json(response, 500, {})
    return true
  }
  await eventually('another one', () => registrations() > before, LIMIT)
})

test('the subscriptions come with the first heartbeat, which waits for no interval', async (t) => {
  const [keptn, recipient] = [await ScriptedKeptn.start(t), await ScriptedRecipient.start(t)]
  keptn.subscriptions = [{ id: 's1', event: DEPLOYMENT }]
  keptn.open = { [DEPLOYMENT]: [triggered({ id: 'T1' })] }
  await distributor(t, {
    ...REGISTERED,
    ...recipient.environment,
    KEPTN_API_ENDPOINT: keptn.url,
    HEARTBEAT_INTERVAL: '1h',
  })
  await eventually('the event', () => recipient.ids.length > 0, LIMIT)
  t.is(keptn.asked('PUT', '/ping').length, 1)
})

test('a post that broke off after Keptn had it is answered with success, and is not posted again', async (t) => {
  const keptn = await ScriptedKeptn.start(t)
  const { url } = await distributor(t, { KEPTN_API_ENDPOINT: keptn.url })
  const event = triggered({ type: 'sh.keptn.event.deployment.started', triggeredid: 'T1' })
  keptn.instead = ({ path }, response) => {
    if (path.endsWith('/v1/event')) response.destroy()
    else if (path.endsWith('/mongodb-datastore/event'))
      json(response, 200, { events: [{ ...event, id: 'made-anew' }] })
    else return false
    return true
  }
  const post = () => fetch(`${url}/event`, { method: 'POST', body: JSON.stringify(event) })
  t.is((await post()).status, 200)
  t.is(keptn.asked('POST', '/v1/event').length, 1)
  // One that is alike has arrived before, so this one has not.
  t.is((await post()).status, 502)
})
