import { execFile } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import test from 'ava'
import { natsServerBinary } from '../support/nats-server.ts'

const BENCH = fileURLToPath(new URL('../../bench/main.js', import.meta.url))

interface Ended {
  readonly code: number
  readonly stdout: string
  readonly stderr: string
}

function bench(args: readonly string[], environment: Record<string, string> = {}): Promise<Ended> {
  return new Promise((resolve) => {
    const env = { ...process.env, ...environment }
    const child = execFile(process.execPath, [BENCH, ...args], { env }, (_, stdout, stderr) => {
      resolve({ code: child.exitCode ?? -1, stdout, stderr })
    })
  })
}

function isPositive(value: unknown): boolean {
  return typeof value === 'number' && Number.isFinite(value) && value > 0
}

test('bench forward prints the rates of each hop and of the copy loop beside it', async (t) => {
  t.timeout(180_000)
  const { code, stdout, stderr } = await bench(
    ['forward', '--events', '600', '--rounds', '2', '--in-flight', '32'],
    { NATS_SERVER: await natsServerBinary() },
  )
  t.is(code, 0, stderr)
  const report = JSON.parse(stdout) as Record<string, unknown>
  t.is(report['bench'], 'forward')
  t.is(report['node'], process.version)
  t.is(report['events'], 600)
  t.is(report['window'], 32)
  t.regex(String(report['natsServer']), /^\d+\.\d+\.\d+$/)
  const hops = report['hops'] as Record<string, Record<string, unknown>>
  t.deepEqual(Object.keys(hops), ['hub', 'stamp', 'endToEnd'])
  for (const [name, hop] of Object.entries(hops)) {
    for (const figure of ['eventsPerSecond', 'yardstickPerSecond', 'ratio', 'rssMb'])
      t.true(isPositive(hop[figure]), `${figure} of ${name} is ${String(hop[figure])}`)
  }
})

test('bench store prints what an event costs of disk and memory in each store', async (t) => {
  t.timeout(120_000)
  const { code, stdout, stderr } = await bench(['store', '--events', '500'], {
    NATS_SERVER: await natsServerBinary(),
  })
  t.is(code, 0, stderr)
  const report = JSON.parse(stdout) as Record<string, Record<string, unknown>>
  t.like(report, { bench: 'store', events: 500, bodyBytes: 1_300 })
  for (const where of ['keptn', 'down', 'stamp']) t.true(Number(report[where]?.['disk']) > 1_300)
})

test('bench poll counts what stamps ask beside what distributors would', async (t) => {
  t.timeout(120_000)
  const args = ['poll', '--stamps', '4', '--interval', '100', '--intervals', '30']
  const { code, stdout, stderr } = await bench(args)
  t.is(code, 0, stderr)
  const report = JSON.parse(stdout) as Record<string, unknown>
  t.like(report, { bench: 'poll', stamps: 4, integrations: 5, subscriptions: 2 })
  // One look in each round beside ten polls and five heartbeats; a busy machine only slows both.
  const ratio = Number(report['ratioOfPolls'])
  t.true(ratio > 0.05 && ratio < 0.5, stdout)
})

test('bench fanout prints what a task to ever more stamps takes, and costs', async (t) => {
  t.timeout(180_000)
  const { code, stdout, stderr } = await bench(['fanout', '--stamps', '2,5', '--answers', '10'], {
    NATS_SERVER: await natsServerBinary(),
  })
  t.is(code, 0, stderr)
  const { runs, costGrowth, ...report } = JSON.parse(stdout) as {
    readonly runs: readonly Record<string, unknown>[]
    readonly costGrowth: unknown
  }
  t.like(report, { bench: 'fanout', node: process.version })
  t.true(isPositive(costGrowth))
  t.deepEqual(
    runs.map(({ stamps }) => stamps),
    [2, 5],
  )
  for (const run of runs)
    for (const figure of ['totalMs', 'yardstickMs', 'ratio', 'hubCpuMsPerStamp'])
      t.true(isPositive(run[figure]), `${figure} is ${String(run[figure])}`)
})

test('bench tunnel prints calls through the tunnel beside direct ones', async (t) => {
  t.timeout(180_000)
  const { code, stdout, stderr } = await bench(
    ['tunnel', '--calls', '40', '--rounds', '1', '--in-flight', '8', '--body', '1000000'],
    { NATS_SERVER: await natsServerBinary() },
  )
  t.is(code, 0, stderr)
  const report = JSON.parse(stdout) as Record<string, Record<string, unknown>>
  t.like(report, { bench: 'tunnel', calls: 40, atOnce: 8, bodyBytes: 1_000_000 })
  for (const figure of ['callsPerSecond', 'downMbPerSecond', 'upMbPerSecond'])
    for (const way of ['direct', 'tunnel', 'ratio'])
      t.true(isPositive(report[figure]?.[way]), `${figure} ${way}`)
})

for (const args of [
  ['poll', '--events', '5'],
  [],
  ['backward'],
  ['fanout', '--stamps', '10,x'],
  ['forward', '--events', '0'],
  ['forward', '--fast'],
]) {
  test(`bench ${args.join(' ')} is a usage error`, async (t) => {
    const { code, stdout, stderr } = await bench(args)
    t.is(code, 2)
    t.is(stdout, '')
    t.regex(stderr, /usage: npm run bench -- <benchmark>/)
  })
}
