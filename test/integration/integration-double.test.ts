import type { ExecutionContext } from 'ava'
import test from 'ava'
import { once } from 'node:events'
import { createServer } from 'node:http'
import { startIntegration } from '../../src/demo/integration/integration.ts'
import type { IntegrationOptions } from '../../src/demo/integration/integration-options.ts'
import { rig } from '../support/keptn-by-hand.ts'
import { eventually } from '../support/eventually.ts'

const deployment = { event: 'sh.keptn.event.deployment.triggered' }
const both = [deployment, { event: 'sh.keptn.event.test.triggered' }]

async function integrationRig(t: ExecutionContext, over: Parameters<typeof rig>[1] = {}) {
  const base = await rig(t, over)
  const start = async (options: Partial<IntegrationOptions> = {}) => {
    const integration = await startIntegration({
      natsUrl: base.server.url,
      name: 'helm-service',
      subscriptions: both,
      namespace: 'ns',
      node: 'node-1',
      registrationUrl: base.keptn.url,
      pingMs: 50,
      pingRetryMs: 10,
      ...options,
    })
    t.teardown(async () => integration.kill())
    return integration
  }
  const trigger = (service = 's') => {
    return base.keptn.triggerSequence({
      project: 'shop',
      stage: 'dev',
      sequence: 'delivery',
      service,
    })
  }
  return { ...base, start, trigger }
}

test('a delivery goes through two stages', async (t) => {
  const { keptn, start } = await integrationRig(t)
  const helm = await start({ subscriptions: [deployment], delayMs: 20 })
  const tester = await start({
    name: 'tester',
    subscriptions: [{ event: 'sh.keptn.event.test.triggered', filter: { projects: ['shop'] } }],
    data: { test: { score: 'high' } },
  })
  const { context, id } = await keptn.triggerSequence({
    project: 'shop',
    stage: 'dev',
    sequence: 'delivery',
    service: 'cart',
    data: { configurationChange: { values: { image: 'cart:1' } } },
  })
  const ended = await keptn.waitForSequence(context, 'prod', 'delivery', { timeoutMs: 10_000 })
  t.like(ended.outcome, { result: 'pass', status: 'succeeded' })
  await eventually('all is stored', () => keptn.events(context).length === 16)
  t.deepEqual(keptn.duplicates(), [])
  const types = keptn
    .events(context)
    .map(({ event }) => event.type?.slice('sh.keptn.event.'.length))
  const tasks = ['deployment', 'test'].flatMap((task) =>
    ['triggered', 'started', 'finished'].map((kind) => `${task}.${kind}`),
  )
  t.deepEqual(types, [
    'dev.delivery.triggered',
    ...tasks,
    'dev.delivery.finished',
    'prod.delivery.triggered',
    ...tasks,
    'prod.delivery.finished',
  ])
  t.is(keptn.events(context)[7]?.event.triggeredid, id)
  t.is(keptn.events(context)[8]?.event.gitcommitid, '')
  t.like(keptn.events(context)[9]?.event.data, {
    stage: 'prod',
    configurationChange: { values: { image: 'cart:1' } },
    test: { score: 'high' },
  })
  t.like(keptn.events(context)[4]?.event.data, { test: { teststrategy: 'functional' } })
  t.is(helm.received().length, 2)
  t.deepEqual([...tester.deliveries().values()], [1, 1])
})

test('two replicas share one registration and one queue group', async (t) => {
  const { keptn, start, trigger } = await integrationRig(t)
  const replicas = [await start(), await start()]
  t.is(keptn.registrations().length, 1)
  t.is(replicas[0]?.id, replicas[1]?.id)
  for (let index = 0; index < 20; index += 1) {
    const { context } = await trigger(`s${index}`)
    await keptn.waitForSequence(context, 'dev', 'delivery', { timeoutMs: 5000 })
  }
  const received = replicas.flatMap((replica) => replica.received())
  t.is(received.length, new Set(received.map(({ event }) => event.id)).size)
})

test('two subscriptions to one subject deliver an event twice', async (t) => {
  const { keptn, start, trigger } = await integrationRig(t)
  const integration = await start({ subscriptions: [deployment, deployment], startedOnly: true })
  const { context } = await trigger()
  await eventually('two deliveries', () => integration.received().length === 2)
  t.deepEqual([...integration.deliveries().values()], [2])
  t.is(new Set(integration.received().map(({ subscriptionId }) => subscriptionId)).size, 2)
  const [first] = integration.received()
  t.like(first?.event.data, {
    temporaryData: { distributor: { subscriptionID: first?.subscriptionId } },
  })
  await eventually('two starts', () => keptn.sequence(context)[0]?.tasks[0]?.started === 2)
  t.is(keptn.sequence(context)[0]?.tasks[0]?.finished, 0)
})

test('overlapping subjects are one queue group: an event comes by either, at random', async (t) => {
  const { start, nc } = await integrationRig(t)
  const wildcard = { event: 'sh.keptn.event.*.triggered' }
  const integration = await start({ subscriptions: [deployment, wildcard], startedOnly: true })
  const data = { project: 'shop', stage: 'dev', service: 's' }
  for (let id = 0; id < 50; id += 1) {
    const event = { id: String(id), type: deployment.event, source: 's', data }
    nc.publish(deployment.event, JSON.stringify(event))
  }
  await eventually('all came', () => integration.deliveries().size === 50)
  t.is(integration.received().length, 50)
  t.is(new Set(integration.received().map(({ subscriptionId }) => subscriptionId)).size, 2)
})

test('a filter that does not match keeps an event out', async (t) => {
  const { keptn, start, trigger } = await integrationRig(t)
  const filter = { stages: ['prod'] }
  const deaf = await start({ subscriptions: [{ ...deployment, filter }] })
  const hears = await start({ name: 'other' })
  const { context } = await trigger()
  await keptn.waitForSequence(context, 'dev', 'delivery', { timeoutMs: 5000 })
  await eventually('prod is there', () => deaf.received().length === 1)
  t.like(deaf.received()[0]?.event.data, { stage: 'prod' })
  t.true(hears.received().length >= 3)
})

test('several pairs, a status change and a failed result', async (t) => {
  const { keptn, start, trigger } = await integrationRig(t)
  const integration = await start({
    pairs: 3,
    statusChanged: 'half way',
    handle: () => ({ result: 'fail', message: 'broken' }),
  })
  const { context } = await trigger()
  const ended = await keptn.waitForSequence(context, 'dev', 'delivery', { timeoutMs: 5000 })
  t.like(ended.tasks[0], { started: 3, finished: 3, result: 'fail' })
  t.is(ended.outcome?.message, 'broken')
  const kinds = integration.sent().map(({ type }) => type?.split('deployment.')[1])
  const [started, finished] = [Array(3).fill('started'), Array(3).fill('finished')]
  t.deepEqual(kinds, [...started, 'status.changed', ...finished])
  t.is(new Set(integration.sent().map(({ id }) => id)).size, 7)
})

test('a handler that throws finishes its task as errored', async (t) => {
  const { keptn, start, trigger } = await integrationRig(t)
  await start({
    handle: () => {
      throw new Error('no cluster')
    },
  })
  const { context } = await trigger()
  const ended = await keptn.waitForSequence(context, 'dev', 'delivery', { timeoutMs: 5000 })
  t.like(ended.outcome, { status: 'errored', result: 'fail', message: 'no cluster' })
})

test('a subscription added in the control plane is heard after the next ping', async (t) => {
  const { keptn, start, nc } = await integrationRig(t)
  const integration = await start()
  const path = `/v1/uniform/registration/${integration.id}/subscription`
  const subject = 'sh.keptn.event.extra.triggered'
  const body = JSON.stringify({ event: subject, filter: {} })
  t.is((await fetch(keptn.url + path, { method: 'POST', body })).status, 201)
  const event = { id: 'x', type: subject, source: 's', data: { project: 'shop' } }
  await eventually('it is heard', () => {
    nc.publish(subject, JSON.stringify(event))
    return integration.received().some((received) => received.event.type === subject)
  })
  t.pass()
})

test('a registration that is gone ends the integration after ten failed pings', async (t) => {
  const { keptn, start } = await integrationRig(t)
  const integration = await start({ pingMs: 50 })
  const [known] = keptn.registrations()
  const url = `${keptn.url}/v1/uniform/registration/${known?.id}`
  t.is((await fetch(url, { method: 'DELETE' })).status, 200)
  const end = await integration.ended
  t.is(end.kind, 'pings failed')
  t.regex(end.reason, /404/)
})

test('a registration that fails is not tried again', async (t) => {
  const { start } = await integrationRig(t)
  await t.throwsAsync(start({ node: '' }), { message: /400/ })
})

test('the Host header can be another than the address', async (t) => {
  const { start } = await integrationRig(t)
  const hosts: (string | undefined)[] = []
  const server = createServer((request, response) => {
    hosts.push(request.headers.host)
    response.end(JSON.stringify({ id: 'i', subscriptions: [] }))
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  t.teardown(() => server.close())
  const address = server.address()
  const port = typeof address === 'object' ? address?.port : undefined
  await start({
    registrationUrl: `http://127.0.0.1:${port}`,
    hostHeader: 'shipyard-controller:8080',
  })
  t.deepEqual(hosts.slice(0, 2), ['shipyard-controller:8080', 'shipyard-controller:8080'])
})

test('without a registration its subscriptions are fixed', async (t) => {
  const { keptn, server, trigger } = await integrationRig(t)
  await using fixed = await startIntegration({
    natsUrl: server.url,
    name: 'fixed',
    subscriptions: both,
    namespace: 'ns',
    node: 'n',
  })
  t.is(fixed.id, '')
  const { context } = await trigger()
  await keptn.waitForSequence(context, 'prod', 'delivery', { timeoutMs: 5000 })
  t.deepEqual(keptn.registrations(), [])
})

test('temporary data that is no object kills the integration', async (t) => {
  const { start, nc } = await integrationRig(t)
  const integration = await start()
  const data = { project: 'shop', stage: 'dev', service: 's', temporaryData: null }
  nc.publish(
    deployment.event,
    JSON.stringify({ id: '1', type: deployment.event, source: 's', data }),
  )
  t.is((await integration.ended).kind, 'crashed')
})

test('a stop lets the work end, a kill does not', async (t) => {
  const { start, trigger } = await integrationRig(t)
  const stopped = await start({ delayMs: 100 })
  await trigger('one')
  await eventually('it works', () => stopped.sent().length === 1)
  await stopped.stop()
  t.is(stopped.sent().length, 2)
  const killed = await start({ delayMs: 60_000 })
  await trigger('two')
  await eventually('it works', () => killed.sent().length === 1)
  await killed.kill()
  t.is((await killed.ended).kind, 'killed')
  t.is(killed.sent().length, 1)
})
