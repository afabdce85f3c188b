import { randomUUID } from 'node:crypto'
import { connect } from '@nats-io/transport-node'
import test from 'ava'
import { createAgent } from '../../src/agent.ts'
import { parseTopology } from '../../src/config/topology-parse.ts'
import { startNatsProcess } from '../../src/demo/nats-process.ts'
import { startSupercluster } from '../../src/demo/supercluster.ts'
import { waitUntil } from '../../src/demo/wait-until.ts'
import type { Log } from '../../src/observe/log.ts'
import { scraped } from '../support/metrics.ts'
import { natsServerBinary } from '../support/nats-server.ts'
import { tunnelConfig } from '../support/tunnel-config.ts'

const TOPOLOGY = `
apiVersion: signet/v1
kind: Federation
name: acme
controlPlanes: [{ name: main, home: { geo: eu, stamp: core }, projects: ["*"], store: { domain: hub } }]
rings: [canary]
stages: [{ stage: dev, rings: [canary] }]
---
apiVersion: signet/v1
kind: Geo
geo: eu
---
apiVersion: signet/v1
kind: Ring
geo: eu
ring: canary
stamps: [{ name: frail }]
`

/** Listens to a log for where the agent listens, as people do. */
function listeningLog(heard: (url: string) => void): Log {
  const log: Log = {
    debug: () => undefined,
    info: (facts) => {
      if ('admin' in facts) heard(String(facts.admin))
    },
    warn: () => undefined,
    error: () => undefined,
    child: () => log,
  }
  return log
}

test('a stamp without JetStream delivers once, answers, and says that it is weak', async (t) => {
  t.timeout(60_000)
  const parsed = parseTopology([{ path: 'topology.yaml', text: TOPOLOGY }])
  if (!parsed.ok) throw new Error(JSON.stringify(parsed.mistakes))
  const binary = await natsServerBinary()
  await using servers = await startSupercluster({
    binary,
    geos: ['eu'],
    home: { geo: 'eu', stamp: 'core' },
    stamps: [],
  })
  await servers.ready()
  await using frail = await startNatsProcess({ binary, config: '' })
  const listen = { host: '127.0.0.1', port: 0 }
  const adminUrls = new Map<string, string>()
  const agents = [
    ['core', servers.keptn('core').url],
    ['frail', frail.url],
  ].map(([stamp = '', keptn = '']) =>
    createAgent(
      {
        version: '0.0.0',
        topology: parsed.topology,
        stamp,
        agent: randomUUID(),
        gateway: { servers: [servers.gateway('eu').url], auth: { user: 'fed', password: 'fed' } },
        keptn: { servers: [keptn], auth: {} },
        admin: listen,
        services: listen,
        http: listen,
        inFlight: 64,
        drainMs: 5_000,
        dedupeWindowMs: 60_000,
        retentionMs: 60_000,
        presenceIntervalMs: 200,
        replicas: 1,
        tunnel: tunnelConfig(),
      },
      listeningLog((url) => adminUrls.set(stamp, url)),
    ),
  )
  const home = await connect({ servers: servers.keptn('core').url })
  const stamp = await connect({ servers: frail.url })
  try {
    const seen: string[] = []
    home.subscribe('sh.keptn.event.deployment.*', {
      callback: (_, message) => {
        seen.push(message.json<{ type: string; source: string }>().type)
      },
    })
    let deliveries = 0
    stamp.subscribe('sh.keptn.event.deployment.triggered', {
      callback: (_, message) => {
        deliveries += 1
        const { id } = message.json<{ id: string }>()
        for (const kind of ['started', 'finished'])
          stamp.publish(`sh.keptn.event.deployment.${kind}`, event(kind, `${kind}-1`, id))
      },
    })
    await home.request('$JS.API.STREAM.CREATE.keptn', '{"name":"keptn","subjects":["sh.keptn.>"]}')
    await Promise.all(agents.map((agent) => agent.start()))
    await waitUntil(
      () => (agents.every((agent) => agent.reasons().length === 0) ? true : undefined),
      20_000,
      () => new Error(agents.flatMap((agent) => agent.reasons()).join('; ')),
    )
    const admin = adminUrls.get('frail') ?? ''
    const ready = await fetch(`${admin}/readyz`)
    t.is(ready.status, 200)
    t.regex(JSON.stringify(await ready.json()), /has no JetStream/)
    t.is(await scraped(admin, 'signet_durable'), 0)

    const triggered = event('triggered', 'T1')
    for (let copy = 0; copy < 3; copy += 1)
      home.publish('sh.keptn.event.deployment.triggered', triggered)
    await waitUntil(
      () => (seen.includes('sh.keptn.event.deployment.finished') ? true : undefined),
      20_000,
      () => new Error(`Keptn saw ${seen.join(', ')}`),
    )
    t.is(deliveries, 1)
    t.is(seen.filter((type) => type.endsWith('.started')).length, 1)
    t.is(seen.filter((type) => type.endsWith('.finished')).length, 1)
  } finally {
    await Promise.all(agents.map((agent) => agent.stop()))
    await home.close()
    await stamp.close()
  }
})

function event(kind: string, id: string, triggeredid?: string): string {
  return JSON.stringify({
    specversion: '1.0',
    id,
    source: kind === 'triggered' ? 'shipyard-controller' : 'helm-service',
    type: `sh.keptn.event.deployment.${kind}`,
    time: new Date().toISOString(),
    shkeptncontext: 'context-1',
    ...(triggeredid === undefined ? {} : { triggeredid }),
    data: { project: 'shop', stage: 'dev', service: 'cart', status: 'succeeded', result: 'pass' },
  })
}
