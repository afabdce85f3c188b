import test from 'ava'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'

// The command as somebody types it, where no server runs.

const CLI = fileURLToPath(new URL('../../src/cli.js', import.meta.url))
const LIMIT_MS = 60_000
const HOME = { SIGNET_STAMP: 'eu-core-1', SIGNET_TOPOLOGY: 'topology' }

async function doctor(
  args: readonly string[],
  environment: Readonly<Record<string, string>> = HOME,
) {
  const child = spawn(process.execPath, [CLI, 'doctor', ...args], {
    env: { PATH: process.env['PATH'], ...environment },
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

test('offline the example topology is well, and no server is asked', async (t) => {
  t.timeout(LIMIT_MS)
  const { code, stdout, stderr } = await doctor(['--offline'])
  t.is(code, 0)
  t.is(stderr, '')
  t.regex(stdout, /✓ Settings/)
  t.notRegex(stdout, /NATS servers/)
  t.regex(stdout, /^Nothing is wrong.*checks done$/m)
})

test('a wrong file is an error, and a warning is one only with --strict', async (t) => {
  t.timeout(LIMIT_MS)
  const wrong = await doctor(['--offline', '--json', '--only', 'files'], {
    ...HOME,
    SIGNET_NATS_TLS_CA: '/nowhere/ca.pem',
  })
  t.is(wrong.code, 1)
  const { counts, checks } = JSON.parse(wrong.stdout) as {
    counts: object
    checks: readonly { code: string; state: string; found?: readonly string[]; mend?: string }[]
  }
  t.like(counts, { error: 1, warning: 0 })
  const [first] = checks
  t.deepEqual(first?.found, ['SIGNET_NATS_TLS_CA (/nowhere/ca.pem): it does not exist'])
  t.truthy(first?.mend)
  const warned = { ...HOME, HTTP_SSL_VERIFY: 'false' }
  t.is((await doctor(['--offline'], warned)).code, 0)
  t.is((await doctor(['--offline', '--strict'], warned)).code, 1)
})

test('settings and topology that cannot be read end it with 2, and all mistakes', async (t) => {
  t.timeout(LIMIT_MS)
  const none = await doctor([], { SIGNET_TOPOLOGY: 'topology', SIGNET_DRAIN: 'soon' })
  t.is(none.code, 2)
  t.is(none.stdout, '')
  t.regex(none.stderr, /SIGNET_STAMP: is missing/)
  t.regex(none.stderr, /SIGNET_DRAIN/)
  const dir = await mkdtemp(join(tmpdir(), 'signet-doctor-'))
  await writeFile(join(dir, 'f.yaml'), 'kind: Federation\n')
  const broken = await doctor([], { ...HOME, SIGNET_TOPOLOGY: dir })
  t.is(broken.code, 2)
  t.regex(broken.stderr, /f\.yaml:1:1/)
  await rm(dir, { recursive: true })
})

test('the list needs neither settings nor servers; what is no check is refused', async (t) => {
  t.timeout(LIMIT_MS)
  const { code, stdout } = await doctor(['--list', '--json'], {})
  t.is(code, 0)
  t.true((JSON.parse(stdout) as readonly object[]).length > 100)
  const refused = await doctor(['--only', 'fils'])
  t.is(refused.code, 2)
  t.regex(refused.stderr, /"fils" is neither a check nor a group; did you mean/)
  t.is((await doctor(['--agent-url', 'here'])).code, 2)
})
