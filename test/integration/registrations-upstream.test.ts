import test from 'ava'
import type { Registration } from '../../src/domain/registration.ts'
import { eventually } from '../support/eventually.ts'
import { natsServer } from '../support/nats-server.ts'
import { DEPLOYMENT, TEST, wanted } from '../support/registrations.ts'
import { BASE, call, registerOver } from '../support/uniform-calls.ts'
import { edit, inBridge, LIMIT_MS, ping, uplinkRig as rig, wants } from '../support/uplink-rig.ts'
import { startPod } from '../support/uniform-pod.ts'

const RELEASE = 'sh.keptn.event.release.triggered'

test('two stamps with the same integration are two at the control plane, each with its place', async (t) => {
  const { bridge, caller, url } = await rig(t)
  const keptn = await natsServer({ jetstream: true })
  t.teardown(() => keptn[Symbol.asyncDispose]())
  const other = await startPod(t, { keptn, caller, stamp: 'us-1' })
  await other.lead()
  const ids = [
    await registerOver(url, wanted({ stages: ['dev'] })),
    await registerOver(other.url, wanted({ stages: ['prod'] })),
  ]
  await eventually('both are there', () => bridge.registrations().length === 2, LIMIT_MS)
  const [here, there] = [inBridge(bridge), inBridge(bridge, 'keptn.us-1')]
  t.is(here?.metadata.location, 'eu/canary/eu-1')
  t.is(there?.metadata.location, 'eu/canary/us-1')
  for (const one of [here, there])
    t.like(one, { name: 'helm-service', metadata: { hostname: 'node-1' } })
  await eventually('their subscriptions are', () => {
    const told = [wants(inBridge(bridge)), wants(inBridge(bridge, 'keptn.us-1'))]
    return told.join() === 'deployment dev,deployment prod'
  })
  // Each sees its own world.
  for (const [index, one] of [url, other.url].entries()) {
    const { json } = await call(one, 'GET', BASE)
    t.is((json as object[]).length, 1)
    const [seen] = json as Registration[]
    t.is(seen?.id, ids[index])
    t.is(seen?.metadata.location, 'control-plane')
    t.is(seen?.metadata.kubernetesmetadata.namespace, 'keptn')
    t.deepEqual(
      seen?.subscriptions.map(({ id }) => id),
      [here, there][index] &&
        inBridge(bridge, `keptn.${index === 0 ? 'eu' : 'us'}-1`)?.subscriptions.map(({ id }) => id),
    )
  }
})

test('what is subscribed at the control plane comes with a ping, and what is taken away goes', async (t) => {
  const { bridge, url } = await rig(t)
  const id = await registerOver(url, wanted({ stages: ['dev'] }))
  await eventually('it is there', () => wants(inBridge(bridge)).length === 1, LIMIT_MS)
  await edit(bridge, 'added', TEST, ['prod'])
  await eventually('it comes', async () => wants(await ping(url, id)).length === 2, LIMIT_MS)
  const own = (await ping(url, id)).subscriptions[0]?.id ?? ''
  await edit(bridge, own, DEPLOYMENT, ['hardening'])
  const last = async (): Promise<string> => wants(await ping(url, id)).join()
  await eventually(
    'the edit comes',
    async () => (await last()) === 'deployment hardening,test prod',
    LIMIT_MS,
  )
  await call(bridge.url, 'DELETE', `${BASE}/${inBridge(bridge)?.id}/subscription/${own}`)
  await eventually('it goes', async () => (await last()) === 'test prod', LIMIT_MS)
  t.deepEqual(
    (await ping(url, id)).subscriptions.map((one) => one.id),
    ['added'],
  )
})

test('what is changed in the stamp is changed at the control plane', async (t) => {
  const { bridge, url } = await rig(t)
  const id = await registerOver(url, wanted({ stages: ['dev'] }))
  await eventually('it is there', () => wants(inBridge(bridge)).length === 1, LIMIT_MS)
  const own = inBridge(bridge)?.subscriptions[0]?.id ?? ''
  const list = `${BASE}/${id}/subscription`
  const filter = { projects: [], stages: ['prod'], services: [] }
  await call(url, 'PUT', `${list}/mine`, { event: TEST, filter })
  await call(url, 'PUT', `${list}/${own}`, { event: DEPLOYMENT, filter })
  await eventually(
    'both came',
    () => wants(inBridge(bridge)).join() === 'deployment prod,test prod',
    LIMIT_MS,
  )
  await call(url, 'DELETE', `${list}/${own}`)
  await eventually('one went', () => wants(inBridge(bridge)).join() === 'test prod', LIMIT_MS)
  await registerOver(url, wanted({ version: '2.0' }))
  await eventually(
    'the version came',
    () => inBridge(bridge)?.metadata.integrationversion === '2.0',
    LIMIT_MS,
  )
  t.deepEqual(wants(inBridge(bridge)), ['test prod'])
  await call(url, 'DELETE', `${BASE}/${id}`)
  await eventually('it is gone', () => bridge.registrations().length === 0, LIMIT_MS)
  t.is((await call(url, 'PUT', `${BASE}/${id}/ping`)).status, 404)
})

test('what the control plane forgot is told again, and the integration does not notice', async (t) => {
  const { bridge, url, caller } = await rig(t)
  const id = await registerOver(url, wanted({ events: [DEPLOYMENT, TEST], stages: ['dev'] }))
  await eventually('it is there', () => wants(inBridge(bridge)).length === 2, LIMIT_MS)
  const before = await ping(url, id)
  for (let times = 1; times <= 2; times += 1) {
    await call(bridge.url, 'DELETE', `${BASE}/${inBridge(bridge)?.id}`)
    t.is(inBridge(bridge), undefined)
    await eventually(
      'it is back',
      async () => {
        t.deepEqual((await ping(url, id)).subscriptions, before.subscriptions)
        return wants(inBridge(bridge)).length === 2
      },
      LIMIT_MS,
    )
    t.is(caller.seen('POST').length, 1 + times)
  }
  t.deepEqual((await ping(url, id)).subscriptions, before.subscriptions)
})

test('whoever pings stays at the control plane, and whoever is silent expires there', async (t) => {
  const { bridge, url } = await rig(t, { ttlMs: 2_000 })
  const id = await registerOver(url, wanted({ name: 'lives' }))
  await registerOver(url, wanted({ name: 'silent' }))
  await eventually('both are there', () => bridge.registrations().length === 2, LIMIT_MS)
  const names = () =>
    bridge
      .registrations()
      .map(({ name }) => name)
      .join()
  const gone = async () => {
    await ping(url, id)
    return names() === 'lives'
  }
  await eventually('the silent one is gone', gone, LIMIT_MS)
  const [silent] = (await call(url, 'GET', `${BASE}?name=silent`)).json as Registration[]
  await ping(url, silent?.id ?? '')
  await eventually('it is back with its first ping', () => names().includes('silent'), LIMIT_MS)
  t.pass()
})

test('a stamp that is cut off registers, changes and answers; afterwards both sides are one', async (t) => {
  const { bridge, caller, url } = await rig(t)
  const id = await registerOver(
    url,
    wanted({ events: [DEPLOYMENT, TEST, RELEASE], stages: ['dev'] }),
  )
  await eventually('it is there', () => wants(inBridge(bridge)).length === 3, LIMIT_MS)
  const [first = '', second = '', third = ''] = (await ping(url, id)).subscriptions.map(
    (one) => one.id,
  )
  caller.isCut = true
  const list = `${BASE}/${id}/subscription`
  const here = { projects: [], stages: ['here'], services: [] }
  // The same one on both sides, one on each, and one on each that is new.
  await call(url, 'PUT', `${list}/${first}`, { event: DEPLOYMENT, filter: here })
  await edit(bridge, first, DEPLOYMENT, ['bridge'])
  await edit(bridge, second, TEST, ['bridge'])
  await call(url, 'DELETE', `${list}/${third}`)
  await call(url, 'PUT', `${list}/new-here`, { event: 'sh.keptn.event.new-here.triggered' })
  await edit(bridge, 'new-there', 'sh.keptn.event.new-there.triggered', [])
  const late = await registerOver(url, wanted({ name: 'late' }))
  t.is((await ping(url, late)).name, 'late')
  t.is((await ping(url, id)).subscriptions.length, 3)
  t.is(bridge.registrations().length, 1)

  caller.isCut = false
  const merged = ['deployment bridge', 'new-here ', 'new-there ', 'test bridge']
  await eventually(
    'both are one',
    async () => {
      const [mine, theirs] = [wants(await ping(url, id)), wants(inBridge(bridge))]
      return mine.join() === merged.join() && theirs.join() === merged.join()
    },
    LIMIT_MS,
  )
  await eventually('the late one is there', () => bridge.registrations().length === 2, LIMIT_MS)
  t.deepEqual(wants(inBridge(bridge)), merged)
})

test('an entry that the control plane has already keeps its subscriptions, unless it has none', async (t) => {
  const { bridge, url } = await rig(t)
  for (const [name, events] of [
    ['kept', [RELEASE]],
    ['empty', []],
  ] as const) {
    await registerOver(
      bridge.url,
      wanted({ name, namespace: 'keptn.eu-1', events, hostname: 'gone' }),
    )
  }
  const kept = await registerOver(url, wanted({ name: 'kept', stages: ['dev'] }))
  await registerOver(url, wanted({ name: 'empty', stages: ['dev'] }))
  await eventually(
    'it adopts',
    async () => wants(await ping(url, kept)).join() === 'release ',
    LIMIT_MS,
  )
  const empty = () =>
    bridge.registrations().find(({ name }) => name === 'empty') as Registration | undefined
  await eventually('it is filled', () => wants(empty()).join() === 'deployment dev', LIMIT_MS)
  t.is(bridge.registrations().length, 2)
  t.true(bridge.registrations().every(({ metadata }) => metadata.hostname === 'gone'))
})
