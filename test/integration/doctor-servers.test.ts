import { AckPolicy, jetstream, jetstreamManager } from '@nats-io/jetstream'
import { connect } from '@nats-io/transport-node'
import type { ExecutionContext } from 'ava'
import test from 'ava'
import { mkdtemp, rm } from 'node:fs/promises'
import { createServer } from 'node:net'
import type { AddressInfo, Server } from 'node:net'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { writeTopology } from '../../src/demo/federation.ts'
import type { NatsProcess } from '../../src/demo/nats-process.ts'
import { ControlListener } from '../../src/links/control-listener.ts'
import { diagnose } from '../support/doctor.ts'
import { natsServer } from '../support/nats-server.ts'
import { connectedSide } from '../support/nats-side.ts'

// Servers that are not as they should be, one at a time.

const TLS = resolve('test/fixtures/tls')
const LIMIT_MS = 60_000

let topology: string
/** A Keptn NATS with which all is well. */
let keptn: NatsProcess

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
  keptn = await natsServer({ jetstream: true })
})

test.after.always(async () => {
  await keptn[Symbol.asyncDispose]()
  await rm(topology, { recursive: true, force: true })
})

function environment(gateway: string, more: Readonly<Record<string, string>> = {}) {
  return {
    SIGNET_STAMP: 'a',
    SIGNET_TOPOLOGY: topology,
    SIGNET_NATS_URL: gateway,
    NATS_URL: keptn.url,
    ...more,
  }
}

/** What `--only` of some checks finds. */
async function found(env: Readonly<Record<string, string>>, ...only: readonly string[]) {
  return (await diagnose(env, { only })).found
}

const codesOf = (it: ReadonlyMap<string, unknown>): readonly string[] => [...it.keys()].toSorted()

/** A server of the test's own that is no nats-server, or says that it is another one. */
async function speaking(t: ExecutionContext, text: string): Promise<string> {
  const server: Server = createServer((socket) => {
    socket.on('error', () => undefined)
    socket.write(text)
  })
  await new Promise<void>((ready) => server.listen(0, '127.0.0.1', ready))
  t.teardown(() => server.close())
  return `nats://127.0.0.1:${(server.address() as AddressInfo).port}`
}

/** An address where nobody listens. */
async function nobody(): Promise<string> {
  const server = createServer()
  await new Promise<void>((ready) => server.listen(0, '127.0.0.1', ready))
  const { port } = server.address() as AddressInfo
  await new Promise((closed) => server.close(closed))
  return `nats://127.0.0.1:${port}`
}

test('a server that is not there, and one of several', async (t) => {
  t.timeout(LIMIT_MS)
  const away = await nobody()
  const none = await found(environment(away), 'servers')
  t.deepEqual(codesOf(none), ['DOC-501'])
  t.regex(none.get('DOC-501')?.join() ?? '', /gateway NATS nats:.*ECONNREFUSED/)
  await using server = await natsServer()
  const some = await found(environment(`${server.url},${away}`), 'servers')
  t.true(some.has('DOC-502'))
  t.false(some.has('DOC-501'))
  const other = await found(environment(await speaking(t, 'SSH-2.0-OpenSSH\r\n')), 'DOC-501')
  t.regex(other.get('DOC-501')?.join() ?? '', /no nats-server/)
})

test('a server that is too old, and with which no session comes about', async (t) => {
  t.timeout(LIMIT_MS)
  const old = await speaking(t, 'INFO {"version":"2.9.9","max_payload":1048576}\r\n')
  const it = await found(environment(old), 'DOC-505', 'DOC-506')
  t.deepEqual(codesOf(it), ['DOC-505', 'DOC-506'])
  t.regex(it.get('DOC-506')?.join() ?? '', /version 2\.9\.9/)
})

test('a server that does not let us in, and whose password nobody is told', async (t) => {
  t.timeout(LIMIT_MS)
  await using server = await natsServer({
    config: 'authorization { users: [{ user: ann, password: "right" }] }',
  })
  const login = { SIGNET_NATS_USER: 'ann', SIGNET_NATS_PASSWORD: 'wr0ng-s3cret' }
  const { found: it, report } = await diagnose(environment(server.url, login), {
    only: ['servers'],
  })
  t.deepEqual(codesOf(it), ['DOC-504'])
  t.false(JSON.stringify(report).includes('wr0ng-s3cret'))
})

test('TLS: an authority that is not trusted, and a certificate that ends', async (t) => {
  t.timeout(LIMIT_MS)
  const config = `tls { cert_file: "${TLS}/loopback.pem", key_file: "${TLS}/loopback.key" }`
  await using server = await natsServer({ config })
  const url = server.url.replace('nats:', 'tls:')
  const untrusted = await found(environment(url), 'servers')
  t.deepEqual(codesOf(untrusted), ['DOC-503'])
  const trusted = environment(url, { SIGNET_NATS_TLS_CA: `${TLS}/ca.pem` })
  t.deepEqual(codesOf(await found(trusted, 'DOC-503', 'DOC-505', 'DOC-511')), [])
  const { found: late } = await diagnose(trusted, {
    only: ['DOC-512'],
    over: { now: Date.UTC(2126, 9, 30) },
  })
  t.regex(late.get('DOC-512')?.join() ?? '', /loopback ends on 2126-10-31/)
})

test('two sides that are one account, though they have two names', async (t) => {
  t.timeout(LIMIT_MS)
  const same = keptn.url.replace('127.0.0.1', 'localhost')
  t.deepEqual(codesOf(await found(environment(same), 'DOC-507', 'DOC-114')), ['DOC-507'])
})

test('limits of messages that are small, or differ', async (t) => {
  t.timeout(LIMIT_MS)
  await using small = await natsServer({ config: 'max_payload: 65536' })
  const it = await found(environment(small.url), 'DOC-508', 'DOC-509', 'DOC-510')
  t.deepEqual(codesOf(it), ['DOC-508', 'DOC-510'])
  await using half = await natsServer({ config: 'max_payload: 524288' })
  t.true((await found(environment(half.url), 'DOC-509')).has('DOC-509'))
})

test('a Keptn NATS without JetStream, at home and elsewhere', async (t) => {
  t.timeout(LIMIT_MS)
  await using gateway = await natsServer()
  await using plain = await natsServer()
  const env = environment(gateway.url, { NATS_URL: plain.url })
  t.deepEqual(codesOf(await found(env, 'DOC-601', 'DOC-602', 'DOC-606')), ['DOC-602'])
  const home = { ...env, SIGNET_STAMP: 'core' }
  t.deepEqual(codesOf(await found(home, 'DOC-601', 'DOC-602')), ['DOC-601'])
})

test('an account that is full, and a Keptn NATS where nobody has led yet', async (t) => {
  t.timeout(LIMIT_MS)
  await using gateway = await natsServer()
  await using server = await natsServer({
    jetstream: true,
    config: [
      'accounts { A { jetstream { max_mem: 1MB, max_file: 1MB }, users: [{ user: a, password: a }] } }',
      'no_auth_user: a',
    ].join('\n'),
  })
  const nc = await connect({ servers: server.url })
  const { streams } = await jetstreamManager(nc)
  await streams.add({ name: 'full', subjects: ['x'] })
  await nc.request('x', new Uint8Array(900_000))
  const env = environment(gateway.url, { NATS_URL: server.url })
  const nearly = await found(env, 'DOC-604', 'DOC-605', 'DOC-606')
  t.deepEqual(codesOf(nearly), ['DOC-604', 'DOC-606'])
  t.regex(nearly.get('DOC-606')?.join() ?? '', /SIGNET_IN.*SIGNET_LOCAL.*KV_signet_lease/)
  await nc.request('x', new Uint8Array(110_000))
  t.deepEqual(codesOf(await found(env, 'DOC-604', 'DOC-605')), ['DOC-605'])
  t.deepEqual(codesOf(await found(env, 'DOC-801', 'DOC-802')), ['DOC-802'])
  await nc.close()
})

test('Keptn’s stream where it should not be, and where it is missing', async (t) => {
  t.timeout(LIMIT_MS)
  await using gateway = await natsServer()
  await using server = await natsServer({ jetstream: true })
  const env = environment(gateway.url, { NATS_URL: server.url })
  const home = { ...env, SIGNET_STAMP: 'core' }
  t.true((await found(home, 'DOC-609')).has('DOC-609'))
  const nc = await connect({ servers: server.url })
  const { streams } = await jetstreamManager(nc)
  await streams.add({ name: 'mine', subjects: ['sh.keptn.event.x'] })
  t.regex((await found(env, 'DOC-608')).get('DOC-608')?.join() ?? '', /mine captures/)
  await streams.delete('mine')
  await streams.add({ name: 'keptn', subjects: ['sh.keptn.>'] })
  t.regex((await found(env, 'DOC-608')).get('DOC-608')?.join() ?? '', /keptn captures/)
  const it = await found(home, 'DOC-608', 'DOC-609', 'DOC-621', 'DOC-627')
  t.deepEqual(codesOf(it), ['DOC-621', 'DOC-627'])
  await nc.close()
})

test('two stamps that share one Keptn NATS, and a reader that is stuck', async (t) => {
  t.timeout(LIMIT_MS)
  await using gateway = await natsServer()
  await using server = await natsServer({ jetstream: true })
  const nc = await connect({ servers: server.url })
  const { streams, consumers } = await jetstreamManager(nc)
  await streams.add({ name: 'SIGNET_LOCAL', subjects: ['sh.keptn.>'] })
  const own = { durable_name: 'signet-a', ack_policy: AckPolicy.Explicit, max_ack_pending: 1 }
  await consumers.add('SIGNET_LOCAL', own)
  await consumers.add('SIGNET_LOCAL', { ...own, durable_name: 'signet-b' })
  const env = environment(gateway.url, { NATS_URL: server.url })
  t.regex((await found(env, 'DOC-628')).get('DOC-628')?.join() ?? '', /signet-b of SIGNET_LOCAL/)
  for (let left = 1_100; left > 0; left -= 1) nc.publish('sh.keptn.event.x.finished', 'x')
  await nc.flush()
  // Takes one and never acknowledges it.
  await (await jetstream(nc).consumers.get('SIGNET_LOCAL', 'signet-a')).next()
  const it = await found(env, 'DOC-622', 'DOC-623', 'DOC-624')
  t.deepEqual(codesOf(it), ['DOC-622', 'DOC-623', 'DOC-624'])
  t.regex(it.get('DOC-622')?.join() ?? '', /signet-a of SIGNET_LOCAL: 1099 wait/)
  await nc.close()
})

const HUB_STREAM = { name: 'SIGNET_demo_main_UP', subjects: ['signet.demo.up.main.>'] }

test('a stamp that may do what it should not; and nothing is stored', async (t) => {
  t.timeout(LIMIT_MS)
  await using server = await natsServer({ config: 'jetstream { domain: hub }' })
  const nc = await connect({ servers: server.url })
  const { streams } = await jetstreamManager(nc)
  await streams.add(HUB_STREAM)
  const it = await found(environment(server.url), 'rights', 'DOC-514')
  t.deepEqual(codesOf(it), ['DOC-514', 'DOC-701', 'DOC-702', 'DOC-703'])
  t.is((await streams.info(HUB_STREAM.name)).state.last_seq, 0)
  t.deepEqual(await streams.names().next(), [HUB_STREAM.name])
  await nc.close()
})

test('a stamp that may not do what it must', async (t) => {
  t.timeout(LIMIT_MS)
  const permissions = '{ publish: "x", subscribe: "_INBOX.a.>" }'
  await using server = await natsServer({
    config: `authorization { users: [{ user: a, password: a, permissions: ${permissions} }] }`,
  })
  const login = { SIGNET_NATS_USER: 'a', SIGNET_NATS_PASSWORD: 'a' }
  const it = await found(environment(server.url, login), 'rights')
  t.deepEqual(codesOf(it), ['DOC-704'])
  t.regex(
    it.get('DOC-704')?.join() ?? '',
    /may not publish to signet\.demo\.up\.main\.eu\.canary\.a\..*may not ask for its consumer/,
  )
})

test('a hub that is silent, one that is not ready, and one whose clock is wrong', async (t) => {
  t.timeout(LIMIT_MS)
  await using server = await natsServer()
  const env = environment(server.url)
  t.regex((await found(env, 'DOC-851')).get('DOC-851')?.join() ?? '', /main: .*nobody/)
  const side = await connectedSide(server.url, { side: 'gateway' })
  const status = {
    at: new Date(Date.now() + 3_600_000).toISOString(),
    federation: 'demo',
    controlPlane: 'main',
    hub: { geo: 'hub', stamp: 'core', version: '0.1.0', ready: false, reason: 'waits' },
    stamps: [],
    rollouts: [],
    deadLetters: 0,
  }
  new ControlListener(side).listen('signet.demo.control.main.status', (message) => {
    message.answer(JSON.stringify({ ok: true, value: status }))
  })
  await side.connection.flush()
  const it = await found(env, 'DOC-851', 'DOC-852', 'DOC-405', 'DOC-406')
  t.deepEqual(codesOf(it), ['DOC-406', 'DOC-852'])
  t.regex(it.get('DOC-406')?.join() ?? '', /the hub of main is (3600|3599)\.\d s ahead/)
  await side.close()
})
