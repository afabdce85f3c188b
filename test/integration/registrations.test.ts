import type { ExecutionContext } from 'ava'
import test from 'ava'
import { presenceSubject } from '../../src/domain/subject.ts'
import { eventually } from '../support/eventually.ts'
import { scraped } from '../support/metrics.ts'
import { DEPLOYMENT, TEST, wanted } from '../support/registrations.ts'
import { PLACE, SCOPE, stampRig } from '../support/stamp-agent.ts'
import type { StampRig } from '../support/stamp-agent.ts'
import { BASE, call, registerOver } from '../support/uniform-calls.ts'

interface Told {
  readonly integrations: readonly { readonly name: string; readonly alive?: boolean }[] | null
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

test('every route answers as shipyard-controller does, at the fixed names and at the proxy path', async (t) => {
  const rig = await stampRig(t)
  const agent = await rig.agent()
  for (const [index, url] of [agent.servicesUrl, agent.proxyUrl].entries()) {
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
  const url = (await rig.agent()).servicesUrl
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
  const unknown = await call(url, 'GET', '/v1/project?x=1')
  t.is(unknown.status, 421)
  t.like(unknown.json, { code: 421, reason: 'no-such-service' })
  t.like(await call(url, 'GET', `${BASE}/%zz`), { status: 400, json: { code: 400 } })
  t.deepEqual((await call(url, 'GET', '/health')).json, { status: 'OK' })
})

test('registrations that no presence could carry are refused, and nothing else is', async (t) => {
  const rig = await stampRig(t)
  const agent = await rig.agent()
  const url = agent.servicesUrl
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

test('logs that cannot be brought to the control plane are not said to be', async (t) => {
  const rig = await stampRig(t)
  const agent = await rig.agent()
  const send = (logs: unknown, url = agent.servicesUrl) => call(url, 'POST', '/v1/log', { logs })
  t.like(await send([{ integrationid: 'x', message: 'boom' }]), { status: 404 })
  t.like(await send([{ message: 'bang' }], agent.proxyUrl), { status: 502, json: { code: 502 } })
  t.like(await send(1), { status: 400 })
  for (const result of ['unknown', 'failed'])
    t.is(await scraped(agent.adminUrl, 'signet_integration_logs_total', { result }), 1)
})

test('a registration survives its agent, and pings go on as if nothing had happened', async (t) => {
  const rig = await stampRig(t)
  const first = await rig.agent()
  const id = await registerOver(first.servicesUrl, wanted())
  const before = await call(first.servicesUrl, 'PUT', `${BASE}/${id}/ping`)
  const removed = await registerOver(first.servicesUrl, wanted({ name: 'removed' }))
  await call(first.servicesUrl, 'DELETE', `${BASE}/${removed}`)
  // The first is left as a crash would leave it: it gets no chance to write anything.
  const second = await rig.agent()
  const after = await call(second.servicesUrl, 'PUT', `${BASE}/${id}/ping`)
  t.is(after.status, 200)
  const { subscriptions } = before.json as ReturnType<typeof wanted>
  t.deepEqual((after.json as ReturnType<typeof wanted>).subscriptions, subscriptions)
  t.is((await call(second.servicesUrl, 'PUT', `${BASE}/${removed}/ping`)).status, 404)
  await Promise.all([first.stop(), second.stop()])
  const told = presences(t, rig)
  await rig.gatewayClient.flush()
  const third = await rig.agent()
  await eventually('presence of the third agent', () => told.length > 0)
  t.like(told[0]?.integrations, [{ name: 'helm-service' }])
  t.is((await call(third.servicesUrl, 'GET', BASE)).status, 200)
})

test('what an integration wants is told at once, and so is that it is gone', async (t) => {
  const rig = await stampRig(t)
  const agent = await rig.agent()
  const told = presences(t, rig)
  await rig.gatewayClient.flush()
  const url = agent.servicesUrl
  const id = await registerOver(url, wanted({ stages: ['dev'] }))
  const last = () => told.at(-1)?.integrations
  await eventually('presence', () => last()?.length === 1)
  t.deepEqual(last(), [
    {
      name: 'helm-service',
      subscriptions: [
        { event: DEPLOYMENT, filter: { projects: [], stages: ['dev'], services: [] } },
      ],
      alive: false,
    },
  ])
  await call(url, 'PUT', `${BASE}/${id}/ping`)
  await eventually('presence says that it listens', () => last()?.[0]?.alive === true)
  const wish = { event: TEST, filter: { projects: [], stages: [], services: [] } }
  await call(url, 'POST', `${BASE}/${id}/subscription`, wish)
  await eventually('presence', () => JSON.stringify(last()).includes(TEST))
  t.like(last()?.[0], { subscriptions: [{ event: DEPLOYMENT }, { event: TEST }] })
  await call(url, 'DELETE', `${BASE}/${id}`)
  await eventually('presence', () => last() === null)
  t.is(last(), null)
})
