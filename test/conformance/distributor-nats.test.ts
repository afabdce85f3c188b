import type { ExecutionContext } from 'ava'
import test from 'ava'
import type { NatsConnection } from '@nats-io/transport-node'
import { eventually } from '../support/eventually.ts'
import { Listener } from '../support/listener.ts'
import {
  DEPLOYMENT,
  distributor,
  LIMIT,
  nats,
  REGISTERED,
  ScriptedKeptn,
  ScriptedRecipient,
  triggered,
} from '../support/distributor.ts'

// A distributor in Keptn's own cluster: it hears NATS, and calls Keptn's services (wire 3.3, 3.5, 3.6, 8).

const STARTED = 'sh.keptn.event.deployment.started'

async function cluster(t: ExecutionContext, over: Readonly<Record<string, string>> = {}) {
  const [keptn, recipient] = [await ScriptedKeptn.start(t), await ScriptedRecipient.start(t)]
  const { server, nc } = await nats(t)
  const environment = {
    PUBSUB_URL: server.url,
    SIGNET_KEPTN_SERVICES: `shipyard-controller=${keptn.url},resource-service=${keptn.url}/rs`,
    ...recipient.environment,
    ...over,
  }
  return { keptn, recipient, server, nc, start: () => distributor(t, environment) }
}

async function say(nc: NatsConnection, event: { readonly type: string }): Promise<void> {
  nc.publish(event.type, JSON.stringify(event))
  await nc.flush()
}

test('with a registration, each matching subscription is a post of its own', async (t) => {
  const { keptn, recipient, nc, start } = await cluster(t, REGISTERED)
  keptn.subscriptions = [
    { id: 's1', event: DEPLOYMENT },
    { id: 's2', event: DEPLOYMENT, filter: { projects: ['shop'], stages: ['dev', 'qa'] } },
    { id: 's3', event: DEPLOYMENT, filter: { stages: ['prod'] } },
  ]
  const made = await start()
  await eventually('readiness', () => made.reasons().length === 0, LIMIT)
  await eventually('two heartbeats', () => keptn.asked('PUT', '/ping').length > 1, LIMIT)
  const event = triggered({ id: 'T1' })
  await say(nc, event)
  await say(nc, event)
  await say(nc, triggered({ id: 'T2' }, { stage: 'prod' }))
  await eventually('all', () => recipient.ids.includes('T2 s3'), LIMIT)
  await eventually('all', () => recipient.ids.length >= 4, LIMIT)
  t.deepEqual(recipient.ids.toSorted(), ['T1 s1', 'T1 s2', 'T2 s1', 'T2 s3'])
  const body = JSON.parse(keptn.asked('POST', '/v1/uniform/registration')[0]?.body ?? '') as object
  t.like(body, { metadata: { location: 'control-plane' }, subscriptions: [] })
})

test('without a registration, topics and filters of the environment decide', async (t) => {
  const { keptn, recipient, nc, start } = await cluster(t, {
    PUBSUB_TOPIC: 'sh.keptn.event.*.triggered',
    PROJECT_FILTER: 'shop,bank',
  })
  const made = await start()
  t.deepEqual(made.reasons(), [])
  await eventually(
    'its subscription',
    async () => {
      await say(nc, triggered({ id: 'T0' }))
      return recipient.ids.length > 0
    },
    LIMIT,
  )
  await say(nc, triggered({ id: 'T1' }, { project: 'elsewhere' }))
  await say(nc, triggered({ id: 'T2', type: STARTED }))
  await say(nc, triggered({ id: 'T3' }, { project: 'bank' }))
  await eventually('the last', () => recipient.ids.includes('T3'), LIMIT)
  t.false(recipient.ids.includes('T1') || recipient.ids.includes('T2'))
  t.is(recipient.events.at(-1)?.data.temporaryData, undefined)
  t.is(keptn.http.came.length, 0)
})

test('of a group one member hears each event', async (t) => {
  const { recipient, nc, start } = await cluster(t, {
    PUBSUB_TOPIC: DEPLOYMENT,
    PUBSUB_GROUP: 'my-service',
  })
  await start()
  await start()
  await start()
  for (let n = 0; n < 30; n += 1) await say(nc, triggered({ id: `T${n}` }))
  await eventually('all', () => new Set(recipient.ids).size === 30, LIMIT)
  t.is(recipient.ids.length, 30)
})

test('subscriptions change while it runs, and come back with the connection', async (t) => {
  const { keptn, recipient, server, nc, start } = await cluster(t, REGISTERED)
  keptn.subscriptions = [{ id: 's1', event: DEPLOYMENT }]
  const made = await start()
  await eventually('readiness', () => made.reasons().length === 0, LIMIT)
  const hears = (id: string, over: object) =>
    eventually(
      `${id} is heard`,
      async () => {
        // The test's own connection may not be back yet.
        await say(nc, triggered({ id, ...over })).catch(() => undefined)
        return recipient.ids.some((it) => it.startsWith(`${id} `))
      },
      LIMIT,
    )
  await hears('T1', {})
  keptn.subscriptions = [{ id: 's2', event: 'sh.keptn.event.test.*' }]
  await hears('T2', { type: 'sh.keptn.event.test.triggered' })
  await say(nc, triggered({ id: 'T3' }))
  await server.kill()
  await eventually('trouble', () => made.reasons().join().includes('Keptn NATS'), LIMIT)
  await server.restart()
  await hears('T4', { type: 'sh.keptn.event.test.triggered' })
  t.deepEqual([...new Set(recipient.ids)], ['T1 s1', 'T2 s2', 'T4 s2'])
})

test('a recipient that is slow with one event gets the others, and each context in order', async (t) => {
  const { recipient, nc, start } = await cluster(t, { PUBSUB_TOPIC: DEPLOYMENT })
  const finish: (() => void)[] = []
  recipient.http.respond = ({ body }, response) => {
    if (body.includes('slow')) finish.push(() => response.end())
    else response.end()
  }
  await start()
  await say(nc, triggered({ id: 'slow-1', shkeptncontext: 'slow' }))
  await say(nc, triggered({ id: 'slow-2', shkeptncontext: 'slow' }))
  await say(nc, triggered({ id: 'other' }))
  await eventually('the other one', () => recipient.ids.includes('other'), LIMIT)
  t.false(recipient.ids.includes('slow-2'))
  finish[0]?.()
  await eventually('the next of the slow ones', () => recipient.ids.includes('slow-2'), LIMIT)
  finish[1]?.()
  t.is(recipient.ids.length, 3)
})

test('a recipient that starts late gets its event, and one that refuses gets it four times', async (t) => {
  const { recipient, nc, start } = await cluster(t, { PUBSUB_TOPIC: DEPLOYMENT })
  const made = await start()
  await nc.flush()
  recipient.http.respond = (_, response) => {
    response.statusCode = 500
    response.end()
  }
  await say(nc, triggered({ id: 'T1' }))
  await eventually('four tries', () => recipient.ids.length === 4, LIMIT)
  await eventually('the reason', () => made.reasons().join().includes('answers with 500'), LIMIT)
  recipient.http.respond = (_, response) => {
    response.end()
  }
  await say(nc, triggered({ id: 'T2' }))
  await eventually('no trouble', () => made.reasons().length === 0, LIMIT)
  t.deepEqual(recipient.ids, ['T1', 'T1', 'T1', 'T1', 'T2'])
})

test('a thousand posts of one id are a thousand events on NATS, as they were posted', async (t) => {
  const { nc, start } = await cluster(t)
  const { url } = await start()
  const heard = new Listener(nc, 'sh.keptn.>')
  await nc.flush()
  const event = JSON.stringify(triggered({ id: 'same', type: STARTED, extension: 'kept' }))
  for (let n = 0; n < 20; n += 1) {
    const posts = Array.from({ length: 50 }, () =>
      fetch(`${url}/event`, { method: 'POST', body: event }),
    )
    for (const answer of await Promise.all(posts)) {
      if (answer.status !== 200) t.fail(`answered with ${answer.status}`)
      await answer.text()
    }
  }
  await eventually('all', () => heard.heard.length === 1_000, LIMIT)
  t.true(heard.heard.every(({ subject, text }) => subject === STARTED && text === event))
})

test('an event that NATS does not get is not answered as if it had', async (t) => {
  const { server, nc, start } = await cluster(t)
  const made = await start()
  const post = () =>
    fetch(`${made.url}/event`, {
      method: 'POST',
      body: JSON.stringify(triggered({ type: STARTED })),
    })
  await server.kill()
  await eventually('trouble', () => made.reasons().length > 0, LIMIT)
  t.is((await post()).status, 502)
  await server.restart()
  const heard = new Listener(nc, STARTED)
  // The distributor may be back before the one that listens.
  const isBack = (): Promise<boolean> =>
    nc.rtt().then(
      () => true,
      () => false,
    )
  await eventually('the listener', isBack, LIMIT)
  await eventually('success', async () => (await post()).status === 200, LIMIT)
  await eventually('the event', () => heard.heard.length > 0, LIMIT)
  const ready = await fetch(`${made.url}/readyz`)
  t.is(ready.status, 200)
})

test('an error goes to the log of the integration, once it is registered, and no further', async (t) => {
  const { keptn, nc, start } = await cluster(t, REGISTERED)
  const made = await start()
  await eventually('readiness', () => made.reasons().length === 0, LIMIT)
  const heard = new Listener(nc, 'sh.keptn.>')
  await nc.flush()
  const post = (event: object) =>
    fetch(`${made.url}/event`, { method: 'POST', body: JSON.stringify(event) })
  const error = { type: 'sh.keptn.log.error', triggeredid: 'T1' }
  await post(triggered(error, { message: 'boom', task: 'deployment', integrationid: 'other' }))
  const finished = { type: 'sh.keptn.event.deployment.finished', triggeredid: 'T2' }
  await post(triggered(finished, { status: 'errored', result: 'fail', message: 'bang' }))
  await post(triggered(finished, { status: 'succeeded', result: 'fail', message: 'no' }))
  await eventually('both ends', () => heard.heard.length === 2, LIMIT)
  await made.stop()
  const { logs } = JSON.parse(keptn.asked('POST', '/v1/log')[0]?.body ?? '{}') as {
    logs?: readonly object[]
  }
  t.is(logs?.length, 2)
  t.like(logs?.[0], {
    integrationid: 'other',
    message: 'boom',
    task: 'deployment',
    triggeredid: 'T1',
  })
  t.like(logs?.[1], {
    integrationid: 'reg-1',
    message: 'bang',
    task: 'deployment',
    triggeredid: 'T2',
  })
})

test('the proxy calls the services themselves, with their own paths', async (t) => {
  const { keptn, start } = await cluster(t)
  const { url } = await start()
  for (const [path, mapped] of [
    ['/controlPlane/v1/project?x=1', '/v1/project?x=1'],
    ['/resource-service/v1/project/p/resource/a%2Fb', '/rs/v1/project/p/resource/a%2Fb'],
  ] as const) {
    t.is((await fetch(url + path)).status, 200)
    t.is(keptn.http.targets.at(-1), mapped)
  }
})
