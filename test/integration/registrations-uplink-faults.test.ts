import test from 'ava'
import { setTimeout as sleep } from 'node:timers/promises'
import type { Registration } from '../../src/domain/registration.ts'
import { HttpKeptnCaller } from '../support/http-keptn-caller.ts'
import { eventually } from '../support/eventually.ts'
import { counted } from '../support/metrics.ts'
import { natsServer } from '../support/nats-server.ts'
import { DEPLOYMENT, TEST, wanted } from '../support/registrations.ts'
import { BASE, call, registerOver } from '../support/uniform-calls.ts'
import { edit, inBridge, LIMIT_MS, ping, uplinkRig as rig, wants } from '../support/uplink-rig.ts'
import { controlPlane, QUICK, startPod } from '../support/uniform-pod.ts'

const RELEASE = 'sh.keptn.event.release.triggered'

for (const moment of ['before', 'after'] as const) {
  test(`a call that is lost ${moment} it is applied costs a second one, whichever it is`, async (t) => {
    const { bridge, caller, pod, url } = await rig(t)
    for (let lost = 1; lost <= 6; lost += 1) {
      const name = `integration-${lost}`
      let calls = 0
      caller[moment] = () => {
        calls += 1
        if (calls === lost) throw new Error('lost')
      }
      const id = await registerOver(url, wanted({ name, events: [DEPLOYMENT, TEST, RELEASE] }))
      const entry = () =>
        bridge.registrations().find((one) => one.name === name) as Registration | undefined
      await eventually(
        `${lost}: it is there`,
        async () => {
          await ping(url, id)
          return calls >= lost && wants(entry()).join() === 'deployment ,release ,test '
        },
        LIMIT_MS,
      )
      t.deepEqual(
        entry()
          ?.subscriptions.map((one) => one.id)
          .toSorted(),
        (await ping(url, id)).subscriptions.map((one) => one.id).toSorted(),
      )
    }
    caller[moment] = () => {}
    t.is(bridge.registrations().length, 6)
    const steady = () =>
      pod.registrations
        .everything()
        .every(({ entry }) => entry.upstream?.subscriptions?.length === 3)
    await eventually('it is known to be so', steady, LIMIT_MS)
  })
}

test('many integrations are told one after the other, and seldom', async (t) => {
  const pace = {
    pingMs: 60_000,
    spreadMs: 0,
    backoff: { firstMs: 50, mostMs: 200 },
    outage: { firstMs: 50, mostMs: 200 },
  }
  const { bridge, caller, pod } = await rig(t, { pace })
  // All of them wait, as after an outage.
  await pod.follow()
  const count = 40
  const ids = await Promise.all(
    Array.from({ length: count }, (_, index) =>
      registerOver(pod.url, wanted({ name: `of-${index}` })),
    ),
  )
  await pod.lead()
  const all = () => bridge.registrations().filter((one) => one.subscriptions?.length === 1)
  await eventually('all are there', () => all().length === count, LIMIT_MS)
  t.true(caller.mostOpen <= 4)
  for (const id of [...ids, ...ids, ...ids]) await ping(pod.url, id)
  // As often as it pings, the control plane hears of it once, until the time has come again.
  t.is(caller.seen('PUT', '/ping').length, count)
  const begun = caller.seen('POST').map(({ atMs }) => atMs)
  const [first = 0] = begun
  t.true((begun.at(-1) ?? 0) - first > (count - 5) * 40, 'they are spread over time')
})

test('what the control plane takes and does not keep is not told all the time', async (t) => {
  const backoff = { firstMs: 60_000, mostMs: 60_000 }
  const { bridge, caller, pod, url } = await rig(t, { pace: { ...QUICK, backoff } })
  caller.after = async ({ method }) => {
    if (method !== 'POST') return
    await call(bridge.url, 'DELETE', `${BASE}/${bridge.registrations()[0]?.id}`)
  }
  const id = await registerOver(url, wanted())
  await eventually('it was tried', () => caller.seen('PUT', '/ping').length > 0, LIMIT_MS)
  // In this time it would be tried ten times, if nothing held it back.
  await sleep(500)
  t.is(caller.seen('POST').length, 1)
  t.is((await ping(url, id)).id, id)
  caller.after = () => {}
  await pod.follow()
  await pod.lead()
  await eventually('it is there', () => wants(inBridge(bridge)).length === 1, LIMIT_MS)
})

test('what is subscribed beyond what a stamp can tell of itself is not taken over', async (t) => {
  const { bridge, caller, url } = await rig(t, { maxBytes: 3_000 })
  const id = await registerOver(url, wanted({ stages: ['dev'] }))
  await eventually('it is there', () => wants(inBridge(bridge)).length === 1, LIMIT_MS)
  await edit(bridge, 'large', TEST, ['x'.repeat(3_000)])
  await edit(bridge, 'small', RELEASE, [])
  const other = await registerOver(url, wanted({ name: 'other' }))
  await eventually('others go on', () => bridge.registrations().length === 2, LIMIT_MS)
  const looks = () => caller.seen('PUT', `${inBridge(bridge)?.id}/ping`).length
  const before = looks()
  const looked = async () => {
    await ping(url, id)
    return looks() >= before + 2
  }
  await eventually('it was looked at', looked, LIMIT_MS)
  t.deepEqual(wants(await ping(url, id)), ['deployment dev'])
  await call(bridge.url, 'DELETE', `${BASE}/${inBridge(bridge)?.id}/subscription/large`)
  const both = async () => {
    await ping(url, other)
    return wants(await ping(url, id)).length === 2
  }
  await eventually('what is left fits', both, LIMIT_MS)
})

test('a stamp without JetStream tells the control plane, too', async (t) => {
  const bridge = await controlPlane(t)
  const keptn = await natsServer()
  t.teardown(() => keptn[Symbol.asyncDispose]())
  const pod = await startPod(t, { keptn, caller: new HttpKeptnCaller(() => bridge.url) })
  await pod.lead()
  const id = await registerOver(pod.url, wanted())
  await eventually('it is there', () => wants(inBridge(bridge)).length === 1, LIMIT_MS)
  await call(pod.url, 'DELETE', `${BASE}/${id}`)
  await eventually('it is gone', () => bridge.registrations().length === 0, LIMIT_MS)
  t.pass()
})

test('logs arrive under the id that the control plane knows, and what did not arrive is said', async (t) => {
  const { bridge, caller, pod, url } = await rig(t)
  const id = await registerOver(url, wanted())
  await eventually('it is there', () => inBridge(bridge) !== undefined, LIMIT_MS)
  await eventually('its id is known', () => pod.registrations.entry(id)?.upstream !== undefined)
  const upstream = inBridge(bridge)?.id ?? ''
  t.not(upstream, id)
  const send = (logs: unknown) => call(url, 'POST', '/v1/log', { logs })
  const logs = [
    { integrationid: id, message: 'boom', task: 'deployment', triggeredid: 'T1' },
    { integrationid: 'somebody-else', message: 'not mine' },
  ]
  t.like(await send(logs), { status: 200, text: '{}' })
  const { json } = await call(bridge.url, 'GET', `/v1/log?integrationId=${upstream}`)
  t.like(json, {
    totalCount: 1,
    logs: [{ integrationid: upstream, message: 'boom', task: 'deployment', triggeredid: 'T1' }],
  })
  t.like((await call(bridge.url, 'GET', '/v1/log')).json, { totalCount: 1 })
  t.like(await send([{ integrationid: 'somebody-else' }]), { status: 404, json: { code: 404 } })
  t.like(await send([]), { status: 200 })
  caller.isCut = true
  t.like(await send(logs), { status: 502, json: { code: 502 } })
  for (const [result, count] of Object.entries({ passed: 1, failed: 1, unknown: 3 }))
    t.is(await counted(pod.metrics, 'signet_integration_logs_total', { result }), count)
})

test('what the control plane refuses is tried again, and holds up no other', async (t) => {
  const { bridge, caller, url } = await rig(t)
  // As if a proxy in between answered for this one.
  const broken = new HttpKeptnCaller(() => bridge.url)
  const direct = caller.call.bind(caller)
  let isRefused = true
  caller.call = async (one, signal) => {
    const text = one.body === undefined ? '' : Buffer.from(one.body).toString('utf8')
    if (isRefused && text.includes('"name":"refused"'))
      return { status: 500, headers: [], body: Buffer.from('no') }
    return direct(one, signal)
  }
  const refused = await registerOver(url, wanted({ name: 'refused' }))
  await registerOver(url, wanted({ name: 'taken' }))
  const names = () => bridge.registrations().map(({ name }) => name)
  await eventually('the other is there', () => names().includes('taken'), LIMIT_MS)
  t.false(names().includes('refused'))
  t.is((await ping(url, refused)).name, 'refused')
  isRefused = false
  await eventually('it is there', () => names().includes('refused'), LIMIT_MS)
  t.is(broken.seen().length, 0)
})
