import { readFile } from 'node:fs/promises'
import test from 'ava'
import type { NatsConfigCommand } from '../../src/commands/topology-nats-config.ts'
import { runTopologyNatsConfig } from '../../src/commands/topology-nats-config.ts'
import { readTopology } from '../../src/config/topology-load.ts'
import { CHANGING_VERBS, READING_VERBS } from '../../src/domain/control.ts'
import { federationAccess } from '../../src/domain/nats-access/accounts.ts'
import { accountsText } from '../../src/domain/nats-access/config-text.ts'
import { isAnswerSubject, subjectMatches } from '../../src/domain/subject.ts'
import { isSignetError } from '../../src/errors.ts'
import type { HubParts } from '../../src/hub/control-handlers.ts'
import { controlHandlers } from '../../src/hub/control-handlers.ts'

const FOLDER = 'test/fixtures/topology/permissions'

async function run(more: Partial<NatsConfigCommand> = {}) {
  const out: string[] = []
  const err: string[] = []
  const code = await runTopologyNatsConfig({
    dir: FOLDER,
    json: false,
    color: false,
    joined: [],
    leaf: [],
    together: [],
    renew: [],
    force: false,
    credential: 'password',
    format: 'conf',
    stdout: { write: (text) => out.push(text) },
    stderr: { write: (text) => err.push(text) },
    ...more,
  })
  return { code, out: out.join(''), err: err.join('') }
}

async function topologyOf(dir: string) {
  const parsed = await readTopology(dir)
  if (!parsed.ok) throw new Error(JSON.stringify(parsed.mistakes))
  return parsed.topology
}

test('accounts, users and permissions are as they are written down', async (t) => {
  const { code, out, err } = await run()
  t.is(code, 0)
  t.is(out, await readFile(`${FOLDER}.accounts.txt`, 'utf8'))
  t.regex(err, /^Passwords are variables/)
  t.is((await run()).out, out)
})

test('no secret stands in what is made, but the name of its variable', async (t) => {
  const { out } = await run({ json: true })
  const { servers } = JSON.parse(out) as {
    servers: { server: string; text: string; variables: string[] }[]
  }
  t.true(servers.length > 3)
  for (const { server, text, variables } of servers) {
    const passwords = [...text.matchAll(/password: (\S+)/g)].map(([, it]) => it)
    t.deepEqual(
      passwords.filter((it) => it !== '"keptn"').map((it) => it?.slice(1)),
      variables,
      server,
    )
  }
  const nkeys = await run({ credential: 'nkey', stamp: 'eu-1' })
  t.true(nkeys.out.includes('{ nkey: $NATS_NKEY_STAMP_EU_1'))
  // Of a leaf link, for which nats-server 2.9.10 takes no nkey.
  const passwords = nkeys.out.matchAll(/\$(NATS_PASSWORD_\w+)/g)
  t.deepEqual(
    [...passwords].map(([, name]) => name),
    ['NATS_PASSWORD_STORE_MAIN'],
  )
})

test('a stamp gets the servers that it connects to, listed or not', async (t) => {
  const serversOf = async (more: Partial<NatsConfigCommand>) => {
    const { servers } = JSON.parse((await run({ json: true, ...more })).out) as {
      servers: { server: string }[]
    }
    return servers.map(({ server }) => server)
  }
  t.deepEqual(await serversOf({ stamp: 'us-1' }), ['gateway-us', 'keptn-us-1'])
  t.deepEqual(await serversOf({ stamp: 'core' }), ['gateway-eu', 'store-main', 'keptn-core'])
  t.deepEqual(await serversOf({ stamp: 'eu-new', joined: ['eu/eu-new'] }), [
    'gateway-eu',
    'keptn-eu-new',
  ])
  for (const more of [
    { stamp: 'eu-new' },
    ...['us/eu-new', 'eu/other', 'eu/eu-1', 'eu-new', 'eu/eu-new/x'].map((name) => ({
      joined: [name],
    })),
  ]) {
    const error = await t.throwsAsync(run(more))
    t.true(isSignetError(error, 'SIGNET_USAGE'), JSON.stringify(more))
  }
})

test('a stamp that is a leaf node has both sides on its server, and only one is linked', async (t) => {
  const { out } = await run({ leaf: ['us-1'], stamp: 'us-1' })
  const keptn = out.slice(out.indexOf('# keptn-us-1'))
  t.regex(keptn, /^ {2}KEPTN \{\n {4}jetstream: enabled/m)
  t.regex(
    keptn,
    /^ {2}GATEWAY \{\n {4}users: \[\n.*\n {6}\{ user: "stamp-us-1", password: \$NATS_PASSWORD_STAMP_US_1/m,
  )
  for (const leaf of ['core', 'nobody']) {
    const error = await t.throwsAsync(run({ leaf: [leaf] }))
    t.true(isSignetError(error, 'SIGNET_USAGE'), leaf)
  }
})

test('servers that are one have all accounts, and no link between them', async (t) => {
  const { out } = await run({ together: ['gateway-eu,store-main,keptn-core'] })
  const one = out.slice(0, out.indexOf('# gateway-us'))
  t.regex(one, /^ {2}FED \{\n {4}jetstream: enabled\n {4}mappings \{/m)
  // Where two of them match, the server takes either.
  const mappings = [...one.matchAll(/^ {6}"(\$JS\S+)": "\$\S+"$/gm)].map(([, it = '']) => it)
  t.is(mappings.length, 5)
  for (const a of mappings)
    for (const b of mappings) if (a !== b) t.false(subjectMatches(a, b.replace('>', 'x')), a)
  for (const user of ['hub-main', 'admin-main', 'stamp-eu-1', 'agent-core', 'keptn'])
    t.is(one.split(`{ user: "${user}"`).length, 2, user)
  t.false(one.includes('user: "store-main"'))
  t.regex(one, /^no_auth_user: "keptn"$/m)
  t.is(out.split('# store-main:').length, 1)
  for (const group of [
    'gateway-eu,nothing',
    'gateway-eu,gateway-eu',
    'keptn-core,keptn-eu-1',
    'gateway-eu,keptn-eu-1',
  ]) {
    const error = await t.throwsAsync(run({ together: [group], leaf: ['eu-1'] }))
    t.true(isSignetError(error, 'SIGNET_USAGE'), group)
  }
})

test('a topology with mistakes gets none', async (t) => {
  const { code, out } = await run({ dir: 'test/fixtures/topology/broken' })
  t.deepEqual([code, out], [2, ''])
})

test('each stamp is an account of its own, and no two may say the same', async (t) => {
  for (const dir of [FOLDER, 'topology']) {
    const seen = new Map<string, string>()
    const gateways = federationAccess(await topologyOf(dir)).filter(({ server }) =>
      server.startsWith('gateway-'),
    )
    for (const { accounts } of gateways)
      for (const { name, users, jetstream } of accounts) {
        t.false(jetstream, 'no JetStream on a gateway')
        if (!name.startsWith('STAMP_')) continue
        t.is(users.length, 1)
        for (const { subject } of users[0]?.rights?.says ?? []) {
          t.is(seen.get(subject), undefined, subject)
          seen.set(subject, name)
          t.notRegex(subject, /STREAM\.|CONSUMER\.(CREATE|DELETE|DURABLE|LIST)|\$KV/, subject)
        }
      }
    t.true(seen.size > 0)
    for (const a of seen.keys())
      for (const b of seen.keys())
        if (a !== b && !a.includes('*') && !a.endsWith('>')) t.false(subjectMatches(b, a))
  }
})

test('the verbs that permissions know are those of the hub', (t) => {
  const handlers = controlHandlers({} as HubParts)
  const verbs = (changes: boolean) =>
    handlers.filter((it) => it.changes === changes).map(({ verb }) => verb)
  // What is missing here is refused to everybody: it belongs into src/domain/control.ts.
  t.deepEqual(verbs(false).toSorted(), [...READING_VERBS])
  t.deepEqual(verbs(true).toSorted(), [...CHANGING_VERBS])
})

test('only inboxes are answered', (t) => {
  for (const reply of ['_INBOX.a.x', '_R_.x.y', '_GR_.c.s._INBOX.a.x.1', '_GR_.c.s._R_.x'])
    t.true(isAnswerSubject(reply), reply)
  for (const reply of [
    '',
    '_INBOX',
    '_INBOX.',
    '_INBOX.>',
    'signet.F.down.C.eu.canary.a.x',
    '$JS.API.STREAM.DELETE.X',
    '_GR_.c.s.signet.F.down',
    'x._INBOX.a',
  ])
    t.false(isAnswerSubject(reply), reply)
})

test('nothing but the topology decides what is made', async (t) => {
  const topology = await topologyOf('topology')
  const text = () => federationAccess(topology).map((access) => accountsText(access, 'nkey'))
  t.deepEqual(text(), text())
})
