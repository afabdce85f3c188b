import { jetstreamManager } from '@nats-io/jetstream'
import type { ExecutionContext } from 'ava'
import test from 'ava'
import { mkdtemp, rm } from 'node:fs/promises'
import type { IncomingMessage } from 'node:http'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { stampInTopology } from '../../src/config/settings-stamp.ts'
import { writeTopology } from '../../src/demo/federation.ts'
import { startKeptnDouble } from '../../src/demo/keptn/keptn-double.ts'
import { KEPTN_SERVICES } from '../../src/domain/keptn-service.ts'
import { diagnose } from '../support/doctor.ts'
import { eventually } from '../support/eventually.ts'
import { httpsAgents, linked } from '../support/https-agent.ts'
import { rig } from '../support/keptn-by-hand.ts'
import { natsServer } from '../support/nats-server.ts'
import { PLACE } from '../support/stamp-agent.ts'

// What is asked over HTTP: Keptn's API, its services, and the agent.

const LIMIT_MS = 60_000
const TOKEN = 't0ken-that-nobody-is-told'
const SHIPYARD = { spec: { stages: [] } }

let topology: string

test.before(async () => {
  topology = await mkdtemp(join(tmpdir(), 'signet-doctor-'))
  await writeTopology(
    {
      binary: '',
      cli: '',
      home: { geo: 'hub', stamp: 'core' },
      rings: ['canary'],
      stamps: [{ name: 'a', geo: 'eu', ring: 'canary' }],
      stages: [{ stage: 'dev', rings: ['canary'] }],
    },
    topology,
  )
})

test.after.always(() => rm(topology, { recursive: true, force: true }))

const environment = (more: Readonly<Record<string, string>> = {}) => ({
  SIGNET_STAMP: 'a',
  SIGNET_TOPOLOGY: topology,
  ...more,
})

/** An HTTP server that answers each path with a text; 404 where there is none. */
async function answering(
  t: ExecutionContext,
  answers: Readonly<Record<string, string>>,
): Promise<string> {
  const server = createServer((request: IncomingMessage, response) => {
    const text = answers[request.url ?? '']
    response.statusCode = text === undefined ? 404 : 200
    response.end(text ?? '<html>not here</html>')
  })
  await new Promise<void>((ready) => server.listen(0, '127.0.0.1', ready))
  t.teardown(() => server.close())
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`
}

const API = ['DOC-901', 'DOC-902', 'DOC-903', 'DOC-904']

test('the Keptn API: away, refusing our token, something else, and as it should be', async (t) => {
  t.timeout(LIMIT_MS)
  await using nats = await natsServer({ jetstream: true })
  const keptn = await startKeptnDouble({ natsUrl: nats.url, shipyard: SHIPYARD, token: TOKEN })
  const at = async (endpoint: string, token = TOKEN) => {
    const env = environment({ KEPTN_API_ENDPOINT: endpoint, KEPTN_API_TOKEN: token })
    const { found, report } = await diagnose(env, { only: API })
    t.false(JSON.stringify(report).includes(token))
    return [...found.keys()]
  }
  t.deepEqual(await at(`${keptn.url}/api`), [])
  t.deepEqual(await at(`${keptn.url}/api`, 'wr0ng-t0ken'), ['DOC-902'])
  t.deepEqual(await at(await answering(t, {})), ['DOC-903'])
  t.deepEqual(await at(await answering(t, { '/v1/metadata': '{}' })), ['DOC-903'])
  const old = await answering(t, { '/v1/metadata': '{"keptnversion":"0.13.2"}' })
  t.deepEqual(await at(old), ['DOC-904'])
  await keptn.stop()
  t.deepEqual(await at(`${keptn.url}/api`), ['DOC-901'])
})

test('registrations: at home too, twice, silent, and of a stamp that nobody knows', async (t) => {
  t.timeout(LIMIT_MS)
  await using nats = await natsServer({ jetstream: true })
  const keptn = await startKeptnDouble({ natsUrl: nats.url, shipyard: SHIPYARD })
  const register = async (namespace: string, location: string, version = '0.15.0') => {
    const subscriptions = [{ event: 'sh.keptn.event.deployment.triggered' }]
    const metadata = {
      hostname: 'node',
      location,
      distributorversion: version,
      kubernetesmetadata: { namespace },
    }
    const body = JSON.stringify({ name: 'helm-service', metadata, subscriptions })
    const url = `${keptn.url}/v1/uniform/registration`
    t.is((await fetch(url, { method: 'POST', body })).status, 201)
  }
  const services = KEPTN_SERVICES.map((name) => `${name}=${keptn.url}`).join(',')
  const env = environment({ SIGNET_STAMP: 'core', SIGNET_KEPTN_SERVICES: services })
  const only = ['DOC-906', 'DOC-912', 'DOC-913', 'DOC-914', 'DOC-915']
  await register('keptn.a', 'eu/canary/a')
  t.deepEqual([...(await diagnose(env, { only })).found.keys()], [])
  await register('keptn', 'control-plane')
  await register('keptn.gone', 'eu/canary/gone', '0.8.0')
  const { found } = await diagnose(env, { only })
  t.deepEqual([...found.keys()], ['DOC-912', 'DOC-914', 'DOC-915'])
  t.regex(found.get('DOC-912')?.join() ?? '', /helm-service in keptn: deployment/)
  const later = { only: ['DOC-913'], over: { now: Date.now() + 3_600_000 } }
  t.is((await diagnose(env, later)).found.get('DOC-913')?.length, 3)
  await keptn.stop()
  const away = await diagnose(env, { only: ['DOC-906', 'DOC-911'] })
  t.is(away.found.get('DOC-906')?.length, KEPTN_SERVICES.length)
  t.true(away.unseen.has('DOC-911'))
})

const AGENT = {
  '/status': JSON.stringify({
    federation: 'demo',
    stamp: 'b',
    version: '0.0.9',
    configuration: { topology: 'another' },
    integrations: {
      list: [
        { name: 'jes', namespace: 'keptn', alive: false, seenSecondsAgo: 90 },
        { name: 'helm', namespace: 'keptn', alive: true, seenSecondsAgo: 1 },
      ],
    },
  }),
  '/readyz': JSON.stringify({ reasons: ['gateway NATS: refused'], warnings: ['it is weak'] }),
  '/metrics': [
    '# TYPE signet_canary_age_seconds gauge',
    'signet_canary_age_seconds{direction="down",stamp="b"} 1.5',
    'signet_canary_age_seconds{direction="up",stamp="b"} 45.2',
  ].join('\n'),
}

test('the agent: away, something else, and one that is not well', async (t) => {
  t.timeout(LIMIT_MS)
  const only = ['agents']
  const agentCodes = (it: Awaited<ReturnType<typeof diagnose>>) =>
    [...it.found.keys()].filter((code) => code >= 'DOC-804')
  const ask = async (agentUrl: string) => diagnose(environment(), { only, agentUrl })
  t.deepEqual(agentCodes(await ask('http://127.0.0.1:1')), ['DOC-804'])
  t.deepEqual(agentCodes(await ask(await answering(t, {}))), ['DOC-805'])
  const ill = await ask(await answering(t, AGENT))
  t.deepEqual(agentCodes(ill), [
    'DOC-806',
    'DOC-807',
    'DOC-808',
    'DOC-809',
    'DOC-810',
    'DOC-811',
    'DOC-812',
  ])
  t.deepEqual(ill.found.get('DOC-811'), ['jes in keptn: last seen 90 s ago'])
  t.deepEqual(ill.found.get('DOC-812'), ['direction="up",stamp="b": 45 s'])
})

test('a stamp whose link is https is looked at without a gateway', async (t) => {
  t.timeout(LIMIT_MS)
  const { keptn } = await rig(t, { token: TOKEN })
  const stamp = await httpsAgents(t, `${keptn.url}/api`, TOKEN)
  const agent = await stamp.agent({ dedupeWindowMs: 86_400_000, retentionMs: 604_800_000 })
  await eventually('readiness', () => agent.reasons().length === 0, LIMIT_MS)
  const env = environment({
    SIGNET_STAMP: PLACE.stamp,
    SIGNET_NATS_URL: `nats://127.0.0.1:${stamp.gateway.port}`,
    NATS_URL: stamp.keptn.url,
    KEPTN_API_ENDPOINT: `${keptn.url}/api`,
    KEPTN_API_TOKEN: TOKEN,
  })
  const topology = linked('https')
  const over = { topology, standing: stampInTopology(topology, { stamp: PLACE.stamp }) }
  const { report, found, unseen } = await diagnose(env, { over, agentUrl: agent.adminUrl })
  t.like(report.counts, { error: 0, warning: 0 }, [...found.keys()].join())
  t.is(stamp.gateway.connections, 0)
  t.regex(unseen.get('DOC-701') ?? '', /has no gateway/)
  t.false(unseen.has('DOC-641'), 'its dead letters lie in the stamp')
  t.false(unseen.has('DOC-801'))
  const { streams } = await jetstreamManager(stamp.nc)
  await streams.delete('SIGNET_acme_main_DLQ')
  const less = await diagnose(env, { over, only: ['DOC-606'] })
  t.deepEqual(less.found.get('DOC-606'), ['the Keptn NATS: SIGNET_acme_main_DLQ'])
})
