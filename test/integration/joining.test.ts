import test from 'ava'
import { execFile } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { begin, deliver, finishedOf, sectionOf } from '../support/delivery.ts'
import type { Rig } from '../support/federation.ts'
import { eventually, HOME, startRig } from '../support/federation.ts'
import { eventOf } from '../support/keptn-event.ts'
import { scraped } from '../support/metrics.ts'

// Ring `canary` of each geo takes in stamps named `a-…` at once, ring `early` those named `m-…` when asked.
const STAMPS = [
  { name: 'a', geo: 'eu', ring: 'canary' },
  { name: 'a-2', geo: 'eu', ring: 'canary', joins: true },
  { name: 'a-1', geo: 'eu', ring: 'canary', joins: true },
  { name: 'z', geo: 'eu', ring: 'canary', joins: true },
  { name: 'b', geo: 'us', ring: 'early' },
  { name: 'm-1', geo: 'us', ring: 'early', joins: true },
] as const

const CLI = fileURLToPath(new URL('../../src/cli.js', import.meta.url))

let rig: Rig

test.serial.before(async () => {
  rig = await startRig({
    rings: ['canary', 'early'],
    stamps: STAMPS,
    stages: [
      { stage: 'dev', rings: ['canary'] },
      { stage: 'prod', rings: ['early'] },
    ],
    join: {
      canary: { allow: ['a-*'], approve: 'auto' },
      early: { allow: ['m-*'], approve: 'manual' },
    },
  })
  const sequences = [{ name: 'delivery', tasks: [{ name: 'deployment' }] }]
  await rig.startKeptn([], {
    shipyard: { spec: { stages: ['dev', 'prod'].map((name) => ({ name, sequences })) } },
  })
  rig.agent(HOME).start()
  rig.agent('a').start()
  rig.agent('b').start()
  await rig.federation.ready()
})

test.serial.after.always(() => rig[Symbol.asyncDispose]())

interface Row {
  readonly stamp: string
  readonly state: string
  readonly drained: boolean
  readonly online: boolean
  readonly reason?: string
}

/** The stamps as the hub's `/status` lists them. */
async function stamps(): Promise<readonly Row[]> {
  const response = await fetch(`${await rig.agent(HOME).url()}/status`)
  const { hubs } = (await response.json()) as { hubs: readonly { stamps: readonly Row[] }[] }
  return hubs[0]?.stamps ?? []
}

const row = async (stamp: string): Promise<Row | undefined> =>
  (await stamps()).find((it) => it.stamp === stamp)

async function states(): Promise<string> {
  return (await stamps()).map(({ stamp, state }) => `${stamp} ${state}`).join(', ')
}

test.serial('a stamp that its ring allows joins by itself, and its answers count', async (t) => {
  rig.agent('a-1').start()
  rig.agent('a-2').start()
  await rig.federation.ready()
  for (const name of ['a', 'a-1', 'a-2']) await rig.startIntegration(name)
  await eventually(
    async () => (await states()) === 'a listed, a-1 joined, a-2 joined, b listed',
    20_000,
    'both joined, in the order of their names',
  )
  const { context, view } = await eventually(async () => {
    const done = await deliver(rig)
    const asked = Object.keys(sectionOf(rig, done.context, 'deployment').stamps)
    return asked.length === 3 && done
  }, 60_000)
  t.is(view.outcome?.result, 'pass')
  const section = sectionOf(rig, context, 'deployment')
  t.deepEqual(Object.keys(section.stamps), ['a', 'a-1', 'a-2'])
  t.like(section.counts, { passed: 3 })
  t.deepEqual(await rig.deadLetters(), [])
  // Whether a stamp has joined is looked up for what it asks of Keptn, too; nothing ages there for that.
  const { status } = await fetch(`${await rig.agent('a-1').url('http')}/controlPlane/v1/project`)
  t.not(status, 403)
  const bucket = `KV_${rig.names.stampsBucket}`
  t.is((await (await rig.hubStore()).streams.info(bucket)).config.max_age, 0)
})

test.serial(
  'a stamp that joined is known to the next hub, whether it is there or not',
  async (t) => {
    await rig.agent('a-2').kill()
    await rig.agent(HOME).kill()
    rig.agent(HOME).start()
    await rig.federation.ready()
    t.is(await states(), 'a listed, a-1 joined, a-2 joined, b listed')
    const begun = await begin(rig)
    // It is asked although it is away, for it belongs to the federation; and it answers when it is back.
    await eventually(
      async () =>
        (await rig.stored('down')).some(({ subject }) =>
          subject.includes('.a-2.event.deployment.triggered'),
        ),
      20_000,
    )
    rig.agent('a-2').start()
    await rig.keptn.waitForSequence(begun.context, 'dev', 'delivery', { timeoutMs: 60_000 })
    t.like(sectionOf(rig, begun.context, 'deployment').counts, { passed: 3 })
    t.truthy(finishedOf(rig, begun.context, 'deployment'))
  },
)

test.serial(
  'a stamp that no ring allows is refused, counted, and gets and says nothing',
  async (t) => {
    // It is not ready: nobody makes a consumer for it.
    rig.agent('z').start()
    const refused = await eventually(() => row('z'), 20_000, 'it is heard')
    t.like(refused, { state: 'refused', reason: 'not-allowed' })
    const reason = 'not-allowed'
    const url = await rig.agent(HOME).url()
    t.true(((await scraped(url, 'signet_stamps_refused_total', { reason })) ?? 0) > 0)
    const log = await rig.agent(HOME).log()
    t.is(log.split('announces itself and is not let in').length, 2, 'it is told once')
    const type = 'sh.keptn.event.dev.delivery.triggered'
    await rig.publish('z', type, JSON.stringify(eventOf(type)))
    const isSetAside = async () =>
      (await rig.deadLetters()).some(({ reason }) => reason === 'unknown-stamp')
    await eventually(isSetAside, 20_000, 'what it says is set aside')
    t.false((await rig.stored('down')).some(({ subject }) => subject.includes('.z.')))
    const approved = await signet('stamp', 'approve', 'z')
    t.is(approved.code, 1)
    t.regex(approved.out, /eu\/canary\/z is not let in: no ring file allows its name there/)
    t.is((await signet('stamp', 'approve', 'nobody')).code, 2)
    t.is((await signet('stamp', 'drain', 'nobody')).code, 2)
    await rig.agent('z').kill()
  },
)

/** The command line, asking from a far stamp. */
async function signet(...args: readonly string[]): Promise<{ code: number; out: string }> {
  const env = {
    PATH: process.env['PATH'],
    SIGNET_TOPOLOGY: rig.federation.topologyDir,
    SIGNET_NATS_URL: rig.supercluster.gatewayOf('b').url,
    SIGNET_NATS_USER: 'fed',
    SIGNET_NATS_PASSWORD: 'fed',
  }
  return new Promise((resolve) => {
    execFile(process.execPath, [CLI, ...args], { env }, (error, stdout, stderr) => {
      resolve({ code: error === null ? 0 : Number(error.code), out: stdout + stderr })
    })
  })
}

async function listed(stamp: string): Promise<object | undefined> {
  const { out } = await signet('stamp', 'ls', '--json')
  return (JSON.parse(out) as readonly Row[]).find((it) => it.stamp === stamp)
}

test.serial('a stamp that must be approved waits, and an approval outlives the hub', async (t) => {
  rig.agent('m-1').start()
  const waiting = await eventually(() => row('m-1'), 20_000)
  t.like(waiting, { state: 'pending', online: true })
  const early = await signet('stamp', 'drain', 'm-1')
  t.is(early.code, 1)
  t.regex(early.out, /us\/early\/m-1 waits for approval/)
  const approved = await signet('stamp', 'approve', 'm-1')
  t.is(approved.code, 0, approved.out)
  t.is(approved.out, 'm-1 in us/early takes tasks.\n')
  await rig.agent(HOME).kill()
  rig.agent(HOME).start()
  await rig.federation.ready()
  t.like(await listed('m-1'), { state: 'joined', drained: false })
  await rig.startIntegration('b', { delayMs: () => 1_000 })
  await rig.startIntegration('m-1')
  await eventually(async () => (await row('m-1'))?.online, 20_000)
  const { context } = await deliver(rig, { stage: 'prod' }, 60_000)
  t.deepEqual(Object.keys(sectionOf(rig, context, 'deployment').stamps), ['b', 'm-1'])
})

test.serial('a drained stamp ends what it runs, gets its notices, and no new tasks', async (t) => {
  const running = await begin(rig, { stage: 'prod', service: 'slow' })
  const isAsked = async () =>
    (await rig.stored('down')).filter(({ subject }) => subject.includes('.b.event.deployment.'))
      .length > 1
  await eventually(isAsked, 20_000, 'the stamp is asked')
  const drained = await signet('stamp', 'drain', 'b')
  t.is(drained.out, 'b in us/early takes no new tasks; what it runs goes on.\n')
  await rig.keptn.waitForSequence(running.context, 'prod', 'delivery', { timeoutMs: 60_000 })
  const stampsOf = (context: string) => Object.keys(sectionOf(rig, context, 'deployment').stamps)
  t.deepEqual(stampsOf(running.context), ['b', 'm-1'])

  await rig.agent(HOME).kill()
  rig.agent(HOME).start()
  await rig.federation.ready()
  t.like(await listed('b'), { state: 'listed', drained: true })
  const heard = await rig.listen('b', 'sh.keptn.event.prod.delivery.finished')
  const next = await deliver(rig, { stage: 'prod' }, 60_000)
  t.deepEqual(stampsOf(next.context), ['m-1'])
  await eventually(() => heard.heard.length > 0, 20_000, 'the notice comes')

  const back = await signet('stamp', 'undrain', 'b')
  t.is(back.out, 'b in us/early takes tasks.\n')
  const last = await deliver(rig, { stage: 'prod' }, 60_000)
  t.deepEqual(stampsOf(last.context), ['b', 'm-1'])
})
