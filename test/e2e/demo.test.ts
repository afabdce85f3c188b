import { execFile, spawn } from 'node:child_process'
import { existsSync } from 'node:fs'
import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import test from 'ava'
import { runDemoCommand } from '../../src/commands/demo.ts'
import { planDemo } from '../../src/demo/demo-plan.ts'
import type { DemoReport } from '../../src/demo/demo-report.ts'
import { runDemo } from '../../src/demo/demo-run.ts'
import { natsServerBinary } from '../support/nats-server.ts'

const cli = join('dist', 'src', 'cli.js')

/** A folder that a demo has for its temporary files, so that what it leaves there is seen. */
async function temporaryFolder(): Promise<AsyncDisposable & { readonly path: string }> {
  const path = await mkdtemp(join(tmpdir(), 'signet-demo-test-'))
  return { path, [Symbol.asyncDispose]: () => rm(path, { recursive: true, force: true }) }
}

/** What `signet status` says where the demo's own words are its environment. */
async function askHub(given: Readonly<Record<string, string>>): Promise<unknown> {
  const env = { PATH: process.env['PATH'], ...given }
  const { stdout } = await promisify(execFile)(process.execPath, [cli, 'status', '--json'], { env })
  return JSON.parse(stdout)
}

interface Ended {
  readonly code: number | null
  readonly stdout: string
  readonly stderr: string
}

/** Runs the built command line; `onText` sees what both streams have said so far. */
async function signet(
  args: readonly string[],
  folder: string,
  onText: (text: string, interrupt: () => void) => void = () => {},
): Promise<Ended> {
  const env = { ...process.env, NATS_SERVER: await natsServerBinary(), TMPDIR: folder }
  const child = spawn(process.execPath, [cli, ...args], { env, stdio: ['ignore', 'pipe', 'pipe'] })
  const said = { stdout: '', stderr: '' }
  for (const name of ['stdout', 'stderr'] as const) {
    child[name].setEncoding('utf8').on('data', (part: string) => {
      said[name] += part
      onText(said.stdout + said.stderr, () => child.kill('SIGINT'))
    })
  }
  const code = await new Promise<number | null>((resolve) => {
    child.once('close', resolve)
  })
  return { code, ...said }
}

/** The command lines of the processes of this machine that mention a folder. */
async function processesOf(folder: string): Promise<readonly string[]> {
  // Other systems have no such folder; there, what the demo leaves on disk is all that is looked at.
  if (!existsSync('/proc/self')) return []
  const pids = (await readdir('/proc')).filter((name) => /^\d+$/.test(name))
  const commands = await Promise.all(
    pids.map((pid) =>
      Promise.all(
        ['cmdline', 'environ'].map((file) =>
          // It may have ended since, or be another user's.
          readFile(`/proc/${pid}/${file}`, 'utf8').catch(() => ''),
        ),
      ),
    ),
  )
  return commands.map((texts) => texts.join(' ')).filter((text) => text.includes(folder))
}

test.serial(
  'the demo delivers through all stamps, and prints its report as JSON alone',
  async (t) => {
    t.timeout(120_000)
    await using folder = await temporaryFolder()
    const { code, stdout, stderr } = await signet(['demo', '--json', '--seed', '5'], folder.path)
    t.is(code, 0, stderr)
    const report = JSON.parse(stdout) as DemoReport
    t.deepEqual(report.problems, [])
    t.true(report.ok)
    t.is(report.duplicates.total, 0)
    t.is(report.lost.total, 0)
    // 32 with the notices of the last sequence's end, which Keptn may store a moment after the report.
    t.true(report.lost.expected === 32 || report.lost.expected === 30)
    t.is(report.deadLetters.total, 0)
    t.deepEqual(report.federation.geos, ['hub', 'eu', 'us'])
    const seen = report.stages.map(({ stage, result, tasks }) => ({
      stage,
      result,
      tasks: tasks.map(({ task, started, finished, stamps }) => ({
        task,
        answers: [started, finished],
        stamps: stamps.map((each) => `${each.stamp} ${each.result}`),
      })),
    }))
    const tasks = (stamps: readonly string[]) =>
      ['deployment', 'test'].map((task) => ({ task, answers: [1, 1], stamps }))
    t.deepEqual(seen, [
      { stage: 'dev', result: 'pass', tasks: tasks(['eu-canary-1 pass', 'us-canary-1 pass']) },
      { stage: 'prod', result: 'pass', tasks: tasks(['eu-broad-1 pass', 'us-broad-1 pass']) },
    ])
    t.regex(stderr, /^nats-server \d+\.\d+\.\d+ from /)
    t.deepEqual(await readdir(folder.path), [])
  },
)

test.serial('a demo that is interrupted leaves no process and no file behind', async (t) => {
  t.timeout(120_000)
  for (const moment of [/NATS servers? running/, /1 of 3 agents ready/, /deployment started/]) {
    await using folder = await temporaryFolder()
    let isInterrupted = false
    const { code, stdout, stderr } = await signet(
      ['demo', '--stamps', '2'],
      folder.path,
      (text, interrupt) => {
        if (isInterrupted || !moment.test(text)) return
        isInterrupted = true
        interrupt()
      },
    )
    t.true(isInterrupted, stderr)
    t.is(code, 130, stderr)
    t.notRegex(stdout, /duplicates/)
    t.deepEqual(await readdir(folder.path), [])
    t.deepEqual(await processesOf(folder.path), [])
  }
})

test.serial('with --keep everything stays as it is until it is interrupted', async (t) => {
  t.timeout(120_000)
  await using folder = await temporaryFolder()
  const looks: Promise<unknown>[] = []
  const { code, stdout } = await signet(
    ['demo', '--keep', '--stamps', '1', '--json'],
    folder.path,
    (text, interrupt) => {
      const agent = /eu-canary-1 +(http:\S+)/.exec(text)?.[1]
      const given = [...text.matchAll(/export (\w+)=(\S+)\n/g)].map(([, name, value]) => [
        name,
        value,
      ])
      if (agent === undefined || given.length < 4 || looks.length > 0) return
      looks.push(
        fetch(`${agent}/status`).then((response) => response.json()),
        askHub(Object.fromEntries(given) as Record<string, string>),
      )
      void Promise.allSettled(looks).finally(interrupt)
    },
  )
  t.is(code, 130)
  const [status, asked] = await Promise.all(looks)
  t.like(status, { stamp: 'eu-canary-1', ready: true, integrations: { known: 2, alive: 2 } })
  t.like(asked, { federation: 'demo', stamps: [{ stamp: 'eu-canary-1', online: true }] })
  const { ok, addresses } = JSON.parse(stdout) as { ok: boolean; addresses: { agents: object } }
  t.true(ok)
  t.deepEqual(Object.keys(addresses.agents), ['hub-core', 'eu-canary-1'])
  t.deepEqual(await readdir(folder.path), [])
})

test.serial(
  'a demo in which an integration fails says so, keeps the logs and exits 1',
  async (t) => {
    t.timeout(120_000)
    const said = { stdout: '', stderr: '' }
    const code = await runDemoCommand({
      json: true,
      keep: false,
      stamps: 2,
      seed: 1,
      natsServer: await natsServerBinary(),
      stdout: { write: (text) => (said.stdout += text) },
      stderr: { write: (text) => (said.stderr += text) },
      color: false,
      live: false,
      stopped: new AbortController().signal,
      mischief: (_, task) => (task === 'test' ? { result: 'fail', message: 'far too slow' } : {}),
    })
    const logs = /^The logs are in (.+)\/logs$/m.exec(said.stderr)?.[1] ?? ''
    t.teardown(() => rm(logs, { recursive: true, force: true }))
    t.is(code, 1)
    const report = JSON.parse(said.stdout) as DemoReport
    t.false(report.ok)
    t.deepEqual(report.problems, [
      'dev ended with fail (succeeded)',
      'test in dev: eu-canary-1 ended with fail (succeeded): far too slow',
      'prod did not run to its end',
    ])
    t.is(report.lost.total, 0)
    t.deepEqual((await readdir(join(logs, 'logs'))).toSorted(), [
      'eu-canary-1.log',
      'hub-core.log',
      'us-broad-1.log',
    ])
  },
)

test.serial('a stage that does not end is given up, and what is missing is named', async (t) => {
  t.timeout(120_000)
  await using folder = await temporaryFolder()
  const demo = await runDemo({
    plan: planDemo({ count: 1, seed: 1 }),
    binary: await natsServerBinary(),
    cli,
    dir: folder.path,
    hear: () => {},
    now: () => performance.now(),
    stopped: new AbortController().signal,
    mischief: () => ({ startedOnly: true }),
    stageLimitMs: 1_500,
  })
  await demo.close()
  const { problems, lost } = demo.report
  t.true(problems.includes('dev did not end within 1.5 s'))
  t.deepEqual(
    lost.events.map(({ what }) => what),
    ['end', 'answer'],
  )
})

test('wrong options are refused with what is right', async (t) => {
  await using folder = await temporaryFolder()
  for (const [args, said] of [
    [['--stamps', '0'], /--stamps.*whole number, 1 or more/s],
    [['--stamps', 'many'], /--stamps.*whole number, 1 or more/s],
    [['--seed', '-1'], /--seed.*whole number, 0 or more/s],
    [['--nats-server', join(folder.path, 'none')], /--nats-server: .*cannot be run/],
  ] as const) {
    const { code, stdout, stderr } = await signet(['demo', ...args], folder.path)
    t.is(code, 2, stderr)
    t.regex(stderr, said)
    t.is(stdout, '')
  }
})
