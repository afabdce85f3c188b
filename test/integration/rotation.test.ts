import { nkeys } from '@nats-io/transport-node'
import type { ExecutionContext } from 'ava'
import test from 'ava'
import { copyFile, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { MESSAGE_ID } from '../../src/links/header-names.ts'
import type { NatsAuth } from '../../src/links/nats-options.ts'
import { Publisher } from '../../src/links/publisher.ts'
import { Store } from '../../src/links/store.ts'
import { eventually } from '../support/federation.ts'
import { natsServer } from '../support/nats-server.ts'
import { connectedSide, newSide } from '../support/nats-side.ts'

// What lets a side in is replaced while it publishes: the server lets the old go, and the side comes back with the new.

const TLS = resolve('test/fixtures/tls')
const LIMIT_MS = 30_000
const STREAM = 'EVENTS'

/** A way to be let in by files that may be replaced. */
interface Rotation {
  readonly auth: NatsAuth
  /** What the server is told at first, and once the files are others. */
  readonly before: string
  readonly after: string
  /** Files by their path, as they become. */
  replace(): Promise<void>
  readonly files: readonly string[]
}

const users = (user: string): string => `authorization { users: [${user}] }`

async function oneLine(
  path: string,
  texts: readonly [string, string],
  rest: Pick<Rotation, 'auth' | 'before' | 'after'>,
): Promise<Rotation> {
  await writeFile(path, `${texts[0]}\n`)
  return { ...rest, files: [path], replace: () => writeFile(path, `${texts[1]}\n`) }
}

const KINDS: Readonly<Record<string, (dir: string) => Promise<Rotation>>> = {
  'a password file': (dir) =>
    oneLine(join(dir, 'password'), ['first', 'second'], {
      auth: { user: 'ann', passwordFile: join(dir, 'password') },
      before: users('{ user: ann, password: first }'),
      after: users('{ user: ann, password: second }'),
    }),
  'a token file': (dir) =>
    oneLine(join(dir, 'token'), ['first', 'second'], {
      auth: { tokenFile: join(dir, 'token') },
      before: 'authorization { token: first }',
      after: 'authorization { token: second }',
    }),
  'an nkey file': (dir) => {
    const pairs = [nkeys.createUser(), nkeys.createUser()] as const
    const [first, second] = pairs.map((pair) => new TextDecoder().decode(pair.getSeed()))
    return oneLine(join(dir, 'seed'), [first ?? '', second ?? ''], {
      auth: { nkeyFile: join(dir, 'seed') },
      before: users(`{ nkey: ${pairs[0].getPublicKey()} }`),
      after: users(`{ nkey: ${pairs[1].getPublicKey()} }`),
    })
  },
  'a client certificate': async (dir) => {
    const files = [join(dir, 'tls.pem'), join(dir, 'tls.key')]
    const put = async (name: string): Promise<void> => {
      await copyFile(join(TLS, `${name}.pem`), join(dir, 'tls.pem'))
      await copyFile(join(TLS, `${name}.key`), join(dir, 'tls.key'))
    }
    await put('client-one')
    const config = (name: string): string =>
      [serverTls('loopback', 'verify_and_map: true'), users(`{ user: "CN=${name}" }`)].join('\n')
    return {
      auth: { tlsCa: join(TLS, 'ca.pem'), tlsCert: files[0] ?? '', tlsKey: files[1] ?? '' },
      before: config('client-one'),
      after: config('client-two'),
      files,
      replace: () => put('client-two'),
    }
  },
}

function serverTls(name: string, how: string): string {
  return `tls { cert_file: "${TLS}/${name}.pem", key_file: "${TLS}/${name}.key", ca_file: "${TLS}/other-ca.pem", ${how} }`
}

async function folder(t: ExecutionContext): Promise<string> {
  const dir = await mkdtemp(join(tmpdir(), 'signet-rotation-'))
  t.teardown(() => rm(dir, { recursive: true, force: true }))
  return dir
}

/** Publishes without a pause until it is told to stop; then says how many messages there were. */
function publishing(publisher: Publisher) {
  const over = new AbortController()
  const body = new TextEncoder().encode('{}')
  const run = async (): Promise<number> => {
    const all: Promise<unknown>[] = []
    while (!over.signal.aborted) {
      const headers = { [MESSAGE_ID]: `id-${all.length}` }
      all.push(publisher.store({ subject: 'events.a', body, stream: STREAM, headers }))
      await sleep(2)
    }
    await Promise.all(all)
    return all.length
  }
  const count = run()
  return {
    end: () => {
      over.abort()
      return count
    },
  }
}

for (const [name, make] of Object.entries(KINDS))
  test(`${name} is replaced without a restart, and nothing is lost meanwhile`, async (t) => {
    t.timeout(90_000)
    const rotation = await make(await folder(t))
    await using server = await natsServer({ jetstream: true, config: rotation.before })
    const side = await connectedSide(server.url, { auth: rotation.auth })
    const store = new Store(side)
    await store.ensureStream({
      name: STREAM,
      subjects: ['events.>'],
      maxAgeMs: 600_000,
      duplicateWindowMs: 600_000,
      replicas: 1,
    })
    const publisher = new Publisher(side)
    publisher.start()
    const load = publishing(publisher)
    try {
      await rotation.replace()
      await server.reload(`jetstream: enabled\n${rotation.after}`)
      await eventually(() => side.connects === 2 && side.isConnected, LIMIT_MS, 'it is back')

      // And with the files away for a moment: it goes on with what it had, and says what is wrong if that is refused.
      for (const file of rotation.files) await rm(file)
      await server.reload(`jetstream: enabled\n${rotation.before}`)
      const missing = rotation.files[0] ?? ''
      await eventually(
        () => side.state.reason?.includes(`${missing} cannot be read (ENOENT)`),
        LIMIT_MS,
        `the reason names the file: ${side.state.reason}`,
      )
      await rotation.replace()
      await server.reload(`jetstream: enabled\n${rotation.after}`)
      await eventually(() => side.isConnected, LIMIT_MS, 'it is back again')
      const count = await load.end()
      t.true(count > 10)
      t.is((await store.stream(STREAM))?.messages, count)
    } finally {
      // Where the test has failed, what waits fails with the publisher.
      load.end().catch(() => undefined)
      publisher.stop()
      await side.close()
    }
  })

test('a certificate whose time is over is the reason that is told, whoever holds it', async (t) => {
  t.timeout(60_000)
  const dir = await folder(t)
  const files = { tlsCert: join(dir, 'tls.pem'), tlsKey: join(dir, 'tls.key') }
  const put = async (name: string): Promise<void> => {
    await copyFile(join(TLS, `${name}.pem`), files.tlsCert)
    await copyFile(join(TLS, `${name}.key`), files.tlsKey)
  }
  await put('client-one')
  await using server = await natsServer({ config: serverTls('loopback', 'verify: true') })
  await using expired = await natsServer({ config: serverTls('loopback-expired', 'verify: false') })
  const side = await connectedSide(server.url, { auth: { ...files, tlsCa: join(TLS, 'ca.pem') } })
  try {
    // Nobody notices until the connection breaks.
    await put('client-expired')
    await server.restart()
    const told = `the client certificate ${files.tlsCert} has expired (2021-01-01T00:00:00.000Z)`
    await eventually(() => side.state.reason === told, LIMIT_MS, 'the reason is told')
    await put('client-two')
    await eventually(() => side.isConnected, LIMIT_MS, 'it is back')
  } finally {
    await side.close()
  }
  const other = newSide(expired.url, { auth: { tlsCa: join(TLS, 'other-ca.pem') } })
  const stopping = new AbortController()
  const connecting = other.connect(stopping.signal).catch(() => undefined)
  await eventually(
    () => other.state.reason?.startsWith('the certificate of the server'),
    LIMIT_MS,
    'the reason is told',
  )
  stopping.abort()
  await connecting
  t.false(other.isConnected)
})
