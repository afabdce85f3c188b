import test from 'ava'
import { mkdtemp, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { runTopologyNatsConfig } from '../../src/commands/topology-nats-config.ts'
import { eventually } from '../support/federation.ts'
import { natsServer } from '../support/nats-server.ts'
import { connectedSide, newSide } from '../support/nats-side.ts'

const FOLDER = 'test/fixtures/topology/permissions'

test('keys are made once, kept in files of their owner, and let their user in until they are renewed', async (t) => {
  t.timeout(60_000)
  const dir = await mkdtemp(join(tmpdir(), 'signet-keys-'))
  t.teardown(() => rm(dir, { recursive: true, force: true }))
  const [out, keys] = [join(dir, 'accounts'), join(dir, 'keys')]
  let said = ''
  const run = (more: { force?: boolean; renew?: readonly string[] } = {}) =>
    runTopologyNatsConfig({
      dir: FOLDER,
      out,
      keys,
      json: false,
      color: false,
      joined: [],
      leaf: [],
      together: [],
      renew: [],
      force: false,
      credential: 'nkey',
      format: 'conf',
      stdout: { write: (text) => (said += text) },
      stderr: { write: (text) => (said += text) },
      ...more,
    })
  const accounts = (server: string) => readFile(join(out, `${server}.accounts.conf`), 'utf8')
  await run()
  const seed = join(keys, 'agent-eu-1.nk')
  t.is((await stat(seed)).mode & 0o777, 0o600)
  t.is((await stat(keys)).mode & 0o777, 0o700)
  const [first, text] = [await readFile(seed, 'utf8'), await accounts('keptn-eu-1')]
  await run()
  t.deepEqual([await readFile(seed, 'utf8'), await accounts('keptn-eu-1')], [first, text])
  // The link of the store shows a password, which nobody made.
  t.false((await readdir(keys)).includes('store-main.nk'))
  t.regex(await accounts('gateway-eu'), /^#\s+NATS_PASSWORD_STORE_MAIN$/m)

  await using server = await natsServer({ jetstream: true, config: text })
  const auth = { nkeyFile: seed }
  await (await connectedSide(server.url, { auth, name: 'eu-1' })).close()

  // What would change files that servers have is not done by the way.
  const before = await accounts('gateway-eu')
  await writeFile(join(out, 'gateway-eu.accounts.conf'), '# by hand\n')
  await t.throwsAsync(run(), { code: 'SIGNET_USAGE' })
  t.is(await accounts('gateway-eu'), '# by hand\n')
  await run({ force: true, renew: ['agent-eu-1'] })
  t.is(await accounts('gateway-eu'), before)
  t.not(await readFile(seed, 'utf8'), first)
  await server.reload(`jetstream: enabled\n${await accounts('keptn-eu-1')}`)
  await (await connectedSide(server.url, { auth, name: 'eu-1' })).close()
  await writeFile(seed, first)
  const old = newSide(server.url, { auth, name: 'eu-1' })
  const stopping = new AbortController()
  const connecting = old.connect(stopping.signal).catch(() => undefined)
  await eventually(() => old.isRefused, 20_000, 'the old key is refused')
  stopping.abort()
  await connecting

  await writeFile(seed, 'no seed')
  await t.throwsAsync(run({ force: true }), { code: 'SIGNET_USAGE' })
  t.is(await readFile(seed, 'utf8'), 'no seed')
  t.notRegex(said, /SU[A-Z2-7]{56}/)
})
