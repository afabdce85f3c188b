import test from 'ava'
import { eventually } from '../support/federation.ts'
import type { Came } from '../support/loopback-http.ts'
import { scraped } from '../support/metrics.ts'
import {
  EVERYTHING,
  ids,
  idOf,
  integration,
  passed,
  posted,
  recipient,
  recipientStatus,
  registered,
} from '../support/recipients.ts'
import { DEPLOYMENT, eventText, TEST } from '../support/registrations.ts'
import { stampRig } from '../support/stamp-agent.ts'
import { readStream } from '../support/stream-reader.ts'
import { BASE, call } from '../support/uniform-calls.ts'

test('an integration with topics and a recipient is registered, alive, and posted its events', async (t) => {
  const rig = await stampRig(t)
  const server = await recipient(t)
  const filter = { ...EVERYTHING, stages: ['dev'] }
  const agent = await rig.agent({
    integrations: [
      integration(server.url, {
        subscriptions: [
          { event: DEPLOYMENT, filter },
          { event: 'sh.keptn.event.*.triggered', filter: EVERYTHING },
        ],
      }),
    ],
  })
  const [known, ...more] = await registered(agent)
  t.is(more.length, 0)
  t.like(known, {
    name: 'helm-service',
    metadata: { location: 'eu/canary/eu-1', kubernetesmetadata: { namespace: 'keptn' } },
  })
  const event = eventText(DEPLOYMENT, { message: 'hello' })
  const other = eventText(DEPLOYMENT, { stage: 'prod' })
  await rig.send(event)
  await rig.send(other)
  await eventually(() => server.came.length >= 3, 20_000, 'both are posted')
  t.deepEqual(ids(server), [idOf(event), idOf(event), idOf(other)])
  const subscriptionIds = known?.subscriptions.map(({ id }) => id) ?? []
  t.deepEqual(
    server.came.map((one) => posted(one).data.temporaryData.distributor.subscriptionID),
    [...subscriptionIds, subscriptionIds[1]],
  )
  const [first] = server.came
  t.like(first, { method: 'POST', path: '/events' })
  t.is(first?.headers['content-type'], 'application/cloudevents+json')
  t.like(JSON.parse(first?.body ?? ''), {
    specversion: '1.0',
    source: 'shipyard-controller',
    type: DEPLOYMENT,
    triggeredid: '',
    data: { message: 'hello' },
  })
  t.like((await recipientStatus(agent))[0], {
    name: 'helm-service',
    recipient: new URL(server.url).host,
  })
  t.is(await scraped(agent.adminUrl, 'signet_recipient_posts_total', { result: 'taken' }), 3)
})

test('what is subscribed in the Bridge is honoured, and outlives the agent', async (t) => {
  const rig = await stampRig(t)
  const server = await recipient(t)
  const integrations = [integration(server.url)]
  const agent = await rig.agent({ integrations })
  const [known] = await registered(agent)
  const path = `${BASE}/${known?.id}/subscription`
  const [old] = known?.subscriptions ?? []
  const added = await call(agent.servicesUrl, 'POST', path, {
    event: TEST,
    filter: { ...EVERYTHING, services: ['cart'] },
  })
  await call(agent.servicesUrl, 'DELETE', `${path}/${old?.id}`)
  const dropped = eventText(DEPLOYMENT)
  const filtered = eventText(TEST, { service: 'other' })
  const wanted = eventText(TEST)
  for (const text of [dropped, filtered, wanted]) await rig.send(text)
  await eventually(() => server.came.length > 0, 20_000, 'it is posted')
  await agent.stop()
  await rig.agent({ integrations })
  const later = eventText(TEST)
  await rig.send(later)
  await eventually(() => ids(server).includes(idOf(later)), 20_000, 'it is posted after a restart')
  t.deepEqual(ids(server), [idOf(wanted), idOf(later)])
  const { id } = added.json as { id: string }
  t.is(posted(server.came[0] as Came).data.temporaryData.distributor.subscriptionID, id)
})

test('a new integration begins with what is said from then on', async (t) => {
  const rig = await stampRig(t)
  const server = await recipient(t)
  const before = await rig.agent()
  const early = eventText(DEPLOYMENT, {}, 'early')
  await rig.send(early)
  const isIn = async () =>
    (await readStream(rig.nc, 'SIGNET_LOCAL')).some(({ subject }) => subject === DEPLOYMENT)
  await eventually(isIn, 20_000, 'it is in the stamp')
  await before.stop()
  await rig.agent({ integrations: [integration(server.url)] })
  await passed(rig, server)
  t.false(ids(server).includes(idOf(early)))
})

test('one that is not registered gets its events without a subscription, and the hub hears of it', async (t) => {
  const rig = await stampRig(t)
  const server = await recipient(t)
  const said: unknown[] = []
  rig.gatewayClient.subscribe('signet.acme.presence.main.>', {
    callback: (_, message) => void said.push(message.json()),
  })
  await rig.gatewayClient.flush()
  const agent = await rig.agent({
    integrations: [integration(server.url, { isRegistered: false })],
  })
  const event = eventText(DEPLOYMENT)
  await rig.send(event)
  await eventually(() => server.came.length > 0, 20_000)
  t.deepEqual(posted(server.came[0] as Came).data.temporaryData, undefined as never)
  t.deepEqual(await registered(agent), [])
  t.like(said[0], {
    integrations: [
      { name: 'helm-service', subscriptions: [{ event: DEPLOYMENT, filter: EVERYTHING }] },
    ],
  })
})

test('one that was removed from the registrations is registered again', async (t) => {
  const rig = await stampRig(t)
  const server = await recipient(t)
  const agent = await rig.agent({ integrations: [integration(server.url)] })
  const [known] = await registered(agent)
  await call(agent.servicesUrl, 'DELETE', `${BASE}/${known?.id}`)
  await eventually(async () => (await registered(agent)).length === 1, 20_000, 'it is back')
  await passed(rig, server)
  t.pass()
})

test('without JetStream a recipient gets what is said while the agent runs', async (t) => {
  const rig = await stampRig(t, { jetstream: false })
  const server = await recipient(t)
  await rig.agent({ integrations: [integration(server.url)] })
  const event = eventText(DEPLOYMENT)
  await rig.send(event)
  await eventually(() => server.came.length > 0, 20_000)
  t.deepEqual(ids(server), [idOf(event)])
})
