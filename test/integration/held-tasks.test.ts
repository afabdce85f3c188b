import test from 'ava'
import { startIntegration } from '../../src/demo/integration/integration.ts'
import { durableName, storeNames } from '../../src/domain/store-names.ts'
import type { Delivery } from '../../src/links/delivery.ts'
import { eventually } from '../support/eventually.ts'
import { scraped } from '../support/metrics.ts'
import { DEPLOYMENT, eventText, TEST, wanted } from '../support/registrations.ts'
import { PLACE, SCOPE, stampRig } from '../support/stamp-agent.ts'
import type { StampAgent, StampRig } from '../support/stamp-agent.ts'
import { BASE, call, registerOver } from '../support/uniform-calls.ts'

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

async function isHolding({ adminUrl }: StampAgent, count: number): Promise<boolean> {
  return (await scraped(adminUrl, 'signet_held_triggered')) === count
}

const idOf = (body: string): string => (JSON.parse(body) as { id: string }).id

test('a held task is handed over exactly once when its integration comes, and holds up no other', async (t) => {
  const rig = await stampRig(t)
  const agent = await rig.agent({ inFlight: 4 })
  const url = agent.servicesUrl
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
    const status = (await (await fetch(`${agent.adminUrl}/status`)).json()) as {
      integrations: { held: number; known: number; alive: number }
    }
    return status.integrations.held === 20 && status.integrations.alive === 1
  })
  t.deepEqual([...heard.keys()], [idOf(free)])
  t.is(await scraped(agent.adminUrl, 'signet_held_triggered'), 20)
  t.is(await scraped(agent.adminUrl, 'signet_registrations'), 1)

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
  const id = await registerOver(first.servicesUrl, wanted())
  const body = eventText(DEPLOYMENT)
  await rig.send(body)
  await eventually('it is held', () => isHolding(first, 1))
  await first.stop()
  t.is(heard.size, 0)
  const second = await rig.agent()
  await eventually('it is held again', () => isHolding(second, 1), 15_000)
  t.is(heard.size, 0)
  await call(second.servicesUrl, 'PUT', `${BASE}/${id}/ping`)
  await eventually('it is heard', () => heard.get(idOf(body)) === 1)
  t.deepEqual(second.reasons(), [])
})

test('after a restart tasks pass at once to whoever had pinged before', async (t) => {
  const rig = await stampRig(t)
  const first = await rig.agent()
  const heard = hears(rig)
  const id = await registerOver(first.servicesUrl, wanted())
  await call(first.servicesUrl, 'PUT', `${BASE}/${id}/ping`)
  await first.stop()
  await rig.agent()
  const body = eventText(DEPLOYMENT)
  await rig.send(body)
  await eventually('it is heard', () => heard.get(idOf(body)) === 1)
  t.pass()
})

test('a stamp without JetStream knows its integrations as long as its agent lives', async (t) => {
  const rig = await stampRig(t, { jetstream: false })
  const agent = await rig.agent()
  const heard = hears(rig)
  const id = await registerOver(agent.servicesUrl, wanted())
  const body = eventText(DEPLOYMENT)
  await rig.send(body)
  await eventually('it is held', () => isHolding(agent, 1))
  t.is(heard.size, 0)
  t.is((await call(agent.servicesUrl, 'PUT', `${BASE}/${id}/ping`)).status, 200)
  await eventually('it is heard', () => heard.get(idOf(body)) === 1)
  await agent.stop()
  const next = await rig.agent()
  t.is((await call(next.servicesUrl, 'PUT', `${BASE}/${id}/ping`)).status, 404)
})

test('an acknowledgement of the first hand-out settles the second', async (t) => {
  const rig = await stampRig(t)
  const plan = { stream: storeNames(SCOPE).down, durable: 'short' }
  await rig.hubStore.ensureConsumer({
    ...plan,
    filter: 'signet.>',
    start: { from: 'all' },
    ackWaitMs: 300,
    maxAckPending: 10,
  })
  await rig.send(eventText(DEPLOYMENT))
  const state = await rig.hubStore.consumer(plan.stream, plan.durable)
  if (state === undefined) throw new Error('the consumer is gone')
  const source = rig.hubStore.read(plan.stream, plan.durable, state, 1_000_000)
  const handedOut: Delivery[] = []
  for await (const delivery of source) {
    handedOut.push(delivery)
    if (handedOut.length < 3) continue
    handedOut[0]?.ack()
    source.stop()
  }
  // A slow machine hands it out once more before it stops.
  t.deepEqual(
    handedOut.slice(0, 3).map(({ attempt }) => attempt),
    [1, 2, 3],
  )
  await eventually('it is settled', async () => {
    const state = await rig.hubStore.consumer(plan.stream, plan.durable)
    return state?.unacknowledged === 0 && state.ackFloor === 1
  })
})
