import test from 'ava'
import { randomUUID } from 'node:crypto'
import { setTimeout as sleep } from 'node:timers/promises'
import type { IntegrationOptions } from '../../src/demo/integration/integration-options.ts'
import { answersOf, begin, deliver, finishedOf, sectionOf } from '../support/delivery.ts'
import type { Rig } from '../support/federation.ts'
import { eventually, HOME, stampsIn, startRig } from '../support/federation.ts'
import { eventOf } from '../support/keptn-event.ts'

/** Tasks, each of them a sequence of its own, and how the topology runs them. */
const tasks: Readonly<Record<string, object>> = {
  deployment: {},
  half: { success: '50%' },
  anyone: { success: 'any' },
  single: { select: 'one' },
  domestic: { select: 'none' },
  skipper: { offline: 'skip' },
  failer: { offline: 'fail' },
  waiter: { offline: 'wait' },
  patient: { startTimeout: '1500ms' },
  strict: { missing: 'fail' },
  lenient: { missing: 'report' },
}
/** In stage `dev`. Of stage `away`, `d` has no agent at first; of stage `told`, `f` never has one. */
const STAMPS = ['a', 'b', 'c']

let rig: Rig

test.serial.before(async () => {
  rig = await startRig({
    rings: ['canary', 'far', 'told'],
    stamps: [
      ...stampsIn(['eu', 'us'], STAMPS),
      ...stampsIn(['us'], ['d', 'e'], 'far'),
      ...stampsIn(['us'], ['f', 'g'], 'told'),
    ],
    stages: [
      { stage: 'dev', rings: ['canary'] },
      { stage: 'away', rings: ['far'] },
      { stage: 'told', rings: ['told'] },
    ],
    tasks: Object.fromEntries(Object.entries(tasks).filter(([name]) => name !== 'deployment')),
  })
  const sequences = Object.keys(tasks).map((name) => ({ name, tasks: [{ name }] }))
  await rig.startKeptn([], {
    shipyard: { spec: { stages: ['dev', 'away', 'told'].map((name) => ({ name, sequences })) } },
  })
  await rig.startAgentsInside('d', 'f')
})

test.serial.after.always(() => rig[Symbol.asyncDispose]())

/** Runs a task in stage `dev` with one integration in each stamp, and ends the integrations. */
async function run(
  task: string,
  options: (stamp: string) => Partial<IntegrationOptions> | undefined,
  stamps = STAMPS,
) {
  const started = stamps.map(async (stamp) => {
    const wanted = options(stamp)
    return wanted === undefined ? undefined : rig.startIntegration(stamp, wanted, task)
  })
  const integrations = (await Promise.all(started)).filter((each) => each !== undefined)
  const { context, view } = await deliver(rig, { sequence: task })
  await Promise.all(integrations.map((each) => each.kill()))
  return { context, outcome: view.outcome, integrations }
}

const told = ['started signet', 'finished signet']
const failing = (stamp: string, ...bad: string[]) =>
  bad.includes(stamp) ? { result: 'fail', status: 'errored', message: `boom in ${stamp}` } : {}

test.serial('one stamp that fails makes the task fail, and is named', async (t) => {
  const { context, outcome } = await run('deployment', (stamp) => failing(stamp, 'b'))
  t.is(outcome?.result, 'fail')
  t.is(outcome?.status, 'errored')
  t.deepEqual(answersOf(rig, context, 'deployment'), told)
  t.like(finishedOf(rig, context, 'deployment'), {
    message: 'deployment: 2 of 3 stamps passed; b failed: boom in b',
  })
  t.like(sectionOf(rig, context, 'deployment'), { counts: { passed: 2, failed: 1 } })
})

test.serial('a warning in one stamp is a warning of the task', async (t) => {
  const { context, outcome } = await run('deployment', (stamp) =>
    stamp === 'c' ? { result: 'warning' } : {},
  )
  t.is(outcome?.result, 'warning')
  t.like(sectionOf(rig, context, 'deployment'), { counts: { passed: 2, warned: 1 } })
})

test.serial('success: 50% takes one failure in three, and not two', async (t) => {
  const one = await run('half', (stamp) => failing(stamp, 'a'))
  t.is(one.outcome?.result, 'pass')
  const two = await run('half', (stamp) => failing(stamp, 'a', 'b'))
  t.is(two.outcome?.result, 'fail')
})

test.serial('success: any takes all failures but one', async (t) => {
  const two = await run('anyone', (stamp) => failing(stamp, 'a', 'b'))
  t.is(two.outcome?.result, 'pass')
  const three = await run('anyone', (stamp) => failing(stamp, ...STAMPS))
  t.is(three.outcome?.result, 'fail')
})

test.serial('a stamp with two integrations is done when both have finished', async (t) => {
  const slow = { name: 'slow-service', delayMs: 900, result: 'warning', data: { slow: { a: 1 } } }
  const second = await rig.startIntegration('a', slow, 'deployment')
  const { context, outcome } = await run('deployment', () => ({}))
  await second.kill()
  t.is(outcome?.result, 'warning')
  t.deepEqual(answersOf(rig, context, 'deployment'), told)
  t.like(finishedOf(rig, context, 'deployment'), { slow: { a: 1 } })
})

test.serial('several pairs of one integration are one answer to Keptn', async (t) => {
  const { context, outcome } = await run('deployment', () => ({ pairs: 3, delayMs: 50 }))
  t.is(outcome?.result, 'pass')
  t.deepEqual(answersOf(rig, context, 'deployment'), told)
})

test.serial('answers in the wrong order, and again and again, count once', async (t) => {
  const heard = await Promise.all(
    STAMPS.map((stamp) => rig.listen(stamp, 'sh.keptn.event.deployment.triggered')),
  )
  const { context } = await begin(rig, { sequence: 'deployment' })
  await eventually(() => heard.every((listener) => listener.heard.length > 0))
  const triggeredid = heard[0]?.ids[0] ?? ''
  for (const stamp of STAMPS) {
    const answer = (kind: string, data: Readonly<Record<string, unknown>>) =>
      eventOf(
        `sh.keptn.event.deployment.${kind}`,
        { triggeredid, shkeptncontext: context, source: `s-${stamp}` },
        data,
      )
    const started = answer('started', {})
    const finished = answer('finished', { result: 'pass', status: 'succeeded' })
    for (const event of [finished, finished, finished, started, started, finished])
      await rig.publish(stamp, event.type, JSON.stringify(event))
  }
  const limit = { timeoutMs: 10_000 }
  const view = await rig.keptn.waitForSequence(context, 'dev', 'deployment', limit)
  t.is(view.outcome?.result, 'pass')
  t.deepEqual(answersOf(rig, context, 'deployment'), told)
  t.like(sectionOf(rig, context, 'deployment'), { counts: { targets: 3, passed: 3 } })
})

test.serial(
  'an answer with the id of another one is set aside, and the first counts',
  async (t) => {
    const heard = await rig.listen('a', 'sh.keptn.event.deployment.triggered')
    const workers = await Promise.all(['b', 'c'].map((stamp) => rig.startIntegration(stamp)))
    const { context } = await begin(rig, { sequence: 'deployment' })
    await eventually(() => heard.heard.length > 0)
    const over = { triggeredid: heard.ids[0], shkeptncontext: context, source: 's-a' }
    const [started, finished] = [randomUUID(), randomUUID()]
    const say = async (kind: string, id: string, data: Readonly<Record<string, unknown>>) => {
      const event = eventOf(`sh.keptn.event.deployment.${kind}`, { ...over, id }, data)
      await rig.publish('a', event.type, JSON.stringify(event))
    }
    const before = (await rig.deadLetters()).length
    await say('started', started, {})
    await say('started', started, { message: 'another body' })
    // The second integration keeps the task open until both have been looked at.
    await say('started', randomUUID(), {})
    await say('finished', finished, { result: 'pass', status: 'succeeded' })
    await say('finished', finished, { result: 'fail', status: 'errored' })
    await eventually(async () => (await rig.deadLetters()).length >= before + 2)
    await say('finished', randomUUID(), { result: 'pass', status: 'succeeded' })
    const limit = { timeoutMs: 10_000 }
    const view = await rig.keptn.waitForSequence(context, 'dev', 'deployment', limit)
    t.is(view.outcome?.result, 'pass')
    const letters = (await rig.deadLetters()).slice(before)
    t.deepEqual(
      letters.map(({ reason }) => reason),
      ['id-conflict', 'id-conflict'],
    )
    await Promise.all(workers.map((worker) => worker.kill()))
  },
)

test.serial('select: one asks one stamp', async (t) => {
  const { context, outcome, integrations } = await run('single', () => ({}))
  t.is(outcome?.result, 'pass')
  t.deepEqual(answersOf(rig, context, 'single'), told)
  t.is(integrations.flatMap((integration) => integration.received()).length, 1)
})

test.serial('select: none stays at home', async (t) => {
  const home = await rig.startIntegration(HOME, {}, 'domestic')
  const { context, outcome, integrations } = await run('domestic', () => ({}))
  t.is(outcome?.result, 'pass')
  t.deepEqual(answersOf(rig, context, 'domestic'), [
    'started domestic-service',
    'finished domestic-service',
  ])
  t.is(integrations.flatMap((integration) => integration.received()).length, 0)
  await home.kill()
})

test.serial('a stamp that is there and does not start is given up', async (t) => {
  const { context, outcome } = await run('patient', (stamp) => (stamp === 'c' ? undefined : {}))
  t.is(outcome?.result, 'fail')
  t.like(sectionOf(rig, context, 'patient').stamps['c'], { message: 'not started in time' })
  t.deepEqual(answersOf(rig, context, 'patient'), told)
})

test.serial('offline: skip leaves out a stamp without an agent, and fail counts it', async (t) => {
  // The hub gives a stamp it never heard of some time before it calls it offline.
  await sleep(2_000)
  const [skipper, failer] = await Promise.all(
    ['skipper', 'failer'].map((task) => rig.startIntegration('e', {}, task)),
  )
  const skip = await deliver(rig, { stage: 'away', sequence: 'skipper' })
  t.is(skip.view.outcome?.result, 'pass')
  t.like(sectionOf(rig, skip.context, 'skipper'), { counts: { passed: 1, skipped: 1 } })
  const fail = await deliver(rig, { stage: 'away', sequence: 'failer' })
  t.is(fail.view.outcome?.result, 'fail')
  t.like(sectionOf(rig, fail.context, 'failer').stamps['d'], { message: 'offline' })
  await Promise.all([skipper?.kill(), failer?.kill()])
})

test.serial(
  'a stamp without interest is reported, and a failure only where the task says so',
  async (t) => {
    // What an agent with one registered integration says of itself.
    const nc = await rig.connection(rig.supercluster.gateway('us'))
    const filter = { projects: [], stages: [], services: [] }
    const subscriptions = [{ event: 'sh.keptn.event.other.triggered', filter }]
    const integrations = [{ name: 'other-service', subscriptions }]
    const presence = { version: 1, agent: '0.0.0', keptn: true, integrations }
    const say = () => nc.publish('signet.demo.presence.main.us.told.f', JSON.stringify(presence))
    const timer = setInterval(say, 200)
    try {
      say()
      await nc.flush()
      await sleep(300)
      const workers = await Promise.all(
        ['lenient', 'strict'].map((task) => rig.startIntegration('g', {}, task)),
      )
      const lenient = await deliver(rig, { stage: 'told', sequence: 'lenient' })
      t.is(lenient.view.outcome?.result, 'pass')
      t.like(sectionOf(rig, lenient.context, 'lenient'), { counts: { targets: 1, missing: 1 } })
      const strict = await deliver(rig, { stage: 'told', sequence: 'strict' })
      t.is(strict.view.outcome?.result, 'fail')
      t.like(sectionOf(rig, strict.context, 'strict'), { counts: { targets: 1, missing: 1 } })
      await Promise.all(workers.map((worker) => worker.kill()))
    } finally {
      clearInterval(timer)
    }
  },
)

test.serial(
  'offline: wait waits for the stamp, and its agent finds the task when it comes',
  async (t) => {
    t.timeout(60_000)
    const workers = await Promise.all(
      ['d', 'e'].map((stamp) => rig.startIntegration(stamp, {}, 'waiter')),
    )
    const delivery = deliver(rig, { stage: 'away', sequence: 'waiter' })
    await eventually(() => workers[1]?.sent().length === 2)
    t.is(workers[0]?.received().length, 0)
    await rig.startAgentInside('d')
    const { context, view } = await delivery
    t.is(view.outcome?.result, 'pass')
    t.deepEqual(answersOf(rig, context, 'waiter'), told)
    t.like(sectionOf(rig, context, 'waiter'), { counts: { targets: 2, passed: 2 } })
  },
)

test.serial('nothing was told to Keptn twice, or for nothing', (t) => {
  t.deepEqual(rig.keptn.duplicates(), [])
  t.deepEqual(rig.keptn.dropped(), [])
  t.is(rig.keptn.crash, undefined)
})
