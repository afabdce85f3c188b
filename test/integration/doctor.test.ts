import test from 'ava'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'
import { AckPolicy, jetstreamManager } from '@nats-io/jetstream'
import { connect } from '@nats-io/transport-node'
import { freePorts } from '../../src/demo/free-port.ts'
import { KEPTN_SERVICES } from '../../src/domain/keptn-service.ts'
import { GROUPS } from '../../src/doctor/table.ts'
import { diagnose, environmentOf } from '../support/doctor.ts'
import type { Rig } from '../support/federation.ts'
import { eventually, HOME, startRig } from '../support/federation.ts'

// A federation that is as it should be, with the permissions that it should have; then things that go wrong in it.

const CLI = fileURLToPath(new URL('../../src/cli.js', import.meta.url))
const LIMIT_MS = 120_000

let rig: Rig

test.serial.before(async (t) => {
  t.timeout(LIMIT_MS)
  const [port = 0] = await freePorts(1)
  const services = KEPTN_SERVICES.map((name) => `${name}=http://127.0.0.1:${port}`).join(',')
  rig = await startRig({ secured: true, environment: { SIGNET_KEPTN_SERVICES: services } })
  await rig.startKeptn(['deployment'], { port })
  await rig.startAgents()
  for (const stamp of rig.stamps)
    await rig.startIntegration(stamp, {
      registrationUrl: await rig.agent(stamp).url('services'),
      hostHeader: 'shipyard-controller:8080',
      pingMs: 500,
    })
  await eventually(
    async () => {
      const { found } = await diagnose(environmentOf(rig, HOME), { only: ['DOC-855', 'DOC-856'] })
      return found.size === 0
    },
    60_000,
    'the hub knows that the integrations live',
  )
})

test.serial.after.always(() => rig[Symbol.asyncDispose]())

const here = async (stamp: string, ...only: readonly string[]) =>
  diagnose(environmentOf(rig, stamp), { only, agentUrl: await rig.agent(stamp).url() })

/** Waits until the doctor finds something, and returns it. */
async function finds(stamp: string, code: string): Promise<string> {
  const found = await eventually(
    async () => (await here(stamp, code)).found.get(code),
    60_000,
    `the doctor finds ${code}`,
  )
  return found.join('\n')
}

/** Waits until the doctor finds nothing any more. */
async function findsNothing(stamp: string, code: string): Promise<void> {
  await eventually(
    async () => !(await here(stamp, code)).found.has(code),
    60_000,
    `the doctor no longer finds ${code}`,
  )
}

interface JszStream {
  readonly name: string
  readonly state: { readonly last_seq: number }
  readonly consumer_detail?: readonly { readonly name: string }[]
}

/** The streams and consumers of all servers, and how far those are that no agent writes by itself. */
async function stored(): Promise<readonly string[]> {
  const { supercluster } = rig
  const servers = [supercluster.store, ...[HOME, ...rig.stamps].map((it) => supercluster.keptn(it))]
  const told = await Promise.all(
    servers.map(async (server) => {
      const { account_details: accounts } = (await server.monitor(
        '/jsz?accounts=1&streams=1&consumers=1',
      )) as {
        readonly account_details: readonly { readonly stream_detail?: readonly JszStream[] }[]
      }
      return accounts
        .flatMap((account) => account.stream_detail ?? [])
        .flatMap(({ name, state, consumer_detail: consumers = [] }) => [
          `${server.name} ${name} ${name.startsWith('KV_') ? '' : state.last_seq}`,
          // The agents watch a bucket with a consumer of its own, which may be made anew.
          ...(name.startsWith('KV_')
            ? []
            : consumers.map((consumer) => `${server.name} ${name}/${consumer.name}`)),
        ])
    }),
  )
  return told.flat().toSorted()
}

interface Answer {
  readonly counts: Readonly<Record<string, number>>
  readonly checks: readonly { readonly code: string; readonly state: string }[]
}

async function command(stamp: string, ...args: readonly string[]) {
  const child = spawn(process.execPath, [CLI, 'doctor', ...args], {
    env: {
      PATH: process.env['PATH'],
      ...environmentOf(rig, stamp),
      SIGNET_ADMIN_PORT: new URL(await rig.agent(stamp).url()).port,
    },
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  const text = { stdout: '', stderr: '' }
  for (const stream of ['stdout', 'stderr'] as const)
    child[stream].setEncoding('utf8').on('data', (part: string) => {
      text[stream] += part
    })
  await once(child, 'close')
  return { code: child.exitCode, ...text }
}

const unseenOf = ({ checks }: Answer): readonly string[] =>
  checks.filter(({ state }) => state === 'unseen').map(({ code }) => code)

const groupCodes = (name: string): readonly string[] =>
  GROUPS.find((group) => group.name === name)?.checks.map(({ code }) => code) ?? []

test.serial('in a healthy federation neither errors nor warnings are found', async (t) => {
  t.timeout(LIMIT_MS)
  for (const stamp of [HOME, 'a']) {
    const { code, stdout, stderr } = await command(stamp, '--json', '--strict')
    const answer = JSON.parse(stdout) as Answer
    const found = answer.checks.filter(({ state }) => state === 'found').map((it) => it.code)
    t.deepEqual(found, stamp === HOME ? ['DOC-611'] : ['DOC-104'], 'notices only')
    t.is(code, 0)
    t.is(stderr, '')
    t.false(stdout.includes('secret-of'), 'no password is told')
    // What each of them may not look at, the other one does.
    if (stamp === HOME) t.deepEqual(unseenOf(answer), groupCodes('rights'))
    else
      t.deepEqual(unseenOf(answer), [
        'DOC-611',
        'DOC-641',
        'DOC-642',
        'DOC-643',
        ...groupCodes('federation').filter((it) => it !== 'DOC-851'),
        ...groupCodes('keptn'),
      ])
  }
})

test.serial('the doctor makes nothing, changes nothing and deletes nothing', async (t) => {
  t.timeout(LIMIT_MS)
  const before = await stored()
  t.true(before.length > 20)
  for (const stamp of [HOME, 'a']) await here(stamp)
  t.deepEqual(await stored(), before)
})

test.serial('a person reads what is wrong and how to mend it; a pipe has no colours', async (t) => {
  t.timeout(LIMIT_MS)
  const { code, stdout } = await command('a', '--only', 'DOC-801', '--only', 'servers')
  t.is(code, 0)
  t.is(stdout.trimEnd().split('\n').at(-1), 'Nothing is wrong; 15 checks done')
  t.regex(stdout, /✓ NATS servers/)
  t.false(stdout.includes('\u001b'))
})

test.serial('a durable that somebody deleted is missed', async (t) => {
  t.timeout(LIMIT_MS)
  const { consumers } = await rig.hubStore()
  const { config } = await consumers.info(rig.names.down, 'signet-a')
  await consumers.delete(rig.names.down, 'signet-a')
  t.regex(await finds('a', 'DOC-621'), /signet-a of SIGNET_demo_main_DOWN/)
  await consumers.add(rig.names.down, { ...config, max_ack_pending: 17 })
  t.regex(await finds('a', 'DOC-626'), /max ack pending 17 instead of 5000/)
  await consumers.update(rig.names.down, 'signet-a', { max_ack_pending: 5_000 })
  await findsNothing('a', 'DOC-626')
})

test.serial('a stream that somebody changed is noticed', async (t) => {
  t.timeout(LIMIT_MS)
  const { streams } = await rig.keptnStore('a')
  const { config } = await streams.info('SIGNET_LOCAL')
  await streams.update('SIGNET_LOCAL', { ...config, max_age: config.max_age / 2 })
  t.regex(await finds('a', 'DOC-607'), /SIGNET_LOCAL has age \(ms\) 302400000 instead/)
  await streams.update('SIGNET_LOCAL', config)
  await findsNothing('a', 'DOC-607')
})

/** JetStream of home's Keptn NATS, for Keptn itself. */
async function asKeptn() {
  const nc = await connect({ servers: rig.supercluster.keptn(HOME).url })
  return { nc, jetstream: await jetstreamManager(nc, { checkAPI: false }) }
}

test.serial('at home Keptn’s stream is looked at, and who else reads it', async (t) => {
  t.timeout(LIMIT_MS)
  const { nc, jetstream } = await asKeptn()
  const { config } = await jetstream.streams.info('keptn')
  await jetstream.streams.update('keptn', { ...config, max_msgs: 1_000_000 })
  t.regex(await finds(HOME, 'DOC-610'), /drops events beyond 1000000/)
  await jetstream.streams.update('keptn', { ...config, max_msgs: -1 })
  await jetstream.consumers.add('keptn', {
    durable_name: 'signet-elsewhere',
    ack_policy: AckPolicy.Explicit,
  })
  t.regex(await finds(HOME, 'DOC-628'), /signet-elsewhere of keptn/)
  await jetstream.consumers.delete('keptn', 'signet-elsewhere')
  await findsNothing(HOME, 'DOC-628')
  await nc.close()
})

test.serial('what was set aside is told, with stamp and reason', async (t) => {
  t.timeout(LIMIT_MS)
  await rig.publish('a', 'sh.keptn.event.deployment.finished', 'no json')
  t.regex(await finds(HOME, 'DOC-641'), /main: 1 in all, 1 not-json of a/)
})

test.serial('a stamp whose agent is gone is missed there and at home', async (t) => {
  t.timeout(LIMIT_MS)
  await rig.agent('b').kill()
  await rig.publish('b', 'sh.keptn.event.deployment.status.changed', '{}')
  t.regex(await finds('b', 'DOC-623'), /signet-b of SIGNET_LOCAL: 1 wait/)
  t.regex(await finds('b', 'DOC-802'), /stamp b/)
  t.regex(await finds(HOME, 'DOC-853'), /b \(us\/canary\): was last heard 20/)
  rig.agent('b').start()
  await rig.agent('b').ready()
  await findsNothing('b', 'DOC-623')
  await findsNothing(HOME, 'DOC-853')
})

test.serial('without a hub store everything that needs it says so', async (t) => {
  t.timeout(LIMIT_MS)
  const { store } = rig.supercluster
  await store.kill()
  t.regex(await finds(HOME, 'DOC-603'), /the hub store of main \(domain hub\)/)
  t.regex(await finds('a', 'DOC-603'), /the hub store of main/)
  const { found, unseen } = await eventually(
    async () => {
      const all = await here(HOME)
      return all.found.has('DOC-807') && all
    },
    60_000,
    'the agent says that it waits',
  )
  t.true(found.has('DOC-603'))
  t.true(unseen.has('DOC-801'), 'who leads is not known then')
  t.false(found.has('DOC-606'), 'what cannot be seen is not called missing')
  const { code, stdout } = await command(HOME, '--only', 'DOC-603')
  t.is(code, 1)
  t.regex(stdout, /^✗ DOC-603 JetStream does not answer\./)
  t.regex(stdout, /mend {2}/)
  await store.restart()
})
