import test from 'ava'
import { jetstream } from '@nats-io/jetstream'
import { setTimeout as sleep } from 'node:timers/promises'
import { WRAPPED_ANSWER_TYPE } from '../../src/domain/https-answer.ts'
import { linkSubject } from '../../src/domain/subject.ts'
import { answerMessageId } from '../../src/links/message-id.ts'
import { answersOf, begin, deliver, finishedOf, sectionOf } from '../support/delivery.ts'
import type { AgentInside, Rig } from '../support/federation.ts'
import { eventually, HOME, startRig } from '../support/federation.ts'
import { PollingStamps, wrapped } from '../support/polling-stamps.ts'
import type { SimulatedStamps } from '../support/simulated-stamps.ts'
import { servicesAt, tunnelConfig } from '../support/tunnel-config.ts'

const SCOPE = { federation: 'demo', controlPlane: 'main' }
const geo = 'hub'
const STAMPS = [
  { name: 'canary-h', geo, ring: 'canary', link: 'https' },
  { name: 'canary-n', geo, ring: 'canary', link: 'nats' },
  { name: 'early-h', geo, ring: 'early', link: 'https' },
  { name: 'early-n', geo, ring: 'early', link: 'nats' },
  { name: 'either', geo, ring: 'either', link: 'auto' },
  // Of whom nobody has ever heard, so that it may want anything.
  { name: 'mute', geo, ring: 'mute', link: 'nats' },
] as const
const TASKS = ['deployment', 'brisk']
const START_TIMEOUT_MS = 3_000

let rig: Rig
let hub: AgentInside
let nats: SimulatedStamps
let polling: PollingStamps

test.serial.before(async () => {
  rig = await startRig({
    rings: ['canary', 'early', 'either', 'mute'],
    stamps: [],
    absent: STAMPS,
    stages: [
      { stage: 'dev', rings: ['canary'] },
      { stage: 'prod', rings: ['canary', 'early'] },
      { stage: 'cut', rings: ['either'] },
      { stage: 'mute', rings: ['mute'] },
    ],
    tasks: { brisk: { startTimeout: `${START_TIMEOUT_MS}ms` } },
  })
  const sequences = TASKS.map((name) => ({ name, tasks: [{ name }] }))
  const stages = ['dev', 'prod', 'cut'].map((name) => ({ name, sequences }))
  await rig.startKeptn([], { shipyard: { spec: { stages } }, validateEvents: true })
  polling = await PollingStamps.start(
    rig.keptn,
    STAMPS.filter(({ link }) => link !== 'nats'),
    TASKS,
  )
  nats = await rig.simulateAbsent(TASKS)
  nats.leave('mute')
  hub = await startHub()
})

function startHub(): Promise<AgentInside> {
  const way = { kind: 'internal', urls: servicesAt(rig.keptn.url) } as const
  return rig.startAgentInside(HOME, { tunnel: tunnelConfig({ way }), registrationsMs: 100 })
}

test.serial.beforeEach(() => {
  nats.manner = () => ({})
  polling.manner = () => ({})
  polling.copies = 1
})

test.serial.after.always(async () => {
  await polling[Symbol.asyncDispose]()
  await rig[Symbol.asyncDispose]()
})

const PASSED = { result: 'pass', status: 'succeeded' }
const FAILED = { result: 'fail', status: 'errored' }
const told = ['started signet', 'finished signet']
const deadLetters = async () => (await rig.deadLetters()).map(({ reason }) => reason)

interface Listed {
  readonly stamp: string
  readonly online: boolean
  readonly link: string
  readonly linkInUse?: string
  readonly integrations?: object
}

async function listed(stamp: string): Promise<Listed | undefined> {
  const response = await fetch(`${hub.adminUrl}/status`)
  const { hubs } = (await response.json()) as { hubs: { stamps: Listed[] }[] }
  return hubs[0]?.stamps.find((each) => each.stamp === stamp)
}

/** Begins a sequence, and resolves with the id of its task once stamps know of it. */
async function taskOf(stage: string, sequence: string): Promise<{ context: string; id: string }> {
  const { context } = await begin(rig, { stage, sequence, service: `cart-${Math.random()}` })
  const type = `sh.keptn.event.${sequence}.triggered`
  const [row] = await eventually(async () => {
    const rows = rig.keptn.stored({ context, type })
    return rows.length > 0 && rows
  })
  return { context, id: row?.event.id ?? '' }
}

/** The stamp with both links has NATS no more, and says so to Keptn. */
async function loseNats(): Promise<void> {
  nats.leave('either')
  const isSeen = async () => {
    await polling.register('either')
    return (await listed('either'))?.linkInUse === 'https'
  }
  await eventually(isSeen, 20_000, 'the hub knows it from Keptn')
}

async function findNats(): Promise<void> {
  nats.comeBack('either')
  const isHeard = async () => (await listed('either'))?.linkInUse !== 'https'
  await eventually(isHeard, 20_000, 'the hub hears it again')
}

test.serial('a stamp without NATS is listed as Keptn knows it', async (t) => {
  t.like(await listed('canary-h'), {
    online: true,
    link: 'https',
    linkInUse: 'https',
    integrations: { known: 1, alive: 1 },
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
  t.deepEqual(await deadLetters(), [])
})

test.serial('who polls begins in its wave, and not before', async (t) => {
  polling.manner = (stamp) => ({ isSilent: stamp === 'canary-h' })
  const { context, id } = await taskOf('prod', 'deployment')
  await eventually(() => polling.runsOf(context).length > 0, 10_000, 'the first ring begins')
  const scope = { project: 'shop', stage: 'prod', service: 'cart' }
  const say = (stamp: string, kind: 'started' | 'finished', data: object) => {
    const run = { stamp, task: 'deployment', id, context }
    return polling.post(wrapped(stamp, polling.answer(run, kind, { ...scope, ...data })))
  }
  await say('early-h', 'finished', FAILED)
  await eventually(async () => (await deadLetters()).length > 0, 10_000, 'nobody asked for it')
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
  t.deepEqual(await deadLetters(), ['not-a-target'])
})

test.serial(
  'nobody speaks over HTTPS for a stamp that has NATS, and none with NATS for another',
  async (t) => {
    const before = (await deadLetters()).length
    polling.manner = () => ({ isSilent: true })
    const { context, id } = await taskOf('dev', 'deployment')
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

    await eventually(async () => (await deadLetters()).length === before + 6, 10_000, 'all refused')
    t.deepEqual((await deadLetters()).slice(before).toSorted(), [
      'no-answer',
      'not-a-target',
      'not-a-target',
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
    t.is(inKeptn.length, 6, 'what came over NATS did not get there')
    const down = await rig.stored('down')
    t.false(
      down.some((message) => message.subject.includes('signet-answer')),
      'nor any stamp',
    )
  },
)

test.serial('an answer that comes by both links is one', async (t) => {
  polling.manner = () => ({ isSilent: true })
  const before = (await deadLetters()).length
  await loseNats()
  const { context, id } = await taskOf('cut', 'deployment')
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
  t.is((await deadLetters()).length, before)
  await findNats()
})

test.serial('a stamp that loses NATS with a task under way is told to poll', async (t) => {
  nats.manner = () => ({ isSilent: true })
  const { context, id } = await taskOf('cut', 'deployment')
  await eventually(() => nats.runsOf(context).length === 1, 10_000, 'it came over NATS')
  const isNamed = () => polling.runsOf(context).length > 0
  t.false(isNamed(), 'who has NATS need not be told')
  await loseNats()
  await eventually(isNamed, 20_000, 'it is named')
  const view = await rig.keptn.waitForSequence(context, 'cut', 'deployment', { timeoutMs: 30_000 })
  t.is(view.outcome?.result, 'pass')
  t.is(polling.runsOf(context)[0]?.id, id)
  t.deepEqual(answersOf(rig, context, 'deployment'), told)
  await findNats()
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
  const before = (await deadLetters()).length
  polling.manner = () => ({ runMs: 100_000 })
  const { context, id } = await taskOf('dev', 'deployment')
  await eventually(() => polling.runsOf(context).length > 0, 10_000, 'it runs')
  rig.keptn.control({ project: 'shop', context }, 'abort')
  await rig.keptn.waitForSequence(context, 'dev', 'deployment', { timeoutMs: 10_000 })
  const scope = { project: 'shop', stage: 'dev', service: 'cart' }
  const run = { stamp: 'canary-h', task: 'deployment', id, context }
  const late = async () => {
    const text = await (await fetch(`${hub.adminUrl}/metrics`)).text()
    return Number(
      /signet_late_answers_total\{[^}]*stamp="canary-h"[^}]*\} (\d+)/.exec(text)?.[1] ?? 0,
    )
  }
  const already = await late()
  await polling.post(wrapped('canary-h', polling.answer(run, 'finished', { ...scope, ...PASSED })))
  await eventually(async () => (await late()) > already, 10_000, 'it is counted as late')
  t.false(answersOf(rig, context, 'deployment').includes('finished signet'))
  t.is((await deadLetters()).length, before)
})

test.serial(
  'what was posted while no hub ran counts before the clocks of the next one',
  async (t) => {
    polling.manner = () => ({ isSilent: true })
    const { context, id } = await taskOf('dev', 'brisk')
    await eventually(() => polling.runsOf(context).length > 0, 10_000, 'it is asked')
    await eventually(() => nats.runsOf(context)[0]?.finishedAt !== undefined, 10_000, 'one is done')
    await hub.stop()
    const run = { stamp: 'canary-h', task: 'brisk', id, context }
    const scope = { project: 'shop', stage: 'dev', service: 'cart' }
    await polling.post(wrapped('canary-h', polling.answer(run, 'started', scope)))
    await polling.post(
      wrapped('canary-h', polling.answer(run, 'finished', { ...scope, ...PASSED })),
    )
    await sleep(START_TIMEOUT_MS)
    hub = await startHub()
    const view = await rig.keptn.waitForSequence(context, 'dev', 'brisk', { timeoutMs: 30_000 })
    t.is(view.outcome?.result, 'pass')
    t.like(sectionOf(rig, context, 'brisk').counts, { passed: 2 })
  },
)
