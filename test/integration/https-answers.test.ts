import test from 'ava'
import { jetstream } from '@nats-io/jetstream'
import { randomUUID } from 'node:crypto'
import { setTimeout as sleep } from 'node:timers/promises'
import { WRAPPED_ANSWER_TYPE } from '../../src/domain/https-answer.ts'
import { linkSubject } from '../../src/domain/subject.ts'
import { answerMessageId } from '../../src/links/message-id.ts'
import { answersOf, deliver, finishedOf, sectionOf } from '../support/delivery.ts'
import type { Rig } from '../support/federation.ts'
import { eventually, HOME } from '../support/federation.ts'
import { FAILED, PASSED, PollingRig, START_TIMEOUT_MS } from '../support/polling-rig.ts'
import type { PollingStamps } from '../support/polling-stamps.ts'
import { wrapped } from '../support/polling-stamps.ts'
import type { SimulatedStamps } from '../support/simulated-stamps.ts'

const SCOPE = { federation: 'demo', controlPlane: 'main' }
const geo = 'hub'
const told = ['started signet', 'finished signet']

let all: PollingRig
let rig: Rig
let nats: SimulatedStamps
let polling: PollingStamps

test.serial.before(async () => {
  all = await PollingRig.start()
  ;({ rig, nats, polling } = all)
})

test.serial.beforeEach(() => {
  all.reset()
})

test.serial.after.always(() => all[Symbol.asyncDispose]())

test.serial('a stamp without NATS is listed as Keptn knows it', async (t) => {
  t.like(await all.listed('canary-h'), {
    online: true,
    link: 'https',
    linkInUse: 'https',
    integrations: { known: 1, alive: 1, subscriptions: 2 },
  })
})

test.serial('an answer that is posted counts as one that comes over NATS, and once', async (t) => {
  polling.copies = 2
  nats.manner = () => ({ startMs: 600 })
  polling.manner = () => ({ startMs: 300 })
  const { context, view } = await deliver(rig, { sequence: 'deployment' })
  t.is(view.outcome?.result, 'pass')
  t.deepEqual(answersOf(rig, context, 'deployment'), told)
  t.deepEqual(Object.keys(sectionOf(rig, context, 'deployment').stamps), ['canary-h', 'canary-n'])
  t.like(finishedOf(rig, context, 'deployment'), { 'canary-h': { done: true } }, 'its data as well')

  const types = rig.keptn.events(context).map(({ event }) => event.type)
  t.is(types.filter((type) => type === WRAPPED_ANSWER_TYPE).length, 4, 'each was posted twice')
  const started = types.indexOf('sh.keptn.event.deployment.started')
  t.true(started < types.indexOf(WRAPPED_ANSWER_TYPE), 'Keptn does not wait for who polls')
  const up = (await rig.stored('up')).filter(({ subject }) => subject.includes('.canary-h.'))
  t.is(up.length, 2)
  t.true(up.every((message) => message.header('Signet-Link') === 'https'))

  const down = await rig.stored('down')
  t.true(down.some(({ subject }) => subject.includes('.canary-n.')))
  t.false(
    down.some(({ subject }) => subject.includes('.canary-h.')),
    'nobody could fetch it',
  )
  const consumers = await (await rig.hubStore()).consumers.list(rig.names.down).next()
  const durables = new Set(consumers.map(({ name }) => name))
  t.true(durables.has('signet-canary-n'))
  t.false(durables.has('signet-canary-h'))
  t.deepEqual(await all.deadLetters(), [])
})

test.serial('who polls begins in its wave, and not before', async (t) => {
  polling.manner = (stamp) => ({ isSilent: stamp === 'canary-h' })
  const { context, id } = await all.taskOf('prod', 'deployment')
  await eventually(() => polling.runsOf(context).length > 0, 10_000, 'the first ring begins')
  const scope = { project: 'shop', stage: 'prod', service: 'cart' }
  const say = (stamp: string, kind: 'started' | 'finished', data: object) => {
    const run = { stamp, task: 'deployment', id, context }
    return polling.post(wrapped(stamp, polling.answer(run, kind, { ...scope, ...data })))
  }
  await say('early-h', 'finished', FAILED)
  await eventually(async () => (await all.deadLetters()).length > 0, 10_000, 'nobody asked for it')
  const at = Date.now()
  await say('canary-h', 'started', {})
  await say('canary-h', 'finished', PASSED)

  const view = await rig.keptn.waitForSequence(context, 'prod', 'deployment', { timeoutMs: 30_000 })
  t.is(view.outcome?.result, 'pass', 'what was said before its turn is nobody’s answer')
  t.deepEqual(answersOf(rig, context, 'deployment'), told)
  const runs = [...polling.runsOf(context), ...nats.runsOf(context)]
  t.deepEqual(runs.map(({ stamp }) => stamp).toSorted(), [
    'canary-h',
    'canary-n',
    'early-h',
    'early-n',
  ])
  for (const run of runs) if (run.stamp.startsWith('early')) t.true(run.at >= at, run.stamp)
  t.deepEqual(await all.deadLetters(), ['not-a-target'])
})

test.serial(
  'nobody speaks over HTTPS for a stamp that has NATS, and none with NATS for another',
  async (t) => {
    const before = (await all.deadLetters()).length
    polling.manner = () => ({ isSilent: true })
    const { context, id } = await all.taskOf('dev', 'deployment')
    const forged = (stamp: string, over: object = {}) =>
      polling.answer({ stamp, task: 'deployment', id, context, ...over }, 'finished', {
        project: 'shop',
        stage: 'mute',
        service: 'cart',
        ...FAILED,
      })
    await polling.post(wrapped('canary-n', forged('canary-n')))
    await polling.post(wrapped('nobody', forged('nobody')))
    await polling.post(wrapped('early-h', forged('early-h')))
    await polling.post(wrapped('canary-h', forged('canary-h', { id: 'no-fan-out' })))
    const empty = { project: 'shop', stage: 'mute', service: 'cart', signet: { stamp: 'canary-h' } }
    await polling.post(
      JSON.stringify({ ...JSON.parse(wrapped('canary-h', forged('canary-h'))), data: empty }),
    )
    // As a stamp would that has the rights of a stamp, and no token of the API.
    const place = { geo, ring: 'early', stamp: 'early-n' }
    const subject = linkSubject(SCOPE, 'up', place, WRAPPED_ANSWER_TYPE.slice('sh.keptn.'.length))
    const store = jetstream(await rig.connection(rig.supercluster.store))
    await store.publish(subject, wrapped('canary-h', forged('canary-h')))

    // And as what a stamp has published comes into the control plane.
    const path = { 'Signet-Path': 'early-n' }
    await rig.publish(HOME, WRAPPED_ANSWER_TYPE, wrapped('canary-h', forged('canary-h')), path)

    await eventually(
      async () => (await all.deadLetters()).length === before + 7,
      10_000,
      'all refused',
    )
    t.deepEqual((await all.deadLetters()).slice(before).toSorted(), [
      'no-answer',
      'not-a-target',
      'not-a-target',
      'not-over-https',
      'not-over-https',
      'not-over-https',
      'unknown-stamp',
    ])
    const run = { stamp: 'canary-h', task: 'deployment', id, context }
    const scope = { project: 'shop', stage: 'dev', service: 'cart' }
    const genuine = polling.answer(run, 'finished', { ...scope, ...PASSED })
    await polling.post(wrapped('canary-h', genuine))
    const view = await rig.keptn.waitForSequence(context, 'dev', 'deployment', {
      timeoutMs: 30_000,
    })
    t.is(view.outcome?.result, 'pass')
    t.deepEqual(answersOf(rig, context, 'deployment'), told, 'and none of it reached Keptn')
    const inKeptn = rig.keptn.stored({ context, type: WRAPPED_ANSWER_TYPE })
    t.is(inKeptn.length, 7, 'what came over NATS did not get there')
    const down = await rig.stored('down')
    t.false(
      down.some((message) => message.subject.includes('signet-answer')),
      'nor any stamp',
    )
  },
)

test.serial('an answer that comes by both links is one', async (t) => {
  polling.manner = () => ({ isSilent: true })
  const before = (await all.deadLetters()).length
  await all.loseNats()
  const { context, id } = await all.taskOf('cut', 'deployment')
  await eventually(() => polling.runsOf(context).length > 0, 10_000, 'the hub has asked it')
  const run = { stamp: 'either', task: 'deployment', id, context }
  const scope = { project: 'shop', stage: 'cut', service: 'cart' }
  const place = { geo, ring: 'either', stamp: 'either' }
  const store = jetstream(await rig.connection(rig.supercluster.store))
  const overNats = async (kind: string, text: string): Promise<boolean> => {
    const subject = linkSubject(SCOPE, 'up', place, `event.deployment.${kind}`)
    const { id: eventId } = JSON.parse(text) as { id: string }
    const msgID = answerMessageId(eventId, 'either', Buffer.from(text))
    return (await store.publish(subject, text, { msgID })).duplicate
  }
  const copiesOf = async (text: string): Promise<number> =>
    (await rig.stored('up')).filter(({ body }) => Buffer.from(body).toString() === text).length

  const started = polling.answer(run, 'started', scope)
  t.false(await overNats('started', started))
  await polling.post(wrapped('either', started))
  const finished = polling.answer(run, 'finished', { ...scope, ...PASSED })
  await polling.post(wrapped('either', finished))
  await eventually(async () => (await copiesOf(finished)) > 0, 10_000, 'it is unwrapped')
  t.true(await overNats('finished', finished))
  const view = await rig.keptn.waitForSequence(context, 'cut', 'deployment', { timeoutMs: 30_000 })
  t.is(view.outcome?.result, 'pass')
  t.deepEqual(answersOf(rig, context, 'deployment'), told)
  t.deepEqual([await copiesOf(started), await copiesOf(finished)], [1, 1])
  t.is((await all.deadLetters()).length, before)
  await all.findNats()
})

test.serial('a stamp that loses NATS with a task under way is told to poll', async (t) => {
  nats.manner = () => ({ isSilent: true })
  const { context, id } = await all.taskOf('cut', 'deployment')
  await eventually(() => nats.runsOf(context).length === 1, 10_000, 'it came over NATS')
  const isNamed = () => polling.runsOf(context).length > 0
  t.false(isNamed(), 'who has NATS need not be told')
  await all.loseNats()
  await eventually(isNamed, 20_000, 'it is named')
  const view = await rig.keptn.waitForSequence(context, 'cut', 'deployment', { timeoutMs: 30_000 })
  t.is(view.outcome?.result, 'pass')
  t.is(polling.runsOf(context)[0]?.id, id)
  t.deepEqual(answersOf(rig, context, 'deployment'), told)
  await all.findNats()
})

test.serial('a stamp without NATS that does not start is given up in time', async (t) => {
  polling.manner = () => ({ isSilent: true })
  const { context, view } = await deliver(rig, { sequence: 'brisk' })
  t.is(view.outcome?.result, 'fail')
  t.like(sectionOf(rig, context, 'brisk').stamps, {
    'canary-h': { result: 'fail', message: 'not started in time' },
    'canary-n': { result: 'pass' },
  })
})

test.serial('what is posted after the task was aborted is late', async (t) => {
  const before = (await all.deadLetters()).length
  polling.manner = () => ({ runMs: 100_000 })
  const { context, id } = await all.taskOf('dev', 'deployment')
  await eventually(() => polling.runsOf(context).length > 0, 10_000, 'it runs')
  rig.keptn.control({ project: 'shop', context }, 'abort')
  await rig.keptn.waitForSequence(context, 'dev', 'deployment', { timeoutMs: 10_000 })
  const scope = { project: 'shop', stage: 'dev', service: 'cart' }
  const run = { stamp: 'canary-h', task: 'deployment', id, context }
  const late = async () => {
    const text = await (await fetch(`${all.hub.adminUrl}/metrics`)).text()
    return Number(
      /signet_late_answers_total\{[^}]*stamp="canary-h"[^}]*\} (\d+)/.exec(text)?.[1] ?? 0,
    )
  }
  const already = await late()
  await polling.post(wrapped('canary-h', polling.answer(run, 'finished', { ...scope, ...PASSED })))
  await eventually(async () => (await late()) > already, 10_000, 'it is counted as late')
  t.false(answersOf(rig, context, 'deployment').includes('finished signet'))
  t.is((await all.deadLetters()).length, before)
})

test.serial(
  'what was posted while no hub ran counts before the clocks of the next one',
  async (t) => {
    polling.manner = () => ({ isSilent: true })
    const { context, id } = await all.taskOf('dev', 'brisk')
    await eventually(() => polling.runsOf(context).length > 0, 10_000, 'it is asked')
    await eventually(() => nats.runsOf(context)[0]?.finishedAt !== undefined, 10_000, 'one is done')
    await all.hub.stop()
    const run = { stamp: 'canary-h', task: 'brisk', id, context }
    const scope = { project: 'shop', stage: 'dev', service: 'cart' }
    // What the next hub takes in before it takes longer to record than to unwrap.
    const posts = Array.from({ length: 200 }, (_, index) => {
      const other = polling.answer({ ...run, id: `other-${index}` }, 'started', scope)
      // Contexts are unwrapped side by side, and what is in them is of one.
      const outside = { shkeptncontext: randomUUID() }
      const carrier = JSON.parse(wrapped('canary-h', other)) as object
      return polling.post(JSON.stringify({ ...carrier, ...outside }))
    })
    await Promise.all(posts)
    await polling.post(
      wrapped('canary-h', polling.answer(run, 'finished', { ...scope, ...PASSED })),
    )
    await sleep(START_TIMEOUT_MS)
    await all.startHubAgain()
    const view = await rig.keptn.waitForSequence(context, 'dev', 'brisk', { timeoutMs: 30_000 })
    t.is(view.outcome?.result, 'pass')
    t.like(sectionOf(rig, context, 'brisk').counts, { passed: 2 })
  },
)
