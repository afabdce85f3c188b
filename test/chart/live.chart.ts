import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import test from 'ava'
import { AgentProcess } from '../../src/demo/agent-process.ts'
import { freePorts } from '../../src/demo/free-port.ts'
import { startKeptnDouble } from '../../src/demo/keptn/keptn-double.ts'
import type { NatsProcess } from '../../src/demo/nats-process.ts'
import { passwordOf, securedServers } from '../../src/demo/secured-servers.ts'
import type { Supercluster } from '../../src/demo/supercluster.ts'
import { startSupercluster } from '../../src/demo/supercluster.ts'
import type { FederationStatus } from '../../src/domain/federation-status.ts'
import { eventually } from '../support/federation.ts'
import { example, render } from '../support/helm.ts'
import { layOut } from '../support/kubelet.ts'
import { answers, startNats } from '../support/laid-nats.ts'
import type { Manifest } from '../support/manifest.ts'
import { find, probesOf } from '../support/manifest.ts'
import { natsServerBinary } from '../support/nats-server.ts'
import { runCommand } from '../support/run-command.ts'

// The manifests of the example values, run: gateway servers and Keptn's own NATS are the demo's, with the accounts of
// `signet topology nats-config`; hub store, Keptn NATS of the stamp and agents are what the chart makes of them.

const CLI = fileURLToPath(new URL('../../src/cli.js', import.meta.url))
const HOME = 'eu-core-1'
const STAMP = 'us-canary-1'
const OVER_HTTPS = 'ap-canary-1'
/** Letters and digits: nats-server reads them as a part of its configuration. */
const SECRETS = {
  'signet-store': {
    NATS_PASSWORD_STORE_MAIN: 'store4main',
    NATS_PASSWORD_ADMIN_MAIN: 'admin4main',
    NATS_PASSWORD_SYS: 'sys4all',
    NATS_PASSWORD_ROUTE: 'routes4us',
  },
  'keptn-api-token': { 'keptn-api-token': 'token4keptn' },
}

test('the examples make a home stamp with three stores, and two stamps that it drives', async (t) => {
  t.timeout(180_000)
  const dir = await mkdtemp(join(tmpdir(), 'signet-chart-'))
  const ends: (() => Promise<unknown>)[] = [() => rm(dir, { recursive: true, force: true })]
  t.teardown(async () => {
    for (const end of ends.toReversed()) await end()
  })

  const topology = join(dir, 'topology')
  await layTopology(topology)
  const accounts = join(dir, 'accounts')
  const made = await runCommand(CLI, ['topology', 'nats-config', topology, '--out', accounts])
  t.is(made.code, 0, made.stderr)

  const supercluster = await startServers(topology)
  ends.push(() => supercluster.close())
  const file = join(accounts, 'store-main.accounts.conf')
  const home = await render(...example('home'), '--set-file', `hubStore.accounts=${file}`)
  const stamp = await render(...example('stamp'))
  const https = await render(...example('stamp-https'))

  const stores = await startStores(home, supercluster, dir, (it) => ends.push(it))
  await eventually(
    async () => {
      const [leafs, healthy] = await Promise.all([
        Promise.all(
          stores.map(async (it) => (await it.monitor('/leafz')) as { leafnodes: number }),
        ),
        Promise.all(stores.map((it) => answers(it, find(home, 'StatefulSet', 'signet-store')))),
      ])
      return leafs.every((it) => it.leafnodes === 1) && healthy.every(Boolean)
    },
    60_000,
    'three stores with leaf links',
  )
  /** The Keptn NATS that the chart brings to a stamp. */
  const keptnOf = async (manifests: readonly Manifest[], name: string): Promise<string> => {
    const folder = join(dir, `keptn-${name}`)
    const onEnd = (end: () => Promise<unknown>): unknown => ends.push(end)
    const [keptn] = await startNats(manifests, 'signet-keptn-nats', {}, folder, onEnd)
    if (keptn === undefined) throw new Error('no Keptn NATS')
    t.true(await answers(keptn, find(manifests, 'StatefulSet', 'signet-keptn-nats')))
    return keptn.url
  }
  /** The agent of a pod of the DaemonSet; `addresses` are those of this machine. */
  const agentOf = async (
    manifests: readonly Manifest[],
    name: string,
    addresses: Readonly<Record<string, string>>,
  ) => {
    const user = name === HOME ? 'hub-main' : `stamp-${name}`
    const secrets = { ...SECRETS, 'signet-gateway': { password: passwordOf(user) } }
    const folder = join(dir, `agent-${name}`)
    const laid = await layOut(manifests, find(manifests, 'DaemonSet', 'signet'), secrets, folder)
    t.deepEqual(laid.container.args, ['agent'])
    t.is(laid.container.command, undefined, 'what the image starts')
    for (const variable of Object.keys(addresses)) t.true(variable in laid.environment, variable)
    const environment = {
      ...laid.environment,
      ...addresses,
      SIGNET_ADMIN_PORT: '0',
      SIGNET_HTTP_PORT: '0',
      SIGNET_SERVICES_PORT: '0',
    }
    const logFile = join(dir, `${name}.log`)
    const agent = new AgentProcess({ stamp: name, name, cli: CLI, environment, logFile })
    ends.push(() => agent.kill())
    agent.start()
    return { agent, environment, laid }
  }
  const keptnHere = await startKeptnDouble({
    natsUrl: supercluster.keptn(HOME).url,
    dispatchMs: 50,
    token: SECRETS['keptn-api-token']['keptn-api-token'],
    shipyard: { spec: { stages: [{ name: 'dev', sequences: [] }] } },
  })
  ends.push(() => keptnHere.stop())
  const atHome = await agentOf(home, HOME, {
    SIGNET_NATS_URL: supercluster.gatewayOf(HOME).url,
    NATS_URL: supercluster.keptn(HOME).url,
  })
  const inStamp = await agentOf(stamp, STAMP, {
    SIGNET_NATS_URL: supercluster.gatewayOf(STAMP).url,
    NATS_URL: await keptnOf(stamp, STAMP),
  })
  const overHttps = await agentOf(https, OVER_HTTPS, {
    KEPTN_API_ENDPOINT: `${keptnHere.url}/api`,
    NATS_URL: await keptnOf(https, OVER_HTTPS),
  })
  for (const { agent, laid } of [atHome, inStamp, overHttps]) {
    await agent.ready()
    const admin = await agent.url()
    for (const { httpGet } of probesOf(laid.container))
      t.is((await fetch(admin + httpGet.path)).status, 200, httpGet.path)
    t.is((await fetch(`${admin}/metrics`)).status, 200)
  }
  for (const { agent } of [inStamp, overHttps])
    t.is((await fetch(`${await agent.url('http')}/health`)).status, 200)

  const replicas = await replicasOf(stores, 'SIGNET_acme_main_DOWN')
  t.is(replicas, 3)
  await eventually(
    async () => {
      const { code, stdout } = await runCommand(CLI, ['status', '--json'], atHome.environment)
      const { stamps = [] } = code === 0 ? (JSON.parse(stdout) as Partial<FederationStatus>) : {}
      return stamps.some((it) => it.stamp === STAMP && it.online)
    },
    30_000,
    'home hears of the stamp',
  )
  // As in the pod, where the agent is at the port that its settings say.
  const doctor = ['doctor', '--agent-url', await inStamp.agent.url()]
  const looked = await runCommand(CLI, doctor, { ...inStamp.environment, SIGNET_ADMIN_PORT: '' })
  t.is(looked.code, 0, looked.stdout + looked.stderr)
  for (const { agent } of [overHttps, inStamp, atHome])
    t.is(await agent.stop(), 0, `${agent.name} drains within its time`)
})

async function layTopology(folder: string): Promise<void> {
  await mkdir(folder, { recursive: true })
  const manifests = await render(...example('stamp'))
  const { data = {} } = find(manifests, 'ConfigMap', 'signet-topology')
  for (const [name, text] of Object.entries(data)) await writeFile(join(folder, name), text)
}

async function startServers(topology: string): Promise<Supercluster> {
  const { accounts, leafUser } = await securedServers(topology)
  const own = SECRETS['signet-store'].NATS_PASSWORD_STORE_MAIN
  const gateway = (accounts.get('gateway-eu') ?? '').replaceAll(
    `"${passwordOf('store-main')}"`,
    own,
  )
  const secured = {
    leafUser: { ...leafUser, pass: own },
    accounts: new Map(accounts).set('gateway-eu', gateway),
  }
  // As Keptn's chart has it: open.
  secured.accounts.delete(`keptn-${HOME}`)
  const supercluster = await startSupercluster({
    binary: await natsServerBinary(),
    geos: ['eu', 'us'],
    home: { geo: 'eu', stamp: HOME },
    stamps: [{ name: STAMP, geo: 'us' }],
    // The demo's own hub store stands aside, in a domain that nobody asks for.
    storeDomain: 'aside',
    secured,
  })
  await supercluster.ready()
  return supercluster
}

/** The servers of the hub store, on this machine and hung on its gateway. */
async function startStores(
  manifests: readonly Manifest[],
  supercluster: Supercluster,
  dir: string,
  onEnd: (end: () => Promise<unknown>) => unknown,
): Promise<readonly NatsProcess[]> {
  const { leaf } = (await supercluster.gateway('eu').monitor('/varz')) as { leaf: { port: number } }
  const count = find(manifests, 'StatefulSet', 'signet-store').spec?.replicas ?? 0
  const routes = await freePorts(count)
  return startNats(manifests, 'signet-store', SECRETS, dir, onEnd, (text, ordinal) =>
    text
      .replaceAll('natsserver.default.svc.cluster.local:7422', `127.0.0.1:${leaf.port}`)
      .replaceAll('0.0.0.0:6222', `127.0.0.1:${routes[ordinal]}`)
      .replaceAll(
        /signet-store-(\d)\.signet-store\.signet\.svc\.cluster\.local:6222/g,
        (_, of: string) => `127.0.0.1:${routes[Number(of)]}`,
      ),
  )
}

/** How many servers have a stream. */
async function replicasOf(servers: readonly NatsProcess[], stream: string): Promise<number> {
  const texts = servers.map(async (it) =>
    JSON.stringify(await it.monitor('/jsz?streams=1&accounts=1')),
  )
  return (await Promise.all(texts)).filter((text) => text.includes(`"${stream}"`)).length
}
