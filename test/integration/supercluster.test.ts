import { AckPolicy, jetstream, jetstreamManager } from '@nats-io/jetstream'
import { type NatsConnection, connect } from '@nats-io/transport-node'
import test from 'ava'
import { federationUser } from '../../src/demo/nats-config.ts'
import { type NatsProcess } from '../../src/demo/nats-process.ts'
import { type Supercluster, startSupercluster } from '../../src/demo/supercluster.ts'
import { waitUntil } from '../../src/demo/wait-until.ts'
import { natsServerBinary } from '../support/nats-server.ts'

const plan = {
  geos: ['eu', 'us', 'ap'],
  home: { geo: 'eu', stamp: 'eu-core-1' },
  stamps: [
    { name: 'eu-canary-1', geo: 'eu' },
    { name: 'us-canary-1', geo: 'us' },
  ],
}

async function federation(proxied = false): Promise<Supercluster> {
  const supercluster = await startSupercluster({
    ...plan,
    proxied,
    binary: await natsServerBinary(),
  })
  await supercluster.ready()
  return supercluster
}

type Client = AsyncDisposable & { readonly nc: NatsConnection }

async function client(server: NatsProcess): Promise<Client> {
  const nc = await connect({ servers: server.url, ...federationUser, maxReconnectAttempts: -1 })
  return { nc, [Symbol.asyncDispose]: () => nc.close() }
}

async function reachesHub({ nc }: Client, timeout = 1_000): Promise<boolean> {
  try {
    const answer = await nc.request('$JS.hub.API.INFO', '', { timeout })
    return answer.json<{ domain?: string }>().domain === 'hub'
  } catch {
    return false
  }
}

async function untilReachesHub(from: Client): Promise<void> {
  await waitUntil(
    async () => ((await reachesHub(from)) ? true : undefined),
    20_000,
    () => new Error('the hub store was not reached'),
  )
}

test('a complete supercluster has a hub store that every geo reaches at the first try', async (t) => {
  t.timeout(60_000)
  await using supercluster = await federation()
  t.deepEqual([...supercluster.processes.keys()].sort(), [
    'gateway-ap',
    'gateway-eu',
    'gateway-us',
    'keptn-eu-canary-1',
    'keptn-eu-core-1',
    'keptn-us-canary-1',
    'store',
  ])
  await using eu = await client(supercluster.gatewayOf('eu-core-1'))
  await using us = await client(supercluster.gatewayOf('us-canary-1'))
  await using ap = await client(supercluster.gateway('ap'))
  t.true((await Promise.all([eu, us, ap].map((from) => reachesHub(from)))).every(Boolean))

  const jsm = await jetstreamManager(us.nc, { domain: 'hub' })
  await jsm.streams.add({ name: 'DOWN', subjects: ['down.>'] })
  await jsm.consumers.add('DOWN', {
    durable_name: 'ap-1',
    ack_policy: AckPolicy.Explicit,
  })
  t.like(await jetstream(eu.nc).publish('down.ap.one', 'to ap'), { stream: 'DOWN', domain: 'hub' })
  const consumer = await jetstream(ap.nc, { domain: 'hub' }).consumers.get('DOWN', 'ap-1')
  const message = await consumer.next({ expires: 5_000 })
  t.is(message?.string(), 'to ap')
  t.true(await message?.ackAck())

  await supercluster.store.kill()
  await supercluster.store.restart()
  await supercluster.ready()
  t.is((await jsm.streams.info('DOWN')).state.messages, 1)
})

test('the Keptn NATS of two stamps hear nothing of each other', async (t) => {
  t.timeout(60_000)
  await using supercluster = await federation()
  await using home = await client(supercluster.keptn('eu-core-1'))
  await using stamp = await client(supercluster.keptn('us-canary-1'))
  for (const { nc } of [home, stamp]) {
    await (await jetstreamManager(nc)).streams.add({ name: 'keptn', subjects: ['sh.keptn.>'] })
  }
  await jetstream(home.nc).publish('sh.keptn.event.x.triggered', '{}')
  const state = (await (await jetstreamManager(stamp.nc)).streams.info('keptn')).state
  t.is(state.messages, 0)
})

test('a geo that is cut off loses the hub store and gets it back', async (t) => {
  t.timeout(60_000)
  await using supercluster = await federation(true)
  await using eu = await client(supercluster.gateway('eu'))
  await using us = await client(supercluster.gateway('us'))
  await using ap = await client(supercluster.gateway('ap'))
  t.true(await reachesHub(us))
  await supercluster.cutGeo('us')
  t.false(await reachesHub(us))
  t.true(await reachesHub(eu))
  t.true(await reachesHub(ap))
  await t.throwsAsync(supercluster.ready(500), {
    code: 'SIGNET_START_FAILED',
    message: /gateway-us has no link to eu.*gateway-us has no link from eu/,
  })
  await supercluster.healGeo('us')
  await supercluster.ready()
  await untilReachesHub(us)
})

test('the geo of the hub store can be cut off too, and keeps it', async (t) => {
  t.timeout(60_000)
  await using supercluster = await federation(true)
  await using eu = await client(supercluster.gateway('eu'))
  await using us = await client(supercluster.gateway('us'))
  await supercluster.cutGeo('eu')
  t.false(await reachesHub(us))
  t.true(await reachesHub(eu))
  await supercluster.healGeo('eu')
  await supercluster.ready()
  await untilReachesHub(us)
})

test('in a hole nothing arrives while all links seem up, and what waited arrives afterwards', async (t) => {
  t.timeout(60_000)
  await using supercluster = await federation(true)
  await using us = await client(supercluster.gateway('us'))
  t.true(await reachesHub(us))
  await supercluster.holeGeo('us')
  const waiting = us.nc.request('$JS.hub.API.INFO', '', { timeout: 20_000 })
  t.false(await reachesHub(us))
  await supercluster.ready(500)
  await supercluster.healGeo('us')
  t.is((await waiting).json<{ domain: string }>().domain, 'hub')
})

test('the hub store can be cut off from its gateway and comes back', async (t) => {
  t.timeout(60_000)
  await using supercluster = await federation(true)
  await using us = await client(supercluster.gateway('us'))
  t.true(await reachesHub(us))
  await supercluster.cutStore()
  t.false(await reachesHub(us))
  await supercluster.healStore()
  await supercluster.ready()
  await untilReachesHub(us)
})

test('a plan that cannot be is refused before anything is started', async (t) => {
  const binary = '/nowhere/nats-server'
  for (const [change, message] of [
    [{ home: { geo: 'mars', stamp: 'eu-core-1' } }, /mars, which is not a geo/],
    [{ stamps: [{ name: 'eu-core-1', geo: 'us' }] }, /eu-core-1 is in two geos/],
    [{ stamps: [{ name: 'Not a name', geo: 'us' }] }, /"Not a name" is not a name/],
  ] as const) {
    await t.throwsAsync(startSupercluster({ ...plan, ...change, binary }), {
      code: 'SIGNET_CONFIG_INVALID',
      message,
    })
  }
})
