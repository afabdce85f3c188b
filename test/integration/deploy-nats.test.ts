import type { ExecutionContext } from 'ava'
import test from 'ava'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { writeTopology } from '../../src/demo/federation.ts'
import { passwordOf } from '../../src/demo/secured-servers.ts'
import { deferred } from '../support/deferred.ts'
import type { DeployedServer } from '../support/deployed.ts'
import { startDeployed } from '../support/deployed.ts'
import { address, deliver, federationOn } from '../support/deployed-federation.ts'
import { gateways, keptnPlan, leafPlan, list, storePlans } from '../support/deployed-plans.ts'

// Every file of deploy/nats, started as it is, with a delivery across them. `a` is a stamp whose server is a leaf node, `b` one
// whose Keptn NATS stands alone.

const STAMPS = [
  { name: 'a', geo: 'eu', ring: 'canary' },
  { name: 'b', geo: 'us', ring: 'canary' },
]

/** A folder with a topology of these stamps, and `core` at home in `eu`. */
async function folderOf(t: ExecutionContext, stamps: typeof STAMPS): Promise<string> {
  const dir = await mkdtemp(join(tmpdir(), 'signet-deploy-'))
  t.teardown(() => rm(dir, { recursive: true, force: true, maxRetries: 3 }))
  const federation = {
    binary: '',
    cli: '',
    home: { geo: 'eu', stamp: 'core' },
    rings: ['canary'],
    stages: [{ stage: 'dev', rings: ['canary'] }],
    stamps,
  }
  await writeTopology(federation, join(dir, 'topology'))
  return dir
}

function started(t: ExecutionContext, servers: ReadonlyMap<string, DeployedServer>) {
  t.teardown(() => Promise.all([...servers.values()].map((server) => server.kill())))
  return (name: string): DeployedServer => {
    const server = servers.get(name)
    if (server === undefined) throw new Error(`no server ${name}`)
    return server
  }
}

test.serial(
  'a supercluster with a store of three servers delivers, also while one of them is killed',
  async (t) => {
    t.timeout(180_000)
    const dir = await folderOf(t, STAMPS)
    const stores = ['store-0', 'store-1', 'store-2']
    const servers = await startDeployed(dir, { leaf: ['a'] }, (port) => {
      const { plans, leafUrl } = gateways(port, [
        { name: 'eu-0', geo: 'eu' },
        { name: 'us-0', geo: 'us' },
        { name: 'us-1', geo: 'us' },
      ])
      return [
        ...plans,
        ...storePlans(port, stores, leafUrl('eu-0', 'store-main')),
        keptnPlan(port, 'core'),
        leafPlan(port, 'a', leafUrl('eu-0', 'stamp-a')),
        keptnPlan(port, 'b'),
      ]
    })
    const server = started(t, servers)
    const killed = deferred()
    const begun = deferred()
    const on = await federationOn(
      t,
      dir,
      {
        core: {
          gateway: address(server('eu-0'), 'hub-main', true),
          keptn: address(server('keptn-core'), 'agent-core', false),
          open: server('keptn-core').url,
        },
        a: {
          gateway: address(server('a'), 'stamp-a', false),
          keptn: address(server('a'), 'agent-a', false),
          open: server('a').url,
        },
        b: {
          gateway: address(server('us-1'), 'stamp-b', true),
          keptn: address(server('keptn-b'), 'agent-b', false),
          open: server('keptn-b').url,
        },
      },
      async () => {
        begun.resolve()
        await killed.promise
      },
    )
    // All that the hub has made, before anything goes: a stream, or a bucket, is as good as its replicas.
    const streams = await replicated(server('store-0'))
    t.is(streams.size, 6)
    t.deepEqual(
      [...streams.values()].map(({ copies }) => copies),
      [...streams].map(() => 3),
    )
    const delivery = deliver(t, on)
    await begun.promise
    // The one that leads the stream that brings the answers.
    await server(streams.get('SIGNET_demo_main_UP')?.leader ?? '').kill()
    killed.resolve()
    await delivery
  },
)

test.serial('a store of one server behind the gateway of its geo delivers', async (t) => {
  t.timeout(120_000)
  const dir = await folderOf(t, STAMPS.slice(1))
  const servers = await startDeployed(dir, {}, (port) => {
    const { plans, leafUrl } = gateways(port, [
      { name: 'eu-0', geo: 'eu' },
      { name: 'us-0', geo: 'us' },
    ])
    const store = storePlans(port, ['store-0'], leafUrl('eu-0', 'store-main'))
    return [...plans, ...store, keptnPlan(port, 'core'), keptnPlan(port, 'b')]
  })
  const server = started(t, servers)
  const on = await federationOn(t, dir, {
    core: {
      gateway: address(server('eu-0'), 'hub-main', true),
      keptn: address(server('keptn-core'), 'agent-core', false),
      open: server('keptn-core').url,
    },
    b: {
      gateway: address(server('us-0'), 'stamp-b', true),
      keptn: address(server('keptn-b'), 'agent-b', false),
      open: server('keptn-b').url,
    },
  })
  await deliver(t, on)
})

test.serial('one server is Keptn NATS, hub store and gateway at home, and delivers', async (t) => {
  t.timeout(120_000)
  const dir = await folderOf(
    t,
    STAMPS.map((stamp) => ({ ...stamp, geo: 'eu' })),
  )
  const one = { leaf: ['a'], together: ['gateway-eu,store-main,keptn-core'] }
  const servers = await startDeployed(dir, one, (port) => {
    const leafs = port()
    const urls = list([`tls://stamp-a:${passwordOf('stamp-a')}@${leafs}`])
    const home = {
      name: 'home',
      file: 'single.conf',
      accounts: 'gateway-eu',
      environment: {
        NATS_CLIENTS: port(),
        NATS_MONITOR: port(),
        NATS_LEAFS: leafs,
        NATS_LEAFS_ADVERTISE: leafs,
      },
    }
    return [home, leafPlan(port, 'a', urls), keptnPlan(port, 'b')]
  })
  const server = started(t, servers)
  const on = await federationOn(t, dir, {
    core: {
      gateway: address(server('home'), 'hub-main', false),
      keptn: address(server('home'), 'agent-core', false),
      open: server('home').url,
    },
    a: {
      gateway: address(server('a'), 'stamp-a', false),
      keptn: address(server('a'), 'agent-a', false),
      open: server('a').url,
    },
    b: {
      gateway: address(server('home'), 'stamp-b', false),
      keptn: address(server('keptn-b'), 'agent-b', false),
      open: server('keptn-b').url,
    },
  })
  await deliver(t, on)
})

/** The streams of the federation's account in a store, buckets among them. */
async function replicated(store: DeployedServer) {
  interface Stream {
    readonly name: string
    readonly cluster: { readonly leader: string; readonly replicas: readonly object[] }
  }
  const { account_details } = (await store.monitor('/jsz?accounts=true&streams=true')) as {
    account_details: { name: string; stream_detail: Stream[] }[]
  }
  const streams = account_details.find(({ name }) => name === 'FED')?.stream_detail ?? []
  return new Map(
    streams.map(({ name, cluster: { leader, replicas } }) => [
      name,
      { leader, copies: replicas.length + 1 },
    ]),
  )
}
