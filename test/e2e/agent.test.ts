import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { text } from 'node:stream/consumers'
import { fileURLToPath } from 'node:url'
import test from 'ava'
import { startNatsProcess } from '../../src/demo/nats-process.ts'
import { eventually, HOME, startRig } from '../support/federation.ts'
import { eventOf } from '../support/keptn-event.ts'
import { scraped } from '../support/metrics.ts'
import { natsServer, natsServerBinary } from '../support/nats-server.ts'

const CLI = fileURLToPath(new URL('../../src/cli.js', import.meta.url))
const TOPOLOGY = fileURLToPath(new URL('../../../topology', import.meta.url))

interface Run {
  readonly code: number | null
  readonly stdout: string
  readonly stderr: string
}

async function signet(
  args: readonly string[],
  environment: Readonly<Record<string, string>> = {},
): Promise<Run> {
  const child = spawn(process.execPath, [CLI, ...args], {
    env: { PATH: process.env['PATH'], ...environment },
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  const [stdout, stderr] = await Promise.all([text(child.stdout), text(child.stderr)])
  if (child.exitCode === null) await once(child, 'exit')
  return { code: child.exitCode, stdout, stderr }
}

const agentOf = (gateway: string, keptn: string, more: Readonly<Record<string, string>> = {}) =>
  signet(['agent'], {
    SIGNET_STAMP: 'eu-canary-1',
    SIGNET_TOPOLOGY: TOPOLOGY,
    SIGNET_NATS_URL: gateway,
    NATS_URL: keptn,
    SIGNET_LISTEN: '127.0.0.1',
    SIGNET_ADMIN_PORT: '0',
    SIGNET_HTTP_PORT: '0',
    SIGNET_SERVICES_PORT: '0',
    ...more,
  })

test('wrong flags and unknown commands show the usage and end with 2', async (t) => {
  for (const args of [
    ['bogus'],
    ['agent', '--bogus'],
    ['topology', 'render', '--format', 'png'],
    [],
  ]) {
    const { code, stdout, stderr } = await signet(args)
    t.is(code, 2, args.join(' '))
    t.regex(stderr, /Usage: signet|signet --help/)
    t.is(stdout, '')
    t.notRegex(stderr, /\n\s+at /, 'no stack')
  }
  t.is((await signet(['--help'])).code, 0)
  t.regex((await signet(['--version'])).stdout, /^\d+\.\d+\.\d+\n$/)
})

test('missing and wrong settings are told all at once, and end with 2', async (t) => {
  const environment = { SIGNET_IN_FLIGHT: 'many', SIGNET_ADMIN_PORT: '99999', SIGNET_DRAIN: 'soon' }
  const { code, stderr } = await signet(['agent'], environment)
  t.is(code, 2)
  for (const name of ['SIGNET_STAMP', 'SIGNET_IN_FLIGHT', 'SIGNET_ADMIN_PORT', 'SIGNET_DRAIN'])
    t.regex(stderr, new RegExp(name))
  t.notRegex(stderr, /\n\s+at /)
})

test('a stamp that the topology lacks ends with 2, and the nearest name is told', async (t) => {
  const { code, stderr } = await agentOf('nats://127.0.0.1:1', 'nats://127.0.0.1:1', {
    SIGNET_STAMP: 'eu-canary-9',
  })
  t.is(code, 2)
  t.regex(stderr, /eu-canary-9.*eu-canary-1/s)
})

test('a broken topology ends with 2, every mistake with its line', async (t) => {
  const dir = await mkdtemp(join(tmpdir(), 'signet-test-'))
  try {
    await writeFile(join(dir, 'a.yaml'), 'apiVersion: signet/v1\nkind: Ring\ngeo: eu\nrnig: x\n')
    const { code, stderr } = await signet(['agent'], { SIGNET_STAMP: 'a', SIGNET_TOPOLOGY: dir })
    t.is(code, 2)
    t.regex(stderr, /a\.yaml:4:1/)
  } finally {
    await rm(dir, { recursive: true })
  }
})

test('one server for both sides is refused with 2, and the way out is told', async (t) => {
  t.timeout(30_000)
  await using server = await natsServer({ jetstream: true })
  const { code, stderr } = await agentOf(server.url, server.url)
  t.is(code, 2)
  t.regex(stderr, /are one account/)
  t.regex(stderr, /SIGNET_NATS_URL and NATS_URL/)
})

test('two servers whose account is linked by a leaf node are refused as well', async (t) => {
  t.timeout(30_000)
  const binary = await natsServerBinary()
  await using hub = await startNatsProcess({
    binary,
    config: 'leafnodes { listen: "127.0.0.1:-1" }',
  })
  const { leaf } = (await hub.monitor('/varz')) as { leaf: { port: number } }
  await using leafNode = await startNatsProcess({
    binary,
    config: `jetstream: enabled\nleafnodes { remotes: [{ url: "nats-leaf://127.0.0.1:${leaf.port}" }] }`,
  })
  await eventually(async () => {
    const { leafnodes } = (await hub.monitor('/leafz')) as { leafnodes: number }
    return leafnodes === 1
  })
  const { code, stderr } = await agentOf(hub.url, leafNode.url)
  t.is(code, 2)
  t.regex(stderr, /are one account/)
})

test('a taken port ends the start with 2 and names the setting', async (t) => {
  await using server = await natsServer()
  const { code, stderr } = await agentOf('nats://127.0.0.1:1', 'nats://127.0.0.1:1', {
    SIGNET_ADMIN_PORT: String(server.port),
  })
  t.is(code, 2)
  t.regex(stderr, /SIGNET_ADMIN_PORT/)
})

test.serial(
  'an agent lives without its servers, says what it lacks, and works when they come',
  async (t) => {
    t.timeout(90_000)
    await using rig = await startRig()
    await rig.startKeptn()
    for (const server of ['gateway-eu', 'keptn-a']) await rig.supercluster.process(server).kill()
    const agent = rig.agent('a')
    agent.start()
    const admin = await agent.url()
    const readyz = async () => {
      const response = await fetch(`${admin}/readyz`)
      const { reasons } = (await response.json()) as { readonly reasons: readonly string[] }
      return { code: response.status, reasons }
    }
    t.is((await fetch(`${admin}/livez`)).status, 200)
    const lacking = await readyz()
    t.is(lacking.code, 503)
    t.regex(lacking.reasons.join(), /Keptn NATS: .*gateway NATS|gateway NATS: .*Keptn NATS/s)
    for (const server of ['gateway-eu', 'keptn-a']) await rig.supercluster.process(server).restart()
    rig.agent(HOME).start()
    await agent.ready()
    t.is((await readyz()).code, 200)
    // Every series tells where the agent stands.
    const place = { geo: 'eu', ring: 'canary', stamp: 'a' }
    for (const link of ['gateway', 'keptn'])
      t.is(await scraped(admin, 'signet_link_up', { link, ...place }), 1)
    const status = (await (await fetch(`${admin}/status`)).json()) as Readonly<
      Record<string, unknown>
    >
    t.like(status, { stamp: 'a', geo: 'eu', ring: 'canary', ready: true })
    t.is(await agent.stop(), 0, 'a drain ends with 0')
  },
)

test.serial(
  'a drain that cannot end in time ends with 3, and what it held comes to the next',
  async (t) => {
    t.timeout(90_000)
    await using rig = await startRig({ environment: { SIGNET_DRAIN: '1s' } })
    await rig.startKeptn()
    await rig.startAgents()
    const heard = await rig.listen(HOME)
    await rig.supercluster.store.pause()
    const event = eventOf('sh.keptn.event.dev.delivery.triggered')
    await rig.publish('a', event.type, JSON.stringify(event))
    const agent = rig.agent('a')
    const admin = await agent.url()
    const inFlight = () => scraped(admin, 'signet_in_flight', { direction: 'up' })
    await eventually(async () => ((await inFlight()) ?? 0) > 0, 10_000)
    t.is(await agent.stop(), 3)
    rig.supercluster.store.resume()
    agent.start()
    await eventually(() => heard.withId(event.id).length > 0, 40_000, 'the event arrived')
    t.is(heard.withId(event.id).length, 1)
  },
)

test.serial('a wrong password keeps an agent from being ready, and is told nowhere', async (t) => {
  t.timeout(60_000)
  await using server = await startNatsProcess({
    binary: await natsServerBinary(),
    config: 'authorization { user: fed, password: right }',
  })
  await using rig = await startRig({
    environment: { SIGNET_NATS_URL: server.url, SIGNET_NATS_PASSWORD: 'hunter2-is-wrong' },
  })
  const agent = rig.agent('a')
  agent.start()
  const admin = await agent.url()
  const body = await eventually(async () => {
    const readyz = await (await fetch(`${admin}/readyz`)).text()
    return /authoriz/i.test(readyz) ? readyz : undefined
  }, 15_000)
  const status = await (await fetch(`${admin}/status`)).text()
  t.notRegex(body + status + (await agent.log()), /hunter2/)
  t.is(await agent.stop(), 0)
})
