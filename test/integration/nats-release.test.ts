import { execFile } from 'node:child_process'
import { createHash } from 'node:crypto'
import { once } from 'node:events'
import { chmod, mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { type RequestListener, createServer } from 'node:http'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import test from 'ava'
import { freePort } from '../../src/demo/free-port.ts'
import { natsServerFromRelease, pinnedNatsServer } from '../../src/demo/nats-release.ts'
import { cachedServers } from '../../src/demo/nats-server-cache.ts'
import { usableVersion } from '../../src/demo/nats-server-version.ts'

const architecture = process.arch === 'x64' ? 'amd64' : process.arch
const name = `nats-server-v${pinnedNatsServer}-${process.platform}-${architecture}`

interface Releases extends AsyncDisposable {
  readonly base: string
  readonly folder: string
  readonly archive: Buffer
}

/** A place on loopback that offers a release: a script that names its version, in the form of the real one. */
async function releases(
  answer: (path: string, archive: Buffer) => string | Buffer | number | undefined,
): Promise<Releases> {
  const work = await mkdtemp(join(tmpdir(), 'signet-test-'))
  const script = join(work, name, 'nats-server')
  await mkdir(join(work, name))
  await writeFile(script, `#!/bin/sh\necho "nats-server: v${pinnedNatsServer}"\n`)
  await chmod(script, 0o755)
  await promisify(execFile)('tar', ['-czf', 'release.tar.gz', name], { cwd: work })
  const archive = await readFile(join(work, 'release.tar.gz'))
  const listener: RequestListener = (request, response) => {
    const body = answer(request.url ?? '', archive)
    // Undefined: it never answers.
    if (typeof body === 'number') response.writeHead(body).end()
    else if (body !== undefined) response.end(body)
  }
  const server = createServer(listener).listen(0, '127.0.0.1')
  await once(server, 'listening')
  const address = server.address()
  const port = typeof address === 'object' ? address?.port : undefined
  return {
    base: `http://127.0.0.1:${port}`,
    folder: join(work, 'cache'),
    archive,
    async [Symbol.asyncDispose]() {
      server.close()
      server.closeAllConnections()
      await rm(work, { recursive: true, force: true })
    },
  }
}

function sums(archive: Buffer): string {
  const digest = createHash('sha256').update(archive).digest('hex')
  return `${'0'.repeat(64)}  another.zip\n${digest}  ${name}.tar.gz\n`
}

const silent = (): void => undefined

test('a release whose sum is right goes into the cache', async (t) => {
  const asked: string[] = []
  await using it = await releases((path, archive) => {
    asked.push(path)
    return path.endsWith('SHA256SUMS') ? sums(archive) : archive
  })
  const path = await natsServerFromRelease({ ...it, progress: silent })
  t.is(await usableVersion(path), pinnedNatsServer)
  t.deepEqual(await cachedServers(it.folder), [path])
  t.deepEqual(asked, [`/v${pinnedNatsServer}/SHA256SUMS`, `/v${pinnedNatsServer}/${name}.tar.gz`])
})

test('a release whose sum is wrong or absent is not kept', async (t) => {
  for (const [listed, reason] of [
    [`${'0'.repeat(64)}  ${name}.tar.gz\n`, /does not have the checksum/],
    ['', /does not list/],
  ] as const) {
    await using it = await releases((path, archive) =>
      path.endsWith('SHA256SUMS') ? listed : archive,
    )
    await t.throwsAsync(natsServerFromRelease({ ...it, progress: silent }), {
      code: 'SIGNET_NO_NATS_SERVER',
      message: reason,
    })
    t.deepEqual(await cachedServers(it.folder), [])
  }
})

test('a place without that release, without an answer or without a server is left at once', async (t) => {
  await using absent = await releases(() => 404)
  await t.throwsAsync(natsServerFromRelease({ ...absent, progress: silent }), {
    message: /HTTP status 404/,
  })
  await using mute = await releases(() => undefined)
  await t.throwsAsync(natsServerFromRelease({ ...mute, progress: silent, answerMs: 50 }), {
    message: /no answer within 50 ms/,
  })
  const base = `http://127.0.0.1:${await freePort()}`
  await t.throwsAsync(natsServerFromRelease({ folder: mute.folder, progress: silent, base }), {
    message: /ECONNREFUSED/,
  })
})
