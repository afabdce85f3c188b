import test from 'ava'
import { execFile } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { once } from 'node:events'
import { mkdtemp, rm } from 'node:fs/promises'
import type { IncomingMessage } from 'node:http'
import { createServer } from 'node:http'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { freePort } from '../../src/demo/free-port.ts'
import { answersOf, begin, finishedOf, sectionOf } from '../support/delivery.ts'
import type { Rig } from '../support/federation.ts'
import { eventually, startRig } from '../support/federation.ts'
import { openDoor, PeerProcess, portOf } from './peer-process.ts'

// Programs that are not ours, as they are, against agents as they are. `npm run test:peers` says what it needs.

/** Slow machines build and run slowly; nothing here is decided by time. */
const LIMIT_MS = 90_000
const RESOURCE = '/v1/project/shop/stage/dev/service/cart/resource/job%2Fconfig.yaml'
const DISTRIBUTOR = process.env['KEPTN_DISTRIBUTOR']

let dir = ''
let sdkPeer = ''

test.before('the peer is built with Keptn’s Go SDK', async (t) => {
  t.timeout(10 * 60_000)
  dir = await mkdtemp(join(tmpdir(), 'signet-peers-'))
  sdkPeer = join(dir, 'go-sdk-peer')
  await promisify(execFile)('go', ['build', '-o', sdkPeer, '.'], { cwd: 'test/peers/go-sdk' })
})

test.after.always('the build is removed', async () => {
  await rm(dir, { recursive: true, force: true })
})

test.serial(
  'a service made with the Go SDK works in two stamps as in Keptn’s own cluster',
  async (t) => {
    t.timeout(5 * 60_000)
    await using resources = await startResources()
    await using rig = await stampsWithPeers(resources.url)
    const environment = (stamp: string) => ({
      EVENTBROKER: rig.supercluster.keptn(stamp).url,
      PEER_NAME: 'peer-service',
      PEER_WRITES_LOG: 'true',
      PUBSUB_TOPIC: 'sh.keptn.event.deployment.triggered',
      HEALTH_ENDPOINT_ENABLED: 'false',
      K8S_NAMESPACE: 'keptn',
      K8S_NODE_NAME: 'node-1',
      K8S_POD_NAME: `peer-${stamp}`,
      K8S_DEPLOYMENT_NAME: 'peer-service',
      K8S_DEPLOYMENT_VERSION: '1.0.0',
      LOCATION: 'control-plane',
    })
    await using doorA = await openDoor('127.0.0.2', await servicesPort(rig, 'a'))
    await using doorB = await openDoor('127.0.0.3', await servicesPort(rig, 'b'))
    await using a = await PeerProcess.start(sdkPeer, '127.0.0.2', environment('a'))
    await using b = await PeerProcess.start(sdkPeer, '127.0.0.3', environment('b'))
    t.truthy(doorA)
    t.truthy(doorB)

    const seen = await eventually(
      () => {
        const ours = rig.keptn.registrations().filter(({ name }) => name === 'peer-service')
        return ours.length === 2 && ours
      },
      LIMIT_MS,
      'Keptn lists the peer twice',
    )
    const identity = seen.map(({ metadata }) => [
      metadata.kubernetesmetadata.namespace,
      metadata.location,
    ])
    t.deepEqual(
      identity.toSorted(([x = ''], [y = '']) => x.localeCompare(y)),
      [
        ['keptn.a', 'eu/canary/a'],
        ['keptn.b', 'us/canary/b'],
      ],
    )

    const { context } = await begin(rig)
    const view = await rig.keptn.waitForSequence(context, 'dev', 'delivery', {
      timeoutMs: LIMIT_MS,
    })
    t.deepEqual(answersOf(rig, context, 'deployment'), ['started signet', 'finished signet'])
    t.is(view.outcome?.result, 'pass', [...a.lines, ...b.lines].join('\n'))
    const { stamps } = sectionOf(rig, context, 'deployment')
    t.deepEqual(Object.keys(stamps), ['a', 'b'])

    for (const peer of [a, b]) {
      t.is(peer.said('saw').length, 1)
      t.true(peer.said('resource')[0]?.['resource'] === resources.content)
      // Its own world: one registration, with the namespace that it gave itself.
      const [registrations] = peer.said('registrations')
      const [own = '', ...others] = (registrations?.['registrations'] ?? []) as readonly string[]
      t.deepEqual(others, [])
      t.regex(own, / peer-service keptn$/)
    }
    const logs = await eventually(
      async () => {
        const response = await fetch(`${rig.keptn.url}/v1/log`)
        const { logs: all } = (await response.json()) as {
          logs: readonly { integrationid: string }[]
        }
        return all.length >= 2 && all
      },
      LIMIT_MS,
      'both have written a log',
    )
    t.deepEqual(
      [...new Set(logs.map(({ integrationid }) => integrationid))].toSorted(),
      seen.map(({ id }) => id).toSorted(),
      'each log is that of the registration that Keptn has',
    )
    t.true(
      resources.targets.every((target) => target.split('?')[0] === RESOURCE),
      resources.targets.join(' '),
    )
  },
)

test.serial('a service made with the Go SDK that fails is one failed answer', async (t) => {
  t.timeout(5 * 60_000)
  await using resources = await startResources()
  await using rig = await stampsWithPeers(resources.url)
  await using door = await openDoor('127.0.0.2', await servicesPort(rig, 'a'))
  t.truthy(door)
  await using peer = await PeerProcess.start(sdkPeer, '127.0.0.2', {
    EVENTBROKER: rig.supercluster.keptn('a').url,
    PEER_NAME: 'peer-service',
    PUBSUB_TOPIC: 'sh.keptn.event.deployment.triggered',
    HEALTH_ENDPOINT_ENABLED: 'false',
    K8S_NAMESPACE: 'keptn',
    K8S_NODE_NAME: 'node-1',
  })
  await eventually(() => rig.keptn.registrations().length === 1, LIMIT_MS, 'Keptn lists the peer')
  const { context } = await begin(rig, {
    service: 'failing-cart',
    data: { labels: { 'signet-stamp': 'a' } },
  })
  const view = await rig.keptn.waitForSequence(context, 'dev', 'delivery', { timeoutMs: LIMIT_MS })
  t.is(view.outcome?.result, 'fail')
  const { message } = finishedOf(rig, context, 'deployment') as { message: string }
  t.regex(message, /a failed: told to fail/, peer.lines.join('\n'))
})

const withDistributor = DISTRIBUTOR === undefined ? test.serial.skip : test.serial

withDistributor('Keptn’s own distributor works in a stamp as in Keptn’s own cluster', async (t) => {
  t.timeout(5 * 60_000)
  await using resources = await startResources()
  await using rig = await stampsWithPeers(resources.url)
  await using door = await openDoor('127.0.0.2', await servicesPort(rig, 'a'))
  t.truthy(door)
  const proxyPort = await freePort()
  const proxy = `http://127.0.0.1:${proxyPort}`
  await using service = await startService(proxy)
  await using distributor = await PeerProcess.start(DISTRIBUTOR ?? '', '127.0.0.2', {
    PUBSUB_URL: rig.supercluster.keptn('a').url,
    PUBSUB_TOPIC: 'sh.keptn.event.deployment.triggered',
    PUBSUB_RECIPIENT: '127.0.0.1',
    PUBSUB_RECIPIENT_PORT: `${service.port}`,
    API_PROXY_PORT: `${proxyPort}`,
    HEARTBEAT_INTERVAL: '1s',
    K8S_DEPLOYMENT_NAME: 'old-service',
    K8S_NAMESPACE: 'keptn',
    K8S_POD_NAME: 'old-service-1',
    K8S_NODE_NAME: 'node-1',
    VERSION: '0.1.0',
    DISTRIBUTOR_VERSION: '1.4.5',
  })
  const [registration] = await eventually(
    () => rig.keptn.registrations().length === 1 && rig.keptn.registrations(),
    LIMIT_MS,
    'Keptn lists the distributor’s integration',
  )
  t.is(registration?.name, 'old-service')
  t.is(registration?.metadata.kubernetesmetadata.namespace, 'keptn.a')

  const { context } = await begin(rig, { data: { labels: { 'signet-stamp': 'a' } } })
  const view = await rig.keptn.waitForSequence(context, 'dev', 'delivery', { timeoutMs: LIMIT_MS })
  t.is(view.outcome?.result, 'pass', distributor.lines.join('\n'))
  t.deepEqual(answersOf(rig, context, 'deployment'), ['started signet', 'finished signet'])
  t.is(service.deliveries, 1)

  // Escaped twice it reaches a proxy that takes one away, as wire 3.6 says of the distributor's.
  const answer = await fetch(`${proxy}/resource-service${RESOURCE.replace('%2F', '%252F')}`)
  t.is(answer.status, 200)
  t.is(resources.targets.at(-1), RESOURCE)
})

/** Two stamps, agents in front of whose names there may be doors, and Keptn with a resource service. */
async function stampsWithPeers(resourcesUrl: string): Promise<Rig> {
  const port = await freePort()
  const keptn = `http://127.0.0.1:${port}`
  const services = ['shipyard-controller', 'mongodb-datastore', 'secret-service', 'api-service']
  const rig = await startRig({
    environment: {
      SIGNET_KEPTN_SERVICES: [
        ...services.map((name) => `${name}=${keptn}`),
        `resource-service=${resourcesUrl}`,
      ].join(','),
    },
  })
  try {
    await rig.startKeptn(['deployment'], { port })
    await rig.startAgents()
  } catch (error) {
    await rig[Symbol.asyncDispose]()
    throw error
  }
  return rig
}

async function servicesPort(rig: Rig, stamp: string): Promise<number> {
  return Number(new URL(await rig.agent(stamp).url('services')).port)
}

/** A resource service that has one resource, whatever it is asked for. */
async function startResources() {
  const text = randomBytes(150_000).toString('hex')
  const content = Buffer.from(text).toString('base64')
  const targets: string[] = []
  const server = createServer((request, response) => {
    targets.push(request.url ?? '')
    response.setHeader('content-type', 'application/json')
    response.end(
      JSON.stringify({ resourceURI: 'job/config.yaml', resourceContent: content, metadata: {} }),
    )
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  return {
    url: `http://127.0.0.1:${portOf(server.address())}`,
    /** As a client decodes it. */
    content: text,
    targets,
    async [Symbol.asyncDispose]() {
      server.closeAllConnections()
      server.close()
      await once(server, 'close')
    },
  }
}

/** What stands behind a distributor: it is handed events, and posts its answers back. */
async function startService(proxy: string) {
  let deliveries = 0
  const server = createServer((request, response) => {
    void handle(request).then(() => response.end())
  })
  async function handle(request: IncomingMessage): Promise<void> {
    const parts: Buffer[] = []
    for await (const part of request) parts.push(part as Buffer)
    const event = JSON.parse(Buffer.concat(parts).toString()) as Readonly<Record<string, unknown>>
    deliveries += 1
    const data = event['data'] as Readonly<Record<string, unknown>>
    const { project, stage, service } = data
    for (const [kind, verdict] of [
      ['started', {}],
      ['finished', { status: 'succeeded', result: 'pass' }],
    ] as const) {
      const answer = {
        specversion: '1.0',
        id: crypto.randomUUID(),
        source: 'old-service',
        type: `sh.keptn.event.deployment.${kind}`,
        time: new Date().toISOString(),
        datacontenttype: 'application/json',
        shkeptncontext: event['shkeptncontext'],
        triggeredid: event['id'],
        data: { project, stage, service, ...verdict },
      }
      await fetch(`${proxy}/event`, {
        method: 'POST',
        headers: { 'content-type': 'application/cloudevents+json' },
        body: JSON.stringify(answer),
      })
    }
  }
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  return {
    port: portOf(server.address()),
    get deliveries() {
      return deliveries
    },
    async [Symbol.asyncDispose]() {
      server.closeAllConnections()
      server.close()
      await once(server, 'close')
    },
  }
}
