import { connect } from '@nats-io/transport-node'
import type { ExecutionContext } from 'ava'
import test from 'ava'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { demoNames, planDemo } from '../../src/demo/demo-plan.ts'
import type { Demo } from '../../src/demo/demo-run.ts'
import { runDemo } from '../../src/demo/demo-run.ts'
import { stageEnd } from '../../src/demo/demo-waits.ts'
import { eventually } from '../support/federation.ts'
import { natsServerBinary } from '../support/nats-server.ts'
import { dashboards, filledIn } from '../support/watched-queries.ts'
import { Prometheus } from './prometheus.ts'

// A real Prometheus with our rules scrapes the federation of `signet demo` while deliveries run through it.

/** What stands in place of the `for` of each rule. */
const ALERT_AFTER = '5s'
/** Deliveries that run while it is looked at; each takes a few seconds. */
const DELIVERIES = 10
const LIMIT_MS = 120_000
/** No link carries canaries yet; the panel and its alert are there for when they do. */
const NOT_YET = ['link.json: Age of the last canary (A)']

const plan = planDemo({ count: 4, seed: 7 })
const never = new AbortController().signal
let dir: string
let demo: Demo
let prometheus: Prometheus

test.serial.before(async () => {
  dir = await mkdtemp(join(tmpdir(), 'signet-watch-'))
  demo = await runDemo({
    plan,
    binary: await natsServerBinary(),
    cli: join('dist', 'src', 'cli.js'),
    dir,
    hear: () => {},
    now: () => performance.now(),
    stopped: never,
  })
  prometheus = await Prometheus.start({
    targets: await Promise.all(demo.federation.agents.map((agent) => agent.url())),
    alertAfter: ALERT_AFTER,
  })
})

test.serial.after.always(async () => {
  await prometheus?.[Symbol.asyncDispose]()
  await demo?.close()
  await rm(dir, { recursive: true, force: true, maxRetries: 3 })
})

/** One delivery through all stages. */
async function deliver(t: ExecutionContext): Promise<void> {
  const { keptn } = demo
  const { context } = await keptn.triggerSequence({
    ...demoNames,
    stage: plan.stages[0]?.stage ?? '',
  })
  for (const { stage } of plan.stages) {
    const view = await stageEnd(keptn, { context, stage, limitMs: LIMIT_MS, stopped: never })
    t.is(view?.outcome?.result, 'pass')
  }
}

/** Every query of every panel that has no answer now, or one without a number. */
async function darkPanels(): Promise<readonly string[]> {
  const dark: string[] = []
  for (const [file, { panels }] of await dashboards())
    for (const { title, targets = [] } of panels)
      for (const { refId, expr } of targets) {
        const samples = await prometheus.query(filledIn(expr, '30s', '5m'))
        if (!samples.some(({ value }) => Number.isFinite(value)))
          dark.push(`${file}: ${title} (${refId})`)
      }
  return dark
}

/** Stands and falls with a fault: the alert fires, and when the fault is gone it ends. */
async function fires(name: string, labels: Readonly<Record<string, string>>): Promise<void> {
  const isThat = async (): Promise<boolean> =>
    (await prometheus.alerts()).some(
      (alert) =>
        alert.state === 'firing' &&
        alert.labels['alertname'] === name &&
        Object.entries(labels).every(([label, value]) => alert.labels[label] === value),
    )
  await eventually(isThat, LIMIT_MS, `${name} fires`)
}

async function ends(name: string): Promise<void> {
  const isOver = async (): Promise<boolean> => !(await prometheus.firing()).includes(name)
  await eventually(isOver, LIMIT_MS, `${name} ends`)
}

test.serial('while deliveries run, no alert fires and every panel shows data', async (t) => {
  t.true(demo.report.ok, demo.report.problems.join('\n'))
  const fired = new Set<string>()
  for (let count = 0; count < DELIVERIES; count += 1) {
    await deliver(t)
    for (const name of await prometheus.firing()) fired.add(name)
  }
  t.deepEqual([...fired], [])
  t.deepEqual(await prometheus.brokenRules(), [])
  t.deepEqual(await darkPanels(), NOT_YET)
})

test.serial('a gateway that stops is told by the stamps behind it and by the hub', async (t) => {
  const gateway = demo.federation.supercluster.gateway('us')
  await gateway.stop()
  await fires('SignetLinkDown', {
    geo: 'us',
    ring: 'canary',
    stamp: 'us-canary-1',
    link: 'gateway',
  })
  await fires('SignetAgentCutOff', { stamp: 'us-broad-1' })
  await fires('SignetStampsOffline', { geo: 'us', ring: 'broad' })
  await gateway.restart()
  for (const name of ['SignetLinkDown', 'SignetAgentCutOff', 'SignetStampsOffline'])
    await ends(name)
  t.pass()
})

test.serial('the first dead letter of a stamp is told with its reason', async (t) => {
  const nc = await connect({ servers: demo.federation.supercluster.keptn('eu-canary-1').url })
  nc.publish('sh.keptn.event.deployment.finished', '{"type":"sh.keptn.event.deployment.finished"}')
  await nc.drain()
  await fires('SignetDeadLetters', { stamp: 'eu-canary-1', direction: 'up', reason: 'no-source' })
  t.pass()
})

test.serial('an agent that is gone is told by its silence', async (t) => {
  const agent = demo.federation.agent('eu-broad-1')
  await agent.kill()
  await fires('SignetStampSilent', { stamp: 'eu-broad-1' })
  agent.start()
  await agent.ready()
  t.pass()
})
