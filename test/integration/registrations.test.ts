import type { ExecutionContext } from 'ava'
import test from 'ava'
import { startIntegration } from '../../src/demo/integration/integration.ts'
import { presenceSubject } from '../../src/domain/subject.ts'
import { durableName, storeNames } from '../../src/domain/store-names.ts'
import { eventually } from '../support/keptn-double-server.ts'
import { DEPLOYMENT, eventText, TEST, wanted } from '../support/registrations.ts'
import { PLACE, SCOPE, stampRig } from '../support/stamp-agent.ts'
import type { StampRig } from '../support/stamp-agent.ts'

interface Answer {
  readonly status: number
  readonly text: string
  readonly json: unknown
}

async function call(url: string, method: string, path: string, body?: unknown): Promise<Answer> {
  const response = await fetch(url + path, {
    method,
    headers: { 'content-type': 'application/json', connection: 'close' },
    ...(body === undefined ? {} : { body: typeof body === 'string' ? body : JSON.stringify(body) }),
  })
  const text = await response.text()
  t_json(response)
  return { status: response.status, text, json: JSON.parse(text) }
}

/** Every answer of this API is JSON, errors included. */
function t_json(response: Response): void {
  const type = response.headers.get('content-type') ?? ''
  if (!type.startsWith('application/json')) throw new Error(`answered with ${type}`)
}

const BASE = '/v1/uniform/registration'

async function registerOver(url: string, registration: object): Promise<string> {
  const { json } = await call(url, 'POST', BASE, registration)
  return (json as { id: string }).id
}

/** What is published under `sh.keptn.>` in the stamp, by event id. */
function hears({ nc }: StampRig): Map<string, number> {
  const heard = new Map<string, number>()
  nc.subscribe('sh.keptn.>', {
    callback: (_, message) => {
      const { id } = message.json<{ id: string }>()
      heard.set(id, (heard.get(id) ?? 0) + 1)
    },
  })
  return heard
}

interface Told {
  readonly integrations: readonly { readonly name: string }[] | null
}

function presences(t: ExecutionContext, { gatewayClient }: StampRig): readonly Told[] {
  const told: Told[] = []
  const subscription = gatewayClient.subscribe(presenceSubject(SCOPE, PLACE), {
    callback: (_, message) => {
      told.push(message.json<Told>())
    },
  })
  t.teardown(() => {
    subscription.unsubscribe()
  })
  return told
}

const idOf = (body: string): string => (JSON.parse(body) as { id: string }).id

test('every route answers as shipyard-controller does, at the fixed names and at the proxy path', async (t) => {
  const rig = await stampRig(t)
  const agent = await rig.agent()
  for (const [index, url] of [agent.servicesUrl(), `${agent.httpUrl()}/controlPlane`].entries()) {
    const registration = wanted({ name: `helm-${index}`, stages: ['dev'] })
    const made = await call(url, 'POST', BASE, registration)
    t.is(made.status, 201)
    const { id } = made.json as { id: string }
    t.deepEqual(made.json, { id })
    t.deepEqual(await call(url, 'POST', BASE, registration), { ...made, status: 200 })

    const ping = await call(url, 'PUT', `${BASE}/${id}/ping`)
    t.is(ping.status, 200)
    t.like(ping.json, { id, name: `helm-${index}`, metadata: { hostname: 'node-1' } })
    const { metadata, subscriptions } = ping.json as ReturnType<typeof wanted>
    t.true(Math.abs(Date.parse(metadata.lastseen) - Date.now()) < 5_000)
    t.is(subscriptions.length, 1)
    t.regex(subscriptions[0]?.id ?? '', /^[0-9a-f-]{36}$/)
    t.is(subscriptions[0]?.event, DEPLOYMENT)

    const found = await call(url, 'GET', `${BASE}?name=helm-${index}&stage=dev`)
    t.is(found.status, 200)
    t.deepEqual(
      (found.json as { id: string }[]).map((one) => one.id),
      [id],
    )
    t.is((await call(url, 'GET', `${BASE}?stage=prod`)).text, '[]')

    const list = `${BASE}/${id}/subscription`
    const wish = { event: TEST, filter: { projects: ['shop'], stages: null, services: [] } }
    const added = await call(url, 'POST', list, wish)
    t.is(added.status, 201)
    const sid = (added.json as { id: string }).id
    const kept = { id: sid, event: TEST, filter: { projects: ['shop'], stages: [], services: [] } }
    t.deepEqual((await call(url, 'GET', `${list}/${sid}`)).json, kept)
    t.deepEqual(await call(url, 'PUT', `${list}/mine`, wish), {
      status: 201,
      text: '{"id":"mine"}',
      json: { id: 'mine' },
    })
    t.is(((await call(url, 'GET', list)).json as object[]).length, 3)
    for (const one of [sid, 'mine', subscriptions[0]?.id ?? '']) {
      t.like(await call(url, 'DELETE', `${list}/${one}`), { status: 200, text: '{}' })
    }
    t.like(await call(url, 'GET', list), { status: 200, text: 'null' })
    t.like(await call(url, 'GET', `${list}/mine`), { status: 404 })

    t.like(await call(url, 'DELETE', `${BASE}/${id}`), { status: 200, text: '{}' })
    t.like(await call(url, 'DELETE', `${BASE}/${id}`), { status: 200, text: '{}' })
    t.deepEqual((await call(url, 'PUT', `${BASE}/${id}/ping`)).json, {
      code: 404,
      message: 'uniform integration not found',
    })
    t.deepEqual((await call(url, 'POST', list, wish)).json, {
      code: 404,
      message: 'mongo: no documents in result',
    })
    t.is((await call(url, 'GET', list)).status, 404)
    t.is((await call(url, 'PUT', `${list}/x`, wish)).status, 500)
    t.is((await call(url, 'DELETE', `${list}/x`)).status, 500)
    t.is((await call(url, 'GET', BASE)).text, '[]')
  }
})

test('bad requests are refused in the shape that Keptn has for errors', async (t) => {
  const rig = await stampRig(t)
  const url = (await rig.agent()).servicesUrl()
  const incomplete = await call(url, 'POST', BASE, wanted({ hostname: '' }))
  t.deepEqual(incomplete.json, { code: 400, message: 'incomplete integration: hostname missing' })
  t.is(incomplete.status, 400)
  for (const body of ['{', '', '[]', '{"name":1}']) {
    t.like(await call(url, 'POST', BASE, body), { status: 400, json: { code: 400 } })
  }
  const id = await registerOver(url, wanted())
  t.like(await call(url, 'POST', `${BASE}/${id}/subscription`, '{'), { status: 400 })
  t.like(await call(url, 'POST', BASE, `"${'x'.repeat(1_048_577)}"`), {
    status: 413,
    json: { code: 413 },
  })
  t.deepEqual(await call(url, 'GET', '/v1/project?x=1'), {
    status: 404,
    text: '{"code":404,"message":"this stamp does not carry GET /v1/project yet"}',
    json: { code: 404, message: 'this stamp does not carry GET /v1/project yet' },
  })
  t.like(await call(url, 'GET', '/%zz'), { status: 400, json: { code: 400 } })
  t.deepEqual((await call(url, 'GET', '/health')).json, { status: 'OK' })
})

test('registrations that no presence could carry are refused, and nothing else is', async (t) => {
  const rig = await stampRig(t)
  const agent = await rig.agent()
  const url = agent.servicesUrl()
  const id = await registerOver(url, wanted())
  const events = Array.from(
    { length: 6_000 },
    (_, index) => `sh.keptn.event.task-${index}.triggered`,
  )
  const large = await call(url, 'POST', BASE, wanted({ name: 'large', events }))
  t.like(large, { status: 500, json: { code: 500 } })
  t.is((await call(url, 'PUT', `${BASE}/${id}/ping`)).status, 200)
  t.is(((await call(url, 'GET', BASE)).json as object[]).length, 1)
})

test('logs of integrations are taken and counted', async (t) => {
  const rig = await stampRig(t)
  const agent = await rig.agent()
  const logs = [{ integrationid: 'x', message: 'boom' }, { message: 'bang' }]
  t.like(await call(agent.servicesUrl(), 'POST', '/v1/log', { logs }), { status: 200, text: '{}' })
  t.like(await call(agent.httpUrl(), 'POST', '/controlPlane/v1/log', { logs: null }), {
    status: 200,
  })
  t.like(await call(agent.servicesUrl(), 'POST', '/v1/log', { logs: 1 }), { status: 400 })
  const metrics = await (await fetch(`${agent.adminUrl()}/metrics`)).text()
  t.regex(metrics, /^signet_integration_logs_total 2$/m)
})

test('a registration survives its agent, and pings go on as if nothing had happened', async (t) => {
  const rig = await stampRig(t)
  const first = await rig.agent()
  const id = await registerOver(first.servicesUrl(), wanted())
  const before = await call(first.servicesUrl(), 'PUT', `${BASE}/${id}/ping`)
  const removed = await registerOver(first.servicesUrl(), wanted({ name: 'removed' }))
  await call(first.servicesUrl(), 'DELETE', `${BASE}/${removed}`)
  // The first is left as a crash would leave it: it gets no chance to write anything.
  const second = await rig.agent()
  const after = await call(second.servicesUrl(), 'PUT', `${BASE}/${id}/ping`)
  t.is(after.status, 200)
  const { subscriptions } = before.json as ReturnType<typeof wanted>
  t.deepEqual((after.json as ReturnType<typeof wanted>).subscriptions, subscriptions)
  t.is((await call(second.servicesUrl(), 'PUT', `${BASE}/${removed}/ping`)).status, 404)
  const told = presences(t, rig)
  await rig.gatewayClient.flush()
  const third = await rig.agent()
  await eventually('presence of the third agent', () => told.length > 0)
  t.like(told[0]?.integrations, [{ name: 'helm-service' }])
  t.is((await call(third.servicesUrl(), 'GET', BASE)).status, 200)
})

test('what an integration wants is told at once, and so is that it is gone', async (t) => {
  const rig = await stampRig(t)
  const agent = await rig.agent()
  const told = presences(t, rig)
  await rig.gatewayClient.flush()
  const url = agent.servicesUrl()
  const id = await registerOver(url, wanted({ stages: ['dev'] }))
  await eventually('presence', () => told.length === 1)
  t.deepEqual(told[0]?.integrations, [
    {
      name: 'helm-service',
      subscriptions: [
        { event: DEPLOYMENT, filter: { projects: [], stages: ['dev'], services: [] } },
      ],
    },
  ])
  await call(url, 'PUT', `${BASE}/${id}/ping`)
  const wish = { event: TEST, filter: { projects: [], stages: [], services: [] } }
  await call(url, 'POST', `${BASE}/${id}/subscription`, wish)
  await eventually('presence', () => told.length === 2)
  t.like(told[1]?.integrations?.[0], { subscriptions: [{ event: DEPLOYMENT }, { event: TEST }] })
  await call(url, 'DELETE', `${BASE}/${id}`)
  await eventually('presence', () => told.length === 3)
  t.is(told[2]?.integrations, null)
})

test('a held task is handed over exactly once when its integration comes, and holds up no other', async (t) => {
  const rig = await stampRig(t)
  const agent = await rig.agent({ inFlight: 4 })
  const url = agent.servicesUrl()
  const heard = hears(rig)
  await registerOver(url, wanted({ name: 'helm-service', events: [DEPLOYMENT] }))
  const tester = await registerOver(url, wanted({ name: 'tester', events: [TEST] }))
  await call(url, 'PUT', `${BASE}/${tester}/ping`)

  const held = Array.from({ length: 20 }, (_, index) =>
    eventText(DEPLOYMENT, {}, `context-${index}`),
  )
  for (const body of held) await rig.send(body)
  const free = eventText(TEST, {}, 'context-free')
  await rig.send(free)
  await eventually('the free one is heard', () => heard.has(idOf(free)))
  const behind = eventText('sh.keptn.event.dev.delivery.finished', {}, 'context-0')
  await rig.send(behind)
  await eventually('they are held', async () => {
    const status = (await (await fetch(`${agent.adminUrl()}/status`)).json()) as {
      integrations: { held: number; known: number; alive: number }
    }
    return status.integrations.held === 20 && status.integrations.alive === 1
  })
  t.deepEqual([...heard.keys()], [idOf(free)])
  const metrics = await (await fetch(`${agent.adminUrl()}/metrics`)).text()
  t.regex(metrics, /^signet_held_triggered 20$/m)
  t.regex(metrics, /^signet_registrations 1$/m)

  const helm = await startIntegration({
    name: 'helm-service',
    subscriptions: [{ event: DEPLOYMENT }],
    registrationUrl: url,
    namespace: 'keptn',
    node: 'node-1',
    natsUrl: rig.keptn.url,
    pingMs: 100,
  })
  t.teardown(() => helm.kill())
  await eventually('all are received', () => helm.deliveries().size === 20, 10_000)
  await eventually('what was behind is heard', () => heard.has(idOf(behind)))
  t.deepEqual([...helm.deliveries().keys()].toSorted(), held.map((body) => idOf(body)).toSorted())
  t.true([...helm.deliveries().values()].every((times) => times === 1))
  t.true([...heard.entries()].every(([, times]) => times === 1))
  await eventually('the hub store has its acknowledgements', async () => {
    const state = await rig.hubStore.consumer(storeNames(SCOPE).down, durableName(PLACE.stamp))
    return state?.pending === 0 && state.unacknowledged === 0
  })
})

test('what an agent held comes to the next one', async (t) => {
  const rig = await stampRig(t)
  const first = await rig.agent()
  const heard = hears(rig)
  await registerOver(first.servicesUrl(), wanted())
  const body = eventText(DEPLOYMENT)
  await rig.send(body)
  await eventually('it is held', async () =>
    (await (await fetch(`${first.adminUrl()}/metrics`)).text()).includes('signet_held_triggered 1'),
  )
  await first.stop()
  t.is(heard.size, 0)
  const second = await rig.agent()
  await eventually('it is heard', () => heard.get(idOf(body)) === 1, 15_000)
  t.true(second.reasons().length === 0)
})

test('an acknowledgement of the first hand-out settles the second', async (t) => {
  const rig = await stampRig(t)
  const plan = { stream: storeNames(SCOPE).down, durable: 'short' }
  await rig.hubStore.ensureConsumer({
    ...plan,
    filter: 'signet.>',
    start: { from: 'all' },
    ackWaitMs: 200,
    maxAckPending: 10,
  })
  await rig.send(eventText(DEPLOYMENT))
  const source = await rig.hubStore.read(plan.stream, plan.durable, 1_000_000)
  const attempts: number[] = []
  for await (const delivery of source) {
    attempts.push(delivery.attempt)
    if (delivery.attempt === 1) t.context = delivery
    if (delivery.attempt < 3) continue
    ;(t.context as typeof delivery).ack()
    source.stop()
  }
  t.deepEqual(attempts, [1, 2, 3])
  await eventually('it is settled', async () => {
    const state = await rig.hubStore.consumer(plan.stream, plan.durable)
    return state?.unacknowledged === 0 && state.ackFloor === 1
  })
})
