import type { ExecutionContext } from 'ava'
import test from 'ava'
import { nkeys } from '@nats-io/transport-node'
import { chmod, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { readFiles } from '../../../src/doctor/probes/files.ts'
import { readMachine } from '../../../src/doctor/probes/machine.ts'
import { setup } from './facts.ts'

const TLS = resolve('test/fixtures/tls')
const SEED = new TextDecoder().decode(nkeys.createUser().getSeed())

async function written(t: ExecutionContext, text: string, mode = 0o600): Promise<string> {
  const dir = await mkdtemp(join(tmpdir(), 'signet-files-'))
  t.teardown(() => rm(dir, { recursive: true, force: true }))
  const path = join(dir, 'file')
  await writeFile(path, text)
  await chmod(path, mode)
  return path
}

/** What is found in the files of some settings. */
async function look(environment: Readonly<Record<string, string>>) {
  return readFiles(setup({ environment }).settings)
}

/** Credentials whose JWT ends at a time in seconds. */
function creds(exp?: number): string {
  const claims = Buffer.from(JSON.stringify({ sub: 'U', ...(exp && { exp }) })).toString(
    'base64url',
  )
  return [
    '-----BEGIN NATS USER JWT-----',
    `aGVhZA.${claims}.c2lnbmF0dXJl`,
    '------END NATS USER JWT------',
    '-----BEGIN USER NKEY SEED-----',
    SEED,
    '------END USER NKEY SEED------',
  ].join('\n')
}

test('a file that is not there is told with its setting', async (t) => {
  const [file] = await look({ SIGNET_NATS_CREDS: '/nowhere/creds' })
  t.like(file, {
    setting: 'SIGNET_NATS_CREDS',
    path: '/nowhere/creds',
    isSecret: true,
    unreadable: 'it does not exist',
  })
})

test('credentials: when they end, and what is none; nothing of a secret is in the facts', async (t) => {
  const path = await written(t, creds(1_800_000_000), 0o644)
  const found = await look({ KEPTN_NATS_CREDS: path })
  t.like(found[0], { expiresAt: 1_800_000_000_000, mode: 0o644, isSecret: true })
  t.is(found[0]?.problem, undefined)
  t.false(JSON.stringify(found).includes(SEED))
  const forEver = await look({ KEPTN_NATS_CREDS: await written(t, creds()) })
  t.is(forEver[0]?.expiresAt, undefined)
  const other = await look({ KEPTN_NATS_CREDS: await written(t, SEED) })
  t.regex(other[0]?.problem ?? '', /no credentials file/)
})

test('nkeys: a seed, and what is none', async (t) => {
  const [seed] = await look({ SIGNET_NATS_NKEY: await written(t, `${SEED}\n`) })
  t.is(seed?.problem, undefined)
  const [other] = await look({ SIGNET_NATS_NKEY: await written(t, 'S3CRET') })
  t.regex(other?.problem ?? '', /no seed/)
})

test('passwords and tokens in files: what is in them nobody is told, but that nothing is', async (t) => {
  const found = await look({
    SIGNET_NATS_USER: 'ann',
    SIGNET_NATS_PASSWORD_FILE: await written(t, 's3cret'),
    KEPTN_NATS_TOKEN_FILE: await written(t, '\n'),
  })
  t.deepEqual(
    found.map(({ setting, isSecret, problem }) => [setting, isSecret, problem]),
    [
      ['SIGNET_NATS_PASSWORD_FILE', true, undefined],
      ['KEPTN_NATS_TOKEN_FILE', true, 'is empty'],
    ],
  )
  t.false(JSON.stringify(found).includes('s3cret'))
})

const MUTUAL = {
  SIGNET_NATS_TLS_CA: `${TLS}/ca.pem`,
  SIGNET_NATS_TLS_CERT: `${TLS}/loopback.pem`,
  SIGNET_NATS_TLS_KEY: `${TLS}/loopback.key`,
}

test('certificates: their names and times, who signed them, and whose key it is', async (t) => {
  const [ca, certificate, key] = await look(MUTUAL)
  t.like(ca, { isSecret: false, certificates: [{ name: 'test authority' }] })
  t.like(certificate, { isSignedByCa: true, certificates: [{ name: 'loopback' }] })
  t.true((certificate?.certificates[0]?.notAfter ?? 0) > Date.UTC(2100, 0, 1))
  t.like(key, { isSecret: true, setting: 'SIGNET_NATS_TLS_KEY' })
  t.is(key?.isForeign, undefined)
  const [, , foreign] = await look({ ...MUTUAL, SIGNET_NATS_TLS_KEY: `${TLS}/elsewhere.key` })
  t.true(foreign?.isForeign)
  const [, self] = await look({ ...MUTUAL, SIGNET_NATS_TLS_CA: `${TLS}/loopback.pem` })
  t.false(self?.isSignedByCa)
})

test('a CA or a key that is none is told without what is in it', async (t) => {
  const wrong = await written(t, 'p4ssphrase')
  const found = await look({
    ...MUTUAL,
    SIGNET_NATS_TLS_CA: wrong,
    SIGNET_NATS_TLS_KEY: wrong,
    SIGNET_API_TLS_CA: wrong,
  })
  t.deepEqual(
    found.map(({ problem }) => problem),
    [
      'holds no certificate (PEM)',
      undefined,
      'is no private key without a passphrase',
      'holds no certificate (PEM)',
    ],
  )
  t.false(JSON.stringify(found).includes('p4ssphrase'))
})

test('the machine says which Node it has, and what it may use', async (t) => {
  const { node, openFiles = 1, memoryBytes = 1 } = await readMachine()
  t.is(node, process.versions.node)
  t.true(openFiles > 0)
  t.true(memoryBytes > 0)
})
