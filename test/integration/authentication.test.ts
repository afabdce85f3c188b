import { nkeys } from '@nats-io/transport-node'
import type { ExecutionContext } from 'ava'
import test from 'ava'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { fileURLToPath } from 'node:url'
import { AgentProcess } from '../../src/demo/agent-process.ts'
import { eventually } from '../support/federation.ts'
import { Operator } from '../support/nats-jwt.ts'
import { natsServer } from '../support/nats-server.ts'

const CLI = fileURLToPath(new URL('../../src/cli.js', import.meta.url))
const TLS = resolve('test/fixtures/tls')
const LIMIT_MS = 30_000

/** One way to be let in: what the server is told, and the settings of an agent, without `SIGNET_` or `KEPTN_`. */
interface Way {
  readonly config: string
  readonly settings: Readonly<Record<string, string>>
}

async function folder(t: ExecutionContext): Promise<string> {
  const dir = await mkdtemp(join(tmpdir(), 'signet-authentication-'))
  t.teardown(() => rm(dir, { recursive: true, force: true }))
  return dir
}

const tls = (verify: boolean): string =>
  `tls { cert_file: "${TLS}/loopback.pem", key_file: "${TLS}/loopback.key", ca_file: "${TLS}/ca.pem", verify: ${verify} }`

/** An nkey, and the file with its seed. */
function nkey() {
  const pair = nkeys.createUser()
  return { key: pair.getPublicKey(), seed: new TextDecoder().decode(pair.getSeed()) }
}

const userConfig = (user: string): string => `authorization { users: [${user}] }`

const WAYS: Readonly<Record<string, (dir: string) => Promise<Way>>> = {
  'user and password': () =>
    Promise.resolve({
      config: userConfig('{ user: ann, password: "s3cret" }'),
      settings: { NATS_USER: 'ann', NATS_PASSWORD: 's3cret' },
    }),
  'a password in a file': async (dir) => {
    await writeFile(join(dir, 'password'), 's3cret\n')
    return {
      config: userConfig('{ user: ann, password: "s3cret" }'),
      settings: { NATS_USER: 'ann', NATS_PASSWORD_FILE: join(dir, 'password') },
    }
  },
  token: () =>
    Promise.resolve({
      config: 'authorization { token: "t0ken" }',
      settings: { NATS_TOKEN: 't0ken' },
    }),
  'an nkey': () => {
    const { key, seed } = nkey()
    return Promise.resolve({
      config: userConfig(`{ nkey: ${key} }`),
      settings: { NATS_NKEY: seed },
    })
  },
  'an nkey in a file': async (dir) => {
    const { key, seed } = nkey()
    await writeFile(join(dir, 'seed'), seed)
    return {
      config: userConfig(`{ nkey: ${key} }`),
      settings: { NATS_NKEY: join(dir, 'seed') },
    }
  },
  'a credentials file': async (dir) => {
    const operator = new Operator()
    await writeFile(join(dir, 'user.creds'), operator.user().creds)
    return { config: operator.config, settings: { NATS_CREDS: join(dir, 'user.creds') } }
  },
  'TLS, and a password': () =>
    Promise.resolve({
      config: [tls(false), userConfig('{ user: ann, password: "s3cret" }')].join('\n'),
      settings: {
        NATS_USER: 'ann',
        NATS_PASSWORD: 's3cret',
        NATS_TLS_CA: `${TLS}/ca.pem`,
      },
    }),
  'mutual TLS': () =>
    Promise.resolve({
      config: tls(true),
      settings: {
        NATS_TLS_CA: `${TLS}/ca.pem`,
        NATS_TLS_CERT: `${TLS}/loopback.pem`,
        NATS_TLS_KEY: `${TLS}/loopback.key`,
      },
    }),
}

/** The same settings for both sides. */
function bothSides(settings: Readonly<Record<string, string>>): Record<string, string> {
  const named = Object.entries(settings)
  return Object.fromEntries(
    ['SIGNET', 'KEPTN'].flatMap((side) =>
      named.map(([name, value]) => [`${side}_${name}`, value] as const),
    ),
  )
}

/** An agent whose gateway and Keptn NATS are these. */
function agentOf(
  t: ExecutionContext,
  dir: string,
  urls: { readonly gateway: string; readonly keptn: string },
  settings: Readonly<Record<string, string>>,
): AgentProcess {
  const agent = new AgentProcess({
    name: 'eu-canary-1',
    stamp: 'eu-canary-1',
    cli: CLI,
    logFile: join(dir, 'agent.log'),
    environment: {
      SIGNET_STAMP: 'eu-canary-1',
      SIGNET_TOPOLOGY: resolve('topology'),
      SIGNET_NATS_URL: urls.gateway,
      NATS_URL: urls.keptn,
      SIGNET_LISTEN: '127.0.0.1',
      SIGNET_ADMIN_PORT: '0',
      SIGNET_HTTP_PORT: '0',
      SIGNET_SERVICES_PORT: '0',
      ...settings,
    },
  })
  t.teardown(() => agent.kill())
  agent.start()
  return agent
}

/** How often it has connected, by side. */
async function connects(agent: AgentProcess): Promise<Readonly<Record<string, number>>> {
  const counts: Record<string, number> = { gateway: 0, keptn: 0 }
  for (const line of (await agent.log()).split('\n').filter((it) => it.startsWith('{'))) {
    const { message, side = '' } = JSON.parse(line) as { message?: string; side?: string }
    if (message === 'Connected.') counts[side] = (counts[side] ?? 0) + 1
  }
  return counts
}

const connected = (agent: AgentProcess, times = 1) =>
  eventually(
    async () => {
      const { gateway = 0, keptn = 0 } = await connects(agent)
      return gateway >= times && keptn >= times
    },
    LIMIT_MS,
    'both sides let the agent in',
  )

for (const [name, make] of Object.entries(WAYS))
  test.serial(`an agent is let in on both sides with ${name}`, async (t) => {
    t.timeout(90_000)
    const dir = await folder(t)
    const { config, settings } = await make(dir)
    await using gateway = await natsServer({ config })
    await using keptn = await natsServer({ jetstream: false, config })
    const urls = { gateway: gateway.url, keptn: keptn.url }
    const agent = agentOf(t, dir, urls, bothSides(settings))
    await connected(agent)
    // Without them it is not, so that it was these which let it in; and no secret is in its log.
    const stranger = agentOf(t, await folder(t), urls, {})
    await eventually(async () => (await stranger.log()).includes('Not connected.'), LIMIT_MS)
    t.deepEqual(await connects(stranger), { gateway: 0, keptn: 0 })
    t.notRegex(await agent.log(), /s3cret|t0ken|SU[A-Z2-7]{56}/)
  })

test.serial('an nkey and a credentials file are changed while the agent runs', async (t) => {
  t.timeout(90_000)
  const dir = await folder(t)
  const [file, creds] = [join(dir, 'seed'), join(dir, 'user.creds')]
  const [first, second] = [nkey(), nkey()]
  const operator = new Operator()
  const before = operator.user()
  await writeFile(file, first.seed)
  await writeFile(creds, before.creds)
  await using gateway = await natsServer({ config: userConfig(`{ nkey: ${first.key} }`) })
  await using keptn = await natsServer({ config: operator.config })
  const urls = { gateway: gateway.url, keptn: keptn.url }
  const rotating = agentOf(t, dir, urls, { SIGNET_NATS_NKEY: file, KEPTN_NATS_CREDS: creds })
  await connected(rotating)
  const pid = rotating.pid

  // First the servers, so that what the agent holds is refused for a while.
  await gateway.reload(userConfig(`{ nkey: ${second.key} }`))
  operator.revoke(before.key)
  await keptn.reload(operator.config)
  await eventually(async () => (await rotating.log()).includes('Not connected.'), LIMIT_MS)
  await writeFile(file, second.seed)
  await writeFile(creds, operator.user().creds)
  await connected(rotating, 2)
  t.is(rotating.pid, pid)
})

test.serial('an agent says in /readyz that its certificate has expired', async (t) => {
  t.timeout(90_000)
  const dir = await folder(t)
  const mutual = tls(true).replace('/ca.pem', '/other-ca.pem')
  await using gateway = await natsServer({ config: mutual })
  await using keptn = await natsServer()
  const agent = agentOf(
    t,
    dir,
    { gateway: gateway.url, keptn: keptn.url },
    {
      SIGNET_NATS_TLS_CA: `${TLS}/ca.pem`,
      SIGNET_NATS_TLS_CERT: `${TLS}/client-expired.pem`,
      SIGNET_NATS_TLS_KEY: `${TLS}/client-expired.key`,
    },
  )
  const admin = await agent.url()
  const expired = /^gateway NATS: the client certificate .*client-expired\.pem has expired/
  const ready = await eventually(
    async () => {
      const answer = await fetch(`${admin}/readyz`)
      const { reasons = [] } = (await answer.json()) as { reasons?: string[] }
      return reasons.some((reason) => expired.test(reason)) && answer
    },
    LIMIT_MS,
    'the reason is told',
  )
  t.is(ready.status, 503)
})
