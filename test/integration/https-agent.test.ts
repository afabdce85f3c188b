import type { ExecutionContext } from 'ava'
import test from 'ava'
import { createAgent } from '../../src/agent.ts'
import { startIntegration } from '../../src/demo/integration/integration.ts'
import { eventually } from '../support/eventually.ts'
import { httpsAgents, linked } from '../support/https-agent.ts'
import { rig } from '../support/keptn-by-hand.ts'
import { eventOf, NOTICE } from '../support/keptn-event.ts'
import { scraped } from '../support/metrics.ts'
import { rawCall } from '../support/raw-http.ts'
import { silent } from '../support/registrations.ts'
import { tunnelConfig } from '../support/tunnel-config.ts'

const LIMIT = 60_000
const TOKEN = 'sesame'

/** Keptn with its API, and a stamp with an agent whose link is HTTPS. */
async function federation(t: ExecutionContext) {
  t.timeout(180_000)
  const { keptn, byHand, nc } = await rig(t, { token: TOKEN })
  const stamp = await httpsAgents(t, `${keptn.url}/api`, TOKEN)
  const agent = await stamp.agent()
  return { keptn, byHand, home: nc, stamp, agent }
}

/** An integration of the stamp that registers at its agent and listens for notices. */
async function listening(t: ExecutionContext, stamp: { keptn: { url: string } }, url: string) {
  const integration = await startIntegration({
    natsUrl: stamp.keptn.url,
    name: 'notifier',
    namespace: 'keptn',
    node: 'node-1',
    subscriptions: [{ event: NOTICE }],
    registrationUrl: url,
    pingMs: 200,
  })
  t.teardown(() => integration.kill())
  return integration
}

test('a stamp whose link is https gets, sends and registers over HTTPS alone, and turns to no gateway', async (t) => {
  const { keptn, byHand, stamp, agent } = await federation(t)
  await listening(t, stamp, agent.servicesUrl)
  await eventually('readiness', () => agent.reasons().length === 0, LIMIT)
  // Registered, under a namespace of its stamp, and kept alive.
  const seen = () => keptn.registrations().find(({ name }) => name === 'notifier')
  await eventually('it is in the Bridge', () => (seen()?.subscriptions?.length ?? 0) > 0, LIMIT)
  t.is(seen()?.metadata.kubernetesmetadata.namespace, 'keptn.eu-1')
  t.is(seen()?.metadata.location, 'eu/canary/eu-1')
  // Down.
  const run = await byHand()
  for (const task of ['deployment', 'test']) {
    const id = await run.task(task)
    await run.answer(task, 'started', id)
    await run.answer(task, 'finished', id)
  }
  await eventually('the notice', () => stamp.heard.withType(NOTICE).length === 1, LIMIT)
  // Up: the id changes on the way, the context stays.
  const trigger = eventOf('sh.keptn.event.dev.delivery.triggered', { source: 'cli' })
  stamp.nc.publish(trigger.type, JSON.stringify(trigger))
  await eventually(
    'the sequence runs',
    () => keptn.sequence(trigger.shkeptncontext).length > 0,
    LIMIT,
  )
  t.is(stamp.gateway.connections, 0, 'nobody came to the gateway')

  const status = (await (await fetch(`${agent.adminUrl}/status`)).json()) as Record<string, object>
  t.deepEqual(Object.keys(status['links'] ?? {}), ['keptn', 'https'])
  t.like(status['links'], { https: { endpoint: `${keptn.url}/api`, polls: true } })
  t.notRegex(JSON.stringify(status), new RegExp(TOKEN))
  t.is(await scraped(agent.adminUrl, 'signet_link_up', { link: 'https' }), 1)
  t.is(await scraped(agent.adminUrl, 'signet_link_up', { link: 'gateway' }), undefined)
  t.true(((await scraped(agent.adminUrl, 'signet_polls_total', { result: 'ok' })) ?? 0) > 0)
})

test('what integrations ask of Keptn goes to its API with the token of the agent, and what is closed stays closed', async (t) => {
  const { keptn, stamp, agent } = await federation(t)
  const host = 'shipyard-controller:8080'
  const ask = async (target: string, method = 'GET', body?: string) =>
    rawCall(agent.servicesUrl, {
      target,
      method,
      host,
      headers: ['x-token', 'somebody else’s'.replace('’', "'")],
      body: body === undefined ? undefined : Buffer.from(body),
    })
  const projects = await ask('/v1/project')
  t.is(projects.status, 200)
  t.regex(projects.body.toString(), /shop/)
  const proxied = await rawCall(agent.httpUrl, { target: '/controlPlane/v1/project' })
  t.is(proxied.status, 200)
  const refusals: readonly (readonly [string, string, string])[] = [
    ['POST', '/v1/event', 'denied'],
    ['POST', '/v1/project', 'not-allowed'],
    ['GET', '/v1/uniform%2Fregistration', 'not-allowed'],
    ['GET', '//v1/uniform/registration', 'not-allowed'],
  ]
  for (const [method, target, reason] of refusals) {
    const answer = await ask(target, method, method === 'POST' ? '{}' : undefined)
    t.is(answer.status, 403, `${method} ${target}`)
    t.is((JSON.parse(answer.body.toString()) as { reason: string }).reason, reason, target)
  }
  // Logs name an integration by the id that the stamp gave it.
  const integration = await listening(t, stamp, agent.servicesUrl)
  await eventually('it is in the Bridge', () => keptn.registrations().length === 1, LIMIT)
  const logs = { logs: [{ integrationid: integration.id, message: 'boom' }] }
  await eventually(
    'the log is taken',
    async () => (await ask('/v1/log', 'POST', JSON.stringify(logs))).status === 200,
    LIMIT,
  )
  const upstream = keptn.registrations()[0]?.id ?? ''
  t.not(upstream, integration.id)
  const read = await fetch(`${keptn.url}/api/controlPlane/v1/log?integrationId=${upstream}`, {
    headers: { 'x-token': TOKEN },
  })
  t.regex(await read.text(), /boom/)
})

test('an agent that restarts brings nothing again, and sends nothing again', async (t) => {
  const { keptn, byHand, stamp, agent } = await federation(t)
  await listening(t, stamp, agent.servicesUrl)
  const run = await byHand()
  for (const task of ['deployment', 'test']) {
    const id = await run.task(task)
    await run.answer(task, 'started', id)
    await run.answer(task, 'finished', id)
  }
  await eventually('the notice', () => stamp.heard.withType(NOTICE).length === 1, LIMIT)
  const trigger = eventOf('sh.keptn.event.dev.delivery.triggered', { source: 'cli' })
  stamp.nc.publish(trigger.type, JSON.stringify(trigger))
  const posted = () =>
    keptn.events(trigger.shkeptncontext).filter(({ event }) => event.type === trigger.type)
  await eventually('it is there', () => posted().length > 0, LIMIT)
  await agent.stop()
  const next = await stamp.agent()
  const polls = () => scraped(next.adminUrl, 'signet_polls_total', { result: 'ok' })
  await eventually('several rounds', async () => ((await polls()) ?? 0) >= 5, LIMIT)
  t.is(stamp.heard.withType(NOTICE).length, 1)
  t.is(posted().length, 1)
})

test('a stamp with both links starts without its gateway, and polls when that has been gone for long enough', async (t) => {
  t.timeout(180_000)
  const { keptn, byHand } = await rig(t, { token: TOKEN })
  const stamp = await httpsAgents(t, `${keptn.url}/api`, TOKEN)
  const agent = await stamp.agent({ topology: linked('auto') })
  await listening(t, stamp, agent.servicesUrl)
  const run = await byHand()
  for (const task of ['deployment', 'test']) {
    const id = await run.task(task)
    await run.answer(task, 'started', id)
    await run.answer(task, 'finished', id)
  }
  await eventually('the notice', () => stamp.heard.withType(NOTICE).length === 1, LIMIT)
  await eventually('readiness', () => agent.reasons().length === 0, LIMIT)
  t.true(stamp.gateway.connections > 0, 'it goes on trying')
  const readyz = (await (await fetch(`${agent.adminUrl}/readyz`)).json()) as { warnings: string[] }
  t.regex(readyz.warnings.join(), /NATS is gone, and the stamp is reached over HTTPS/)
  const https = { link: 'https', reason: 'nats-gone' }
  t.is(await scraped(agent.adminUrl, 'signet_link_switches_total', https), 1)
  await agent.stop()
})

test('a link of https without an endpoint is refused, with the way out', (t) => {
  const any = { host: '127.0.0.1', port: 0 }
  const error = t.throws(() =>
    createAgent(
      {
        version: '0.0.0',
        topology: linked('https'),
        stamp: 'eu-1',
        agent: 'a',
        gateway: { servers: [], auth: {} },
        keptn: { servers: [], auth: {} },
        admin: any,
        services: any,
        http: any,
        inFlight: 1,
        drainMs: 1,
        dedupeWindowMs: 1,
        retentionMs: 1,
        presenceIntervalMs: 1,
        replicas: 1,
        tunnel: tunnelConfig(),
      },
      silent,
    ),
  )
  t.like(error, { code: 'SIGNET_CONFIG_INVALID' })
  t.regex(
    error?.message ?? '',
    /link of this stamp is https.*KEPTN_API_ENDPOINT is not set\. Set it/s,
  )
})
