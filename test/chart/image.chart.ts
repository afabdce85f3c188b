import { execFile, spawn } from 'node:child_process'
import { once } from 'node:events'
import { chmod, cp, mkdir, mkdtemp, readFile, rm, symlink, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { promisify } from 'node:util'
import test from 'ava'
import { eventually } from '../support/federation.ts'
import { example, render } from '../support/helm.ts'
import { find } from '../support/manifest.ts'
import { natsServer } from '../support/nats-server.ts'

// The steps of deploy/Dockerfile by hand, for where there is no engine: what is in the image is enough, and is only read.

const IMAGE_USER = Number(/^USER (\d+):/m.exec(await readFile('deploy/Dockerfile', 'utf8'))?.[1])

/** The folder that the image has as /app. */
async function layImage(app: string): Promise<void> {
  for (const name of ['package.json', 'package-lock.json', '.npmrc'])
    await cp(name, join(app, name))
  const flags = ['ci', '--omit=dev', '--no-fund', '--no-audit']
  await promisify(execFile)('npm', flags, { cwd: app, timeout: 240_000 })
  await cp('dist/src', join(app, 'dist/src'), { recursive: true })
}

test('what the image holds runs as its user, and writes nothing', async (t) => {
  t.timeout(300_000)
  const dir = await mkdtemp(join(tmpdir(), 'signet-image-'))
  t.teardown(() => rm(dir, { recursive: true, force: true }))
  const app = join(dir, 'app')
  const topology = join(dir, 'topology')
  await Promise.all([mkdir(app), mkdir(topology)])
  await chmod(dir, 0o755)
  await layImage(app)
  const { data = {} } = find(await render(...example('stamp')), 'ConfigMap', 'signet-topology')
  // As a kubelet lays them: links through a folder that is swapped.
  await mkdir(join(topology, '..of-now'))
  await symlink('..of-now', join(topology, '..data'))
  for (const [name, text] of Object.entries(data)) {
    await writeFile(join(topology, '..of-now', name), text)
    await symlink(join('..data', name), join(topology, name))
  }
  await using gateway = await natsServer()
  await using keptn = await natsServer({ jetstream: true })

  // Whoever is root may drop to the user of the image; the files are root's, so it can write none of them.
  const isRoot = process.getuid?.() === 0
  const child = spawn(process.execPath, [join(app, 'dist/src/cli.js'), 'agent'], {
    ...(isRoot && { uid: IMAGE_USER, gid: IMAGE_USER }),
    cwd: app,
    env: {
      PATH: process.env['PATH'],
      SIGNET_STAMP: 'us-canary-1',
      SIGNET_TOPOLOGY: topology,
      SIGNET_NATS_URL: gateway.url,
      NATS_URL: keptn.url,
      SIGNET_ADMIN_PORT: '0',
      SIGNET_HTTP_PORT: '0',
      SIGNET_SERVICES_PORT: '0',
    },
    stdio: ['ignore', 'ignore', 'pipe'],
  })
  const ended = once(child, 'exit')
  t.teardown(() => child.kill('SIGKILL'))
  let [admin, log] = ['', '']
  createInterface({ input: child.stderr }).on('line', (line) => {
    log += `${line}\n`
    admin = /"admin":"([^"]+)"/.exec(line)?.[1] ?? admin
  })
  await eventually(() => admin !== '' && log.includes('"Started."'), 60_000, `it starts: ${log}`)
  t.is((await fetch(`${admin}/livez`)).status, 200)
  // There is no hub: it says so, and goes on.
  const ready = await fetch(`${admin}/readyz`)
  t.is(ready.status, 503)
  t.regex(await ready.text(), /waits for its stream or consumer/)
  child.kill('SIGTERM')
  t.deepEqual(await ended, [0, null], log)
})
