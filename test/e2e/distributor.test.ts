import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'
import type { ExecutionContext } from 'ava'
import test from 'ava'
import { randomUUID } from 'node:crypto'
import { eventually } from '../support/eventually.ts'
import { rig } from '../support/keptn-by-hand.ts'
import type { Came } from '../support/loopback-http.ts'
import { LoopbackHttp } from '../support/loopback-http.ts'

const CLI = fileURLToPath(new URL('../../src/cli.js', import.meta.url))
const LIMIT = 60_000

/** `signet distributor` as a process, with nothing but that environment. */
function run(t: ExecutionContext, environment: Readonly<Record<string, string>>) {
  const child = spawn(process.execPath, [CLI, 'distributor'], {
    env: { API_PROXY_PORT: '0', ...environment },
    cwd: '/',
    stdio: ['ignore', 'ignore', 'pipe'],
  })
  t.teardown(() => child.kill('SIGKILL'))
  let lines = ''
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    lines += text
  })
  const url = () => /"url":"(http:[^"]+)"/.exec(lines)?.[1]
  return { child, log: () => lines, url: () => eventually('its address', url, LIMIT) }
}

for (const mode of ['NATS', 'HTTP'] as const) {
  test(`in ${mode} mode a delivery passes with the environment of a distributor alone`, async (t) => {
    t.timeout(180_000)
    const { keptn, server } = await rig(t, { token: 'sesame' })
    const integration = await LoopbackHttp.start(() => {})
    t.teardown(() => integration[Symbol.asyncDispose]())
    const { child, log, url } = run(t, {
      K8S_DEPLOYMENT_NAME: 'my-service',
      K8S_NAMESPACE: 'keptn',
      PUBSUB_TOPIC: 'sh.keptn.event.deployment.triggered,sh.keptn.event.test.triggered',
      STAGE_FILTER: 'dev',
      PUBSUB_RECIPIENT_PORT: String(integration.port),
      HTTP_POLLING_INTERVAL: '1',
      ...(mode === 'NATS'
        ? {
            PUBSUB_URL: server.url,
            SIGNET_KEPTN_SERVICES: `shipyard-controller=${keptn.url}`,
          }
        : { KEPTN_API_ENDPOINT: `${keptn.url}/api`, KEPTN_API_TOKEN: 'sesame' }),
    })
    const address = await url()
    integration.respond = async ({ body }: Came, response) => {
      response.end()
      const { id, type, shkeptncontext, data } = JSON.parse(body) as Record<string, unknown>
      for (const kind of ['started', 'finished']) {
        const answer = {
          specversion: '1.0',
          id: randomUUID(),
          source: 'my-service',
          type: String(type).replace(/triggered$/, kind),
          shkeptncontext,
          triggeredid: id,
          data: { ...(data as object), status: 'succeeded', result: 'pass' },
        }
        const posted = await fetch(`${address}/event`, {
          method: 'POST',
          body: JSON.stringify(answer),
        })
        if (posted.status !== 200) throw new Error(`answered with ${posted.status}`)
      }
    }
    const ready = async () => (await fetch(`${address}/readyz`)).status === 200
    await eventually('readiness', ready, LIMIT)
    t.like(keptn.registrations()[0], {
      name: 'my-service',
      metadata: { location: mode === 'NATS' ? 'control-plane' : 'remote-execution-plane' },
    })
    const trigger = { project: 'shop', stage: 'dev', sequence: 'delivery', service: 'cart' }
    const { context } = await keptn.triggerSequence(trigger)
    const view = await keptn.waitForSequence(context, 'dev', 'delivery', { timeoutMs: LIMIT })
    t.is(view.outcome?.result, 'pass')
    t.is(integration.came.length, 2)
    child.kill('SIGTERM')
    const [code] = (await once(child, 'exit')) as [number | null]
    t.is(code, 0, log())
    t.false(log().includes('sesame'))
  })
}

test('a mistake in the environment ends it with 2, and says where', async (t) => {
  t.timeout(60_000)
  const { child, log } = run(t, { KEPTN_API_ENDPOINT: 'keptn.example', HTTP_SSL_VERIFY: 'perhaps' })
  const [code] = (await once(child, 'exit')) as [number | null]
  t.is(code, 2)
  t.regex(log(), /KEPTN_API_ENDPOINT: expected an http:\/\/ or https:\/\/ URL/)
  t.regex(log(), /HTTP_SSL_VERIFY: expected true or false/)
})
