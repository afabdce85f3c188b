import test from 'ava'
import { setTimeout as sleep } from 'node:timers/promises'
import type { RigOptions } from '../support/federation.ts'
import { eventually, stampsIn, startRig } from '../support/federation.ts'
import { delivered, exactlyOnce, seeded, trigger } from '../support/fan-in.ts'

const TWENTY = Array.from({ length: 20 }, (_, index) => `s${index + 1}`)

async function rigWith(options: RigOptions = {}, ...except: readonly string[]) {
  const rig = await startRig(options)
  await rig.startKeptn()
  await rig.startAgentsInside(...except)
  return rig
}

test('20 stamps with random delays, one that starts only after another has finished: one answer', async (t) => {
  t.timeout(120_000)
  await using rig = await rigWith({ stamps: stampsIn(['eu', 'us'], TWENTY) })
  const random = seeded(7)
  const delays = new Map(TWENTY.map((stamp) => [stamp, Math.round(random() * 400)]))
  let firstFinished: (() => void) | undefined
  const afterTheFirst = new Promise<void>((resolve) => {
    firstFinished = resolve
  })
  // The last stamp has no integration until the first stamp has finished: its .started comes after.
  const early = TWENTY.slice(0, -1)
  const started = await Promise.all(
    early.map(async (stamp) => {
      const integration = await rig.startIntegration(stamp, {
        handle: async () => {
          await sleep(delays.get(stamp) ?? 0)
          if (stamp === 's1') setTimeout(() => firstFinished?.(), 50)
          return { data: { [`from-${stamp}`]: { ok: true } } }
        },
      })
      return [stamp, integration] as const
    }),
  )
  const late = await rig.nats('s20')
  const held: string[] = []
  late.subscribe('sh.keptn.event.deployment.triggered', {
    callback: (_, message) => {
      held.push(message.string())
    },
  })
  await late.flush()
  const { context } = await trigger(rig)
  await afterTheFirst
  await eventually(() => held.length > 0, 10_000, 'the late stamp was handed the task')
  const parent = JSON.parse(held[0] ?? '{}') as { id: string; data: object }
  for (const kind of ['started', 'finished']) {
    const type = `sh.keptn.event.deployment.${kind}`
    const { id: triggeredid, data } = parent
    const answer = { ...parent, id: `late-${kind}`, source: 'late', type, triggeredid, data }
    await rig.publish(
      's20',
      type,
      JSON.stringify({ ...answer, data: { ...data, result: 'pass', status: 'succeeded' } }),
    )
  }
  const got = await delivered(rig, context)
  exactlyOnce(t, got, new Map(started))
  t.is(held.length, 1)
  t.is(got.outcome, 'pass')
  t.like(got.data.signet['deployment']?.counts, { targets: 20, passed: 20, failed: 0 })
  t.is(Object.keys(got.data.signet['deployment']?.stamps ?? {}).length, 20)
  for (const stamp of early) t.deepEqual(got.data[`from-${stamp}`], { ok: true }, stamp)
  t.deepEqual(rig.keptn.duplicates(), [])
  t.deepEqual(await rig.deadLetters(), [])
})

test('one stamp that fails fails the task, and is named', async (t) => {
  t.timeout(60_000)
  await using rig = await rigWith()
  const integrations = await rig.startIntegrations((stamp) =>
    stamp === 'b' ? { result: 'fail', message: 'no quota left' } : {},
  )
  const got = await delivered(rig, (await trigger(rig)).context)
  exactlyOnce(t, got, integrations)
  t.is(got.outcome, 'fail')
  t.regex(got.data.message, /1 of 2 stamps passed; b failed: no quota left/)
})

test('success: any and a percentage need no more than they say', async (t) => {
  t.timeout(60_000)
  await using rig = await startRig({
    stamps: stampsIn(['eu', 'us'], ['a', 'b', 'c', 'd']),
    tasks: { deployment: { success: '50%' }, test: { success: 'any' } },
  })
  await rig.startKeptn(['deployment', 'test'])
  await rig.startAgentsInside()
  const integrations = await rig.startIntegrations((stamp) => ({
    result: stamp < 'c' ? 'pass' : 'fail',
  }))
  await rig.startIntegrations((stamp) => ({ result: stamp < 'b' ? 'warning' : 'fail' }), 'test')
  const { context } = await trigger(rig)
  const test1 = await delivered(rig, context, { task: 'test' })
  const deployment = await delivered(rig, context)
  exactlyOnce(t, deployment, integrations)
  t.is(deployment.data.result, 'pass')
  t.like(deployment.data.signet['deployment']?.counts, { passed: 2, failed: 2 })
  t.is(test1.data.result, 'warning')
})

test('several integrations in a stamp and several pairs of one are all waited for', async (t) => {
  t.timeout(60_000)
  await using rig = await rigWith()
  const first = await rig.startIntegrations(() => ({ pairs: 3, delayMs: 100 }))
  await rig.startIntegration('a', { name: 'second-service', delayMs: 900, result: 'warning' })
  const got = await delivered(rig, (await trigger(rig)).context)
  exactlyOnce(t, got, first)
  t.is(got.data.result, 'warning', 'the slow second integration of one stamp counts')
})

test('answers in reverse order and again and again come to the same end', async (t) => {
  t.timeout(60_000)
  await using rig = await rigWith({ stamps: stampsIn(['eu'], ['a']) })
  const nats = await rig.nats('a')
  nats.subscribe('sh.keptn.event.deployment.triggered', {
    callback: (_, message) => {
      const parent = message.json<{ id: string; data: object }>()
      const { id: triggeredid, data } = parent
      for (const kind of ['finished', 'started', 'finished', 'started', 'finished']) {
        const type = `sh.keptn.event.deployment.${kind}`
        const said = { ...data, result: 'pass', status: 'succeeded' }
        const answer = { ...parent, id: `${triggeredid}-${kind}`, source: 'odd', type, triggeredid }
        nats.publish(type, JSON.stringify({ ...answer, data: said }))
      }
    },
  })
  await nats.flush()
  const got = await delivered(rig, (await trigger(rig)).context)
  exactlyOnce(t, got, new Map())
  t.is(got.data.result, 'pass')
})

test('a stamp that is offline is waited for, skipped or failed, as the task says', async (t) => {
  t.timeout(90_000)
  await using rig = await startRig({
    stamps: stampsIn(['eu', 'us'], ['a', 'b']),
    tasks: {
      deployment: { offline: 'skip', startTimeout: '4s' },
      test: { offline: 'fail', startTimeout: '4s' },
      release: { offline: 'wait', startTimeout: '4s', finishTimeout: '1m' },
    },
  })
  // Each task in a sequence of its own, for the second fails.
  const sequences = ['deployment', 'test', 'release'].map((name) => ({ name, tasks: [{ name }] }))
  await rig.startKeptn([], { shipyard: { spec: { stages: [{ name: 'dev', sequences }] } } })
  await rig.startAgentsInside('b')
  for (const task of ['deployment', 'test', 'release'])
    await rig.startIntegrations(() => ({}), task)
  const run = async (sequence: string) => {
    const where = { project: 'shop', stage: 'dev', sequence, service: sequence }
    const { context } = await rig.keptn.triggerSequence(where)
    await rig.keptn.waitForSequence(context, 'dev', sequence, { timeoutMs: 30_000 })
    const type = `sh.keptn.event.${sequence}.finished`
    return rig.keptn.events(context).find(({ event }) => event.type === type)?.event.data
  }
  const skipped = await run('deployment')
  t.like(skipped, { result: 'pass' })
  t.like(skipped, { signet: { deployment: { counts: { passed: 1, skipped: 1 } } } })
  const failed = await run('test')
  t.like(failed, { result: 'fail', signet: { test: { counts: { passed: 1, failed: 1 } } } })
  const waiting = run('release')
  // Past the start timeout: an offline stamp is still waited for.
  await sleep(5_000)
  t.is(await Promise.race([waiting, sleep(1, 'still waiting')]), 'still waiting')
  await rig.startAgentInside('b')
  t.like(await waiting, { result: 'pass', signet: { release: { counts: { passed: 2 } } } })
})

test('select: one asks one stamp, select: none leaves the task at home', async (t) => {
  t.timeout(60_000)
  await using rig = await startRig({
    stamps: stampsIn(['eu', 'us'], ['a', 'b', 'c']),
    tasks: { deployment: { select: 'one' }, approval: { select: 'none' } },
  })
  await rig.startKeptn(['deployment', 'approval'])
  await rig.startAgentsInside()
  const integrations = await rig.startIntegrations()
  const strangers = await rig.startIntegrations(() => ({}), 'approval')
  const home = await rig.startIntegration('core', {}, 'approval')
  const { context } = await trigger(rig)
  const got = await delivered(rig, context)
  exactlyOnce(t, got, integrations)
  t.like(got.data.signet['deployment']?.counts, { targets: 1, passed: 1 })
  t.is([...integrations.values()].filter((it) => it.received().length > 0).length, 1)
  t.is(home.received().length, 1)
  for (const stranger of strangers.values()) t.is(stranger.received().length, 0)
})

test('a task that home takes up first, and that stamps were only assumed to want, is left to home', async (t) => {
  t.timeout(60_000)
  await using rig = await startRig({ tasks: { evaluation: { startTimeout: '5s' } } })
  await rig.startKeptn(['evaluation'])
  await rig.startAgentsInside()
  await rig.startIntegration('core', { name: 'lighthouse-service' }, 'evaluation')
  const { context } = await trigger(rig)
  const ended = await rig.keptn.waitForSequence(context, 'dev', 'delivery', { timeoutMs: 20_000 })
  t.is(ended.outcome?.result, 'pass')
  // Longer than the start timeout: whatever the hub would say has been said by then.
  await sleep(6_000)
  const sources = rig.keptn
    .events(context)
    .filter(({ event }) => /evaluation\.(?:started|finished)$/.test(event.type ?? ''))
    .map(({ event }) => event.source)
  t.deepEqual(sources, ['lighthouse-service', 'lighthouse-service'])
})

test('after an abort nothing more is said, and what was not handed over is taken back', async (t) => {
  t.timeout(60_000)
  await using rig = await rigWith({}, 'b')
  const integration = await rig.startIntegration('a', { delayMs: 2_000 })
  const late = await rig.startIntegration('b')
  const { context } = await trigger(rig)
  await eventually(() => integration.received().length > 0, 10_000, 'stamp a works')
  await eventually(
    () => rig.keptn.events(context).some(({ event }) => event.type?.endsWith('deployment.started')),
    10_000,
    'Keptn knows that it has begun',
  )
  rig.keptn.control({ project: 'shop', context }, 'abort')
  await rig.keptn.waitForSequence(context, 'dev', 'delivery', { timeoutMs: 10_000 })
  await eventually(async () => {
    const stored = await rig.stored('down')
    return !stored.some(({ subject }) => subject.endsWith('b.event.deployment.triggered'))
  }, 10_000)
  await rig.startAgentInside('b')
  await eventually(() => integration.sent().length >= 2, 10_000, 'stamp a has answered in vain')
  await sleep(1_000)
  t.is(late.received().length, 0, 'the copy for the stamp that was away is gone')
  const finished = rig.keptn
    .events(context)
    .filter(({ event }) => event.type === 'sh.keptn.event.deployment.finished')
  t.deepEqual(finished, [])
})
