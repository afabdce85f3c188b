import { chmod, mkdir, mkdtemp, readdir, rm, utimes, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import test from 'ava'
import { withFileLock } from '../../src/demo/file-lock.ts'
import {
  type FoundNatsServer,
  describeNatsServer,
  findNatsServer,
} from '../../src/demo/nats-server-binary.ts'
import { cachedServers, keepInCache } from '../../src/demo/nats-server-cache.ts'
import { isOlder, usableVersion } from '../../src/demo/nats-server-version.ts'
import { type NatsServerSource, presentSources } from '../../src/demo/nats-sources.ts'
import { SignetError } from '../../src/errors.ts'

async function folder(): Promise<AsyncDisposable & { readonly path: string }> {
  const path = await mkdtemp(join(tmpdir(), 'signet-test-'))
  return { path, [Symbol.asyncDispose]: () => rm(path, { recursive: true, force: true }) }
}

async function fakeServer(path: string, version: string): Promise<string> {
  await mkdir(dirname(path), { recursive: true })
  await writeFile(path, `#!/bin/sh\necho "nats-server: v${version}"\n`)
  await chmod(path, 0o755)
  return path
}

function offering(name: string, ...paths: readonly string[]): NatsServerSource {
  const candidates = paths.map((path) => ({ path, from: name }))
  return { name, candidates: () => Promise.resolve(candidates) }
}

function failing(name: string, reason: string): NatsServerSource {
  return { name, candidates: () => Promise.reject(new Error(reason)) }
}

test('the first source that has a working server ends the search', async (t) => {
  await using dir = await folder()
  const first = await fakeServer(join(dir.path, 'first'), '2.10.1')
  const second = await fakeServer(join(dir.path, 'second'), '2.15.1')
  const never = failing('never asked', 'it was asked')
  const sources = [offering('none'), offering('one', first), offering('two', second), never]
  const found = await findNatsServer({ sources })
  t.deepEqual(found, { path: first, version: '2.10.1', from: 'one', passedOver: [] })
})

test('a source that fails does not end the search', async (t) => {
  await using dir = await folder()
  const path = await fakeServer(join(dir.path, 'nats-server'), '2.9.10')
  const sources = [failing('release', 'no network'), offering('package', path)]
  t.is((await findNatsServer({ sources })).from, 'package')
})

test('a server that is too old, absent or none at all is passed over and named in the line', async (t) => {
  await using dir = await folder()
  const old = await fakeServer(join(dir.path, 'old'), '2.9.9')
  const absent = join(dir.path, 'absent')
  const good = await fakeServer(join(dir.path, 'good'), '2.9.10')
  const sources = [offering('PATH', old, absent, '/bin/true', good)]
  const line = describeNatsServer(await findNatsServer({ sources }))
  t.true(line.startsWith('nats-server 2.9.10 from PATH; passed over PATH: '), line)
  t.true(line.includes(`${old} is 2.9.9, and 2.9.10 or newer is needed`), line)
  t.regex(line, /absent cannot be run \(.*ENOENT\)/)
  t.regex(line, /\/bin\/true does not answer/)
})

test('where there is none, one sentence tells three ways and the details tell what was tried', async (t) => {
  const sources = [
    offering('PATH'),
    failing('release', 'no network'),
    offering('image', '/bin/true'),
  ]
  const error = await t.throwsAsync(findNatsServer({ sources }), { instanceOf: SignetError })
  t.is(error.code, 'SIGNET_NO_NATS_SERVER')
  for (const way of [/set NATS_SERVER/, /on PATH/, /run Docker/]) t.regex(error.message, way)
  t.is(error.message.match(/\.(?=\s|$)/g)?.length, 1)
  t.deepEqual(error.details['tried'], [
    { source: 'PATH', reason: 'has none' },
    { source: 'release', reason: 'no network' },
    { source: 'image', reason: '/bin/true does not answer --version as a nats-server does' },
  ])
})

test('a server at hand is NATS_SERVER before PATH, in the order of PATH, before the cache', async (t) => {
  await using dir = await folder()
  const cache = join(dir.path, 'cache')
  const [a, b] = [join(dir.path, 'a'), join(dir.path, 'b')]
  const env = { XDG_CACHE_HOME: cache, PATH: `:${b}:.:${a}` }
  const find = (more: Record<string, string> = {}): Promise<FoundNatsServer> =>
    findNatsServer({ sources: presentSources({ ...env, ...more }) })

  const fetched = await fakeServer(join(dir.path, 'fetched'), '2.12.8')
  const cached = await keepInCache(join(cache, 'signet', 'nats-server'), fetched)
  const offered = presentSources(env).at(-1)
  t.deepEqual(
    (await offered?.candidates())?.map(({ path }) => path),
    [cached],
  )
  const inA = await fakeServer(join(a, 'nats-server'), '2.10.1')
  t.is((await find()).path, inA)
  const inB = await fakeServer(join(b, 'nats-server'), '2.9.10')
  t.like(await find(), { path: inB, from: `PATH (${inB})` })
  t.is((await find({ NATS_SERVER: inA })).from, `NATS_SERVER (${inA})`)
  t.like(await find({ NATS_SERVER: '/bin/true' }), {
    path: inB,
    passedOver: [
      {
        source: 'NATS_SERVER',
        reason: '/bin/true does not answer --version as a nats-server does',
      },
    ],
  })
})

test('the cache offers what is for this machine, newest first', async (t) => {
  await using dir = await folder()
  const kept: string[] = []
  for (const version of ['2.9.10', '2.10.7', '2.9.25']) {
    kept.push(await keepInCache(dir.path, await fakeServer(join(dir.path, 'x', 'new'), version)))
  }
  await fakeServer(join(dir.path, '2.99.0-plan9-mips', 'nats-server'), '2.99.0')
  t.deepEqual(await cachedServers(dir.path), [kept[1], kept[2], kept[0]])
  t.deepEqual(await cachedServers(join(dir.path, 'absent')), [])
})

test('many who fill the cache at once leave one whole server', async (t) => {
  await using dir = await folder()
  const server = await fakeServer(join(dir.path, 'new'), '2.12.8')
  const cache = join(dir.path, 'cache')
  const paths = await Promise.all(Array.from({ length: 20 }, () => keepInCache(cache, server)))
  const [path = ''] = paths
  t.is(new Set(paths).size, 1)
  t.is(await usableVersion(path), '2.12.8')
  t.deepEqual(await readdir(dirname(path)), ['nats-server'])
})

test('what does not work is not kept', async (t) => {
  await using dir = await folder()
  const old = await fakeServer(join(dir.path, 'old'), '2.8.4')
  await t.throwsAsync(keepInCache(join(dir.path, 'cache'), old), { message: /is 2\.8\.4/ })
  t.deepEqual(await cachedServers(join(dir.path, 'cache')), [])
})

test('versions are compared number by number', (t) => {
  const sorted = ['2.9.9', '2.9.10', '2.10.0', '2.15.1', '3.0.0']
  for (const [i, a] of sorted.entries()) {
    for (const [j, b] of sorted.entries()) t.is(isOlder(a, b), i < j, `${a} ${b}`)
  }
})

test('one holds the lock at a time', async (t) => {
  await using dir = await folder()
  let inside = 0
  const work = async (): Promise<void> => {
    inside += 1
    t.is(inside, 1)
    await readdir(dir.path)
    inside -= 1
  }
  const lock = join(dir.path, 'deep', 'fetch.lock')
  await Promise.all(Array.from({ length: 10 }, () => withFileLock(lock, 60_000, work)))
  t.deepEqual(await readdir(dirname(lock)), [])
})

test('the lock of a process that is gone is taken over', async (t) => {
  await using dir = await folder()
  const lock = join(dir.path, 'fetch.lock')
  // Beyond the highest process id that systems give.
  await writeFile(lock, '99999999')
  t.is(await withFileLock(lock, 60_000, () => Promise.resolve('done')), 'done')
})

test('a lock that was forgotten is taken over when it is too old', async (t) => {
  await using dir = await folder()
  const lock = join(dir.path, 'fetch.lock')
  await writeFile(lock, String(process.pid))
  const twoMinutesAgo = Date.now() / 1_000 - 120
  await utimes(lock, twoMinutesAgo, twoMinutesAgo)
  t.is(await withFileLock(lock, 60_000, () => Promise.resolve('done')), 'done')
})
