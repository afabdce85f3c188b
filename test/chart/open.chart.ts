import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import test from 'ava'
import { AgentProcess } from '../../src/demo/agent-process.ts'
import { startKeptnDouble } from '../../src/demo/keptn/keptn-double.ts'
import { example, render } from '../support/helm.ts'
import { layOut } from '../support/kubelet.ts'
import { startNats } from '../support/laid-nats.ts'
import { find } from '../support/manifest.ts'
import { natsServer } from '../support/nats-server.ts'

// The trial of docs/install.md: a supercluster without users, and so no Secret anywhere.

const CLI = fileURLToPath(new URL('../../src/cli.js', import.meta.url))
/** What the page says to leave out. */
const OPEN = [
  'gateway.auth.method=none',
  'gateway.auth.secret=',
  'hubStore.accountsSecret=',
  'hubStore.replicas=1',
].flatMap((it) => ['--set', it])

test('a home stamp works on a supercluster that is open to everybody, without a Secret', async (t) => {
  t.timeout(180_000)
  const dir = await mkdtemp(join(tmpdir(), 'signet-chart-'))
  const ends: (() => Promise<unknown>)[] = [() => rm(dir, { recursive: true, force: true })]
  t.teardown(async () => {
    for (const end of ends.toReversed()) await end()
  })
  const gateway = await natsServer({
    config: [
      'server_name: gateway',
      'accounts { SYS {} }',
      'system_account: SYS',
      'gateway { name: eu, listen: "127.0.0.1:-1" }',
      'leafnodes { listen: "127.0.0.1:-1" }',
    ].join('\n'),
  })
  ends.push(() => gateway[Symbol.asyncDispose]())
  const keptn = await natsServer({ jetstream: true })
  ends.push(() => keptn[Symbol.asyncDispose]())
  const shipyard = { spec: { stages: [{ name: 'dev', sequences: [] }] } }
  const double = await startKeptnDouble({ natsUrl: keptn.url, dispatchMs: 50, shipyard })
  ends.push(() => double.stop())

  const manifests = await render(...example('home'), ...OPEN)
  const { leaf } = (await gateway.monitor('/varz')) as { leaf: { port: number } }
  const [store] = await startNats(
    manifests,
    'signet-store',
    {},
    dir,
    (end) => ends.push(end),
    (text) =>
      text.replaceAll('natsserver.default.svc.cluster.local:7422', `127.0.0.1:${leaf.port}`),
  )
  t.truthy(store)
  const laid = await layOut(
    manifests,
    find(manifests, 'DaemonSet', 'signet'),
    {},
    join(dir, 'agent'),
  )
  const agent = new AgentProcess({
    stamp: 'eu-core-1',
    name: 'eu-core-1',
    cli: CLI,
    environment: {
      ...laid.environment,
      SIGNET_NATS_URL: gateway.url,
      NATS_URL: keptn.url,
      SIGNET_ADMIN_PORT: '0',
    },
    logFile: join(dir, 'agent.log'),
  })
  ends.push(() => agent.kill())
  agent.start()
  await agent.ready()
  t.is(await agent.stop(), 0)
})
