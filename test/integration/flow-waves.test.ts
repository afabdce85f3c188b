import test from 'ava'
import { answersOf, begin, deliver, finishedOf, sectionOf } from '../support/delivery.ts'
import type { AgentInside, Rig } from '../support/federation.ts'
import { eventually, HOME, startRig } from '../support/federation.ts'
import type { Manner, SimulatedStamps } from '../support/simulated-stamps.ts'
import { servicesAt, tunnelConfig } from '../support/tunnel-config.ts'
import { inRing, mostAtOnce, progressOf, ringOf } from '../support/wave-flow.ts'

/** Each sequence is one task of its name. */
const TASKS: Readonly<Record<string, object>> = {
  deployment: {},
  skipper: { offline: 'skip' },
  failer: { offline: 'fail' },
}
const SOAK_MS = 1_500

let rig: Rig
let hub: AgentInside
let stamps: SimulatedStamps

test.serial.before(async () => {
  rig = await startRig({
    rings: ['patient', 'canary', 'early', 'broad', 'timed'],
    stamps: [],
    absent: [
      ...ringOf('canary', 2),
      ...ringOf('early', 4, ['hub', 'us']),
      ...ringOf('broad', 6, ['hub', 'us']),
      ...ringOf('timed', 3),
      ...ringOf('patient', 2),
    ],
    stages: [
      { stage: 'prod', rings: ['canary', 'early', 'broad'] },
      { stage: 'pre', rings: ['canary', 'early'] },
      { stage: 'soaking', rings: ['patient', 'canary'] },
      { stage: 'timed', rings: ['timed'] },
    ],
    tasks: { skipper: { offline: 'skip' }, failer: { offline: 'fail' } },
    rollouts: {
      early: { concurrency: 1, maxFailures: 0 },
      broad: { concurrency: '70%', maxFailures: 1, minSuccess: '60%', soak: '100ms' },
      timed: { concurrency: 1, deadline: '2500ms' },
      patient: { soak: `${SOAK_MS}ms` },
    },
  })
  const sequences = Object.keys(TASKS).map((name) => ({ name, tasks: [{ name }] }))
  const stages = ['prod', 'pre', 'soaking', 'timed'].map((name) => ({ name, sequences }))
  await rig.startKeptn([], { shipyard: { spec: { stages } } })
  const way = { kind: 'internal', urls: servicesAt(rig.keptn.url) } as const
  hub = await rig.startAgentInside(HOME, { tunnel: tunnelConfig({ way }) })
  stamps = await rig.simulateAbsent(Object.keys(TASKS))
})

test.serial.beforeEach(() => {
  stamps.manner = () => ({})
})

test.serial.after.always(() => rig[Symbol.asyncDispose]())

const told = ['started signet', 'finished signet']
const run = (stage: string, sequence = 'deployment') => deliver(rig, { stage, sequence })
const slowly = (manners: Readonly<Record<string, Manner>> = {}) => {
  stamps.manner = (stamp) => manners[stamp] ?? { runMs: 150 }
}

test.serial('three rings go one after the other, each geo with its own window', async (t) => {
  slowly()
  const { context, view } = await run('prod')
  t.is(view.outcome?.result, 'pass')
  t.deepEqual(answersOf(rig, context, 'deployment'), told)
  const runs = stamps.runsOf(context)
  t.deepEqual(
    runs.map(({ stamp }) => stamp.replace(/-.*/, '')).join(' '),
    [
      ...Array<string>(2).fill('canary'),
      ...Array<string>(4).fill('early'),
      ...Array<string>(6).fill('broad'),
    ].join(' '),
  )
  for (const [ring, next] of [
    ['canary', 'early'],
    ['early', 'broad'],
  ] as const) {
    const ends = inRing(runs, ring).map(({ finishedAt }) => finishedAt ?? Infinity)
    for (const { at } of inRing(runs, next)) t.true(at >= Math.max(...ends), `${ring}, ${next}`)
  }
  const isAt =
    (geo: number) =>
    ({ stamp }: { stamp: string }) =>
      Number(stamp.at(-1)) % 2 === geo
  for (const geo of [0, 1]) {
    t.is(mostAtOnce(inRing(runs, 'early').filter(isAt(geo))), 1)
    t.true(mostAtOnce(inRing(runs, 'broad').filter(isAt(geo))) <= 2)
  }
  t.is(new Set(runs.map(({ sequence }) => sequence)).size, 12, 'one copy each')
  const progress = progressOf(rig, context)
  for (const place of ['canary (1 of 3)', 'early (2 of 3)', 'broad (3 of 3)'])
    t.true(
      progress.some((line) => line.startsWith(place)),
      `${place} in ${progress.join('; ')}`,
    )
  t.like(sectionOf(rig, context, 'deployment'), {
    counts: { targets: 12, passed: 12, notBegun: 0 },
  })
})

test.serial(
  'a failure in the second ring stops before the third, and says what was done',
  async (t) => {
    slowly({ 'early-1': { result: 'fail', message: 'boom' } })
    const { context, view } = await run('prod')
    t.is(view.outcome?.result, 'fail')
    t.deepEqual(answersOf(rig, context, 'deployment'), told)
    const runs = stamps.runsOf(context)
    t.deepEqual(inRing(runs, 'broad'), [])
    t.false(
      runs.some(({ stamp }) => stamp === 'early-3'),
      'its geo goes no further',
    )
    const { message } = finishedOf(rig, context, 'deployment') as { message: string }
    t.regex(
      message,
      /^deployment: stopped in early \(hub\): 1 failed, 0 allowed; \d of 12 stamps passed; \d+ never begun; early-1 failed: boom$/,
    )
    const section = sectionOf(rig, context, 'deployment')
    t.is(section.counts['targets'], 12)
    t.is(section.counts['notBegun'], 12 - runs.length)
    t.is(section.counts['passed'], runs.length - 1)
    t.like(section.stamps['broad-1'], { result: 'not-begun', message: 'never begun' })
  },
)

test.serial(
  'a ring that soaks holds the next back, and a failure told meanwhile stops it',
  async (t) => {
    const calm = await run('soaking')
    const runs = stamps.runsOf(calm.context)
    const ends = inRing(runs, 'patient').map(({ finishedAt }) => finishedAt ?? Infinity)
    for (const { at } of inRing(runs, 'canary')) t.true(at >= Math.max(...ends) + SOAK_MS)
    t.is(calm.view.outcome?.result, 'pass')

    slowly({ 'patient-1': { second: { afterMs: 300, result: 'fail' } } })
    const { context, view } = await run('soaking')
    t.is(view.outcome?.result, 'fail')
    t.deepEqual(inRing(stamps.runsOf(context), 'canary'), [])
    t.like(sectionOf(rig, context, 'deployment'), {
      counts: { passed: 1, failed: 1, notBegun: 2 },
    })
    t.true(progressOf(rig, calm.context).some((line) => line.includes('soaks until')))
  },
)

test.serial('a deadline stops a ring, and who ran then is late', async (t) => {
  slowly({ 'timed-2': { isSilent: true } })
  const { context, view } = await run('timed')
  t.is(view.outcome?.result, 'fail')
  t.deepEqual(
    stamps.runsOf(context).map(({ stamp }) => stamp),
    ['timed-1', 'timed-2'],
  )
  t.like(finishedOf(rig, context, 'deployment'), {
    message:
      'deployment: stopped in timed (hub): not done within 2500ms; 1 of 3 stamps passed; 1 never begun; timed-2 failed: not done before the deadline of its ring',
  })
})

test.serial('who is offline when its turn comes is skipped, failed or waited for', async (t) => {
  stamps.leave('early-1', 'broad-1')
  await eventually(
    async () => (await hubSees('early-1', false)) && (await hubSees('broad-1', false)),
  )
  const skip = await run('prod', 'skipper')
  t.is(skip.view.outcome?.result, 'pass')
  t.like(sectionOf(rig, skip.context, 'skipper'), {
    counts: { passed: 10, skipped: 2 },
    stamps: { 'early-1': { result: 'skipped', message: 'offline' } },
  })
  const fail = await run('prod', 'failer')
  t.is(fail.view.outcome?.result, 'fail')
  t.like(sectionOf(rig, fail.context, 'failer').stamps['early-1'], { message: 'offline' })
  t.deepEqual(inRing(stamps.runsOf(fail.context), 'broad'), [])

  const wait = run('pre')
  await eventually(() =>
    stamps.runs.some(({ stamp, task, finishedAt }) => {
      return stamp === 'early-4' && task === 'deployment' && finishedAt !== undefined
    }),
  )
  stamps.comeBack('early-1', 'broad-1')
  const waited = await wait
  t.is(waited.view.outcome?.result, 'pass')
  t.is(sectionOf(rig, waited.context, 'deployment').counts['passed'], 6)
})

test.serial(
  'an abort in Keptn keeps waves from beginning, and takes back what nobody fetched',
  async (t) => {
    stamps.leave('early-2')
    slowly({ 'early-1': { runMs: 60_000 } })
    const { context } = await begin(rig, { stage: 'prod', sequence: 'deployment' })
    await eventually(() => stamps.runsOf(context).some(({ stamp }) => stamp === 'early-1'))
    const copies = async () =>
      (await rig.stored('down')).filter(({ text }) => text.includes(context)).map(stampOf)
    await eventually(async () => (await copies()).includes('early-2'))
    rig.keptn.control({ project: 'shop', context }, 'abort')
    await eventually(async () => !(await copies()).includes('early-2'))
    await eventually(async () => (await hubStatus()).fanOuts.length === 0)
    stamps.comeBack('early-2')
    t.deepEqual(inRing(stamps.runsOf(context), 'broad'), [])
    t.false(answersOf(rig, context, 'deployment').includes('finished signet'))
  },
)

test.serial(
  'a sequence that is paused in Keptn begins no new stamp until it goes on',
  async (t) => {
    slowly({ 'canary-1': { runMs: 2_500 } })
    const { context } = await begin(rig, { stage: 'pre', sequence: 'deployment' })
    await eventually(() => stamps.runsOf(context).length === 2)
    rig.keptn.control({ project: 'shop', context }, 'pause')
    await eventually(() =>
      progressOf(rig, context).some((line) => line.includes('paused in Keptn')),
    )
    const held = stamps.runsOf(context)
    t.is(held.length, 2)
    t.true(
      held.every(({ finishedAt }) => finishedAt !== undefined),
      'what ran has gone on',
    )
    rig.keptn.control({ project: 'shop', context }, 'resume')
    const limit = { timeoutMs: 30_000 }
    const view = await rig.keptn.waitForSequence(context, 'pre', 'deployment', limit)
    t.is(view.outcome?.result, 'pass')
    t.is(stamps.runsOf(context).length, 6)
  },
)

test.serial('nothing was told to Keptn twice, or for nothing', (t) => {
  t.deepEqual(rig.keptn.duplicates(), [])
  t.deepEqual(rig.keptn.dropped(), [])
  t.is(rig.keptn.crash, undefined)
})

function stampOf({ subject }: { subject: string }): string {
  return subject.split('.')[6] ?? ''
}

interface HubStatus {
  readonly stamps: readonly { readonly stamp: string; readonly online: boolean }[]
  readonly fanOuts: readonly object[]
}

async function hubStatus(): Promise<HubStatus> {
  const response = await fetch(`${hub.adminUrl}/status`)
  const { hubs } = (await response.json()) as { readonly hubs: readonly HubStatus[] }
  return hubs[0] as HubStatus
}

/** Whether the hub takes a stamp for one that is there, or for one that is not. */
async function hubSees(stamp: string, isOnline: boolean): Promise<boolean> {
  const { stamps } = await hubStatus()
  return stamps.some((each) => each.stamp === stamp && each.online === isOnline)
}
