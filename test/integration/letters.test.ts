import test from 'ava'
import type { Letter } from '../../src/domain/dead-letter.ts'
import type { Replay } from '../../src/domain/replay.ts'
import { writeTopology } from '../../src/demo/federation.ts'
import { answerOf, signet, start } from '../support/command.ts'
import { answersOf, deliver } from '../support/delivery.ts'
import type { Rig } from '../support/federation.ts'
import { eventually, HOME, startRig } from '../support/federation.ts'
import { eventOf, NOTICE } from '../support/keptn-event.ts'

const ELSEWHERE = 'b'
const LIMIT_MS = 60_000
const UP = 'sh.keptn.event.dev.audit.finished'
const COUNT = 200

let rig: Rig

test.serial.before(async (t) => {
  t.timeout(90_000)
  rig = await startRig({
    // Until the tests let it, nothing but tasks goes to or from the geo of `a`.
    residency: {
      hub: {
        leave: 'deny',
        allow: [
          { to: 'us', events: ['*'] },
          { to: 'eu', events: ['*.triggered'] },
        ],
      },
      eu: { leave: 'deny', allow: [{ to: 'hub', events: ['event.deployment.*'] }] },
    },
  })
  await rig.startKeptn()
  await rig.startAgents()
})

test.serial.after.always(() => rig[Symbol.asyncDispose]())

const ask = (...args: readonly string[]) => signet(rig, ELSEWHERE, args)

async function letters(...filter: readonly string[]): Promise<readonly Letter[]> {
  const answer = answerOf(await ask('dlq', 'ls', '--json', '--limit', '1000', ...filter))
  return (answer as { letters: readonly Letter[] }).letters
}

const notices = Array.from({ length: COUNT }, () => eventOf(NOTICE))
const ids: readonly string[] = notices.map(({ id }) => id)
const mine = (heard: readonly string[]) => heard.filter((id) => ids.includes(id))

test.serial(
  'signet dlq ls finds dead letters by reason, stamp, way and context, page by page',
  async (t) => {
    t.timeout(120_000)
    const broken = { ...eventOf(UP), time: 'today' }
    await rig.publish('b', UP, JSON.stringify(broken))
    for (const notice of notices) await rig.publish(HOME, NOTICE, JSON.stringify(notice))
    const withheld = eventOf(UP, {}, { secret: 'only in eu' })
    await rig.publish('a', UP, JSON.stringify(withheld))
    await eventually(async () => (await letters()).length === COUNT + 2, LIMIT_MS, 'all are there')
    const [bad] = await letters('--reason', 'bad-time')
    t.like(bad, { stamp: 'b', direction: 'up', id: broken.id, context: broken.shkeptncontext })
    t.is((await letters('--direction', 'down')).length, COUNT)
    t.deepEqual(
      (await letters('--stamp', 'a')).map(({ reason, id }) => [reason, id]),
      [['residency', '']],
    )
    t.is((await letters('--context', notices[3]?.shkeptncontext ?? '')).length, 1)
    const page = await ask('dlq', 'ls', '--limit', '5')
    t.is(page.code, 0)
    const last = /(\d+) +\S+ \S+ UTC +\S+ +\S+ +\S+ .*\n$/.exec(page.stdout)?.[1] ?? ''
    t.regex(page.stderr, new RegExp(`${COUNT - 3} more letters: --after ${last}`))
    const next = await letters('--after', last)
    t.is(next.length, COUNT - 3)
  },
)

test.serial('signet dlq show tells where a letter is from, why, and what to do', async (t) => {
  t.timeout(60_000)
  const [bad] = await letters('--reason', 'bad-time')
  const inUs = { SIGNET_GEO: 'us' }
  const shown = await signet(rig, 'b', ['dlq', 'show', String(bad?.letter)], inUs)
  t.is(shown.code, 0)
  for (const text of [
    /bad-time/,
    /time is today/,
    /Mend the sender/,
    /SIGNET|sequence \d+/,
    /"time":"today"/,
  ])
    t.regex(shown.stdout, text)
  const [kept] = await letters('--stamp', 'a')
  const withheld = await ask('dlq', 'show', String(kept?.letter))
  t.regex(withheld.stdout, /Its body is not here: .*geo eu does not let/)
  t.notRegex(withheld.stdout, /only in eu/)
  const [down] = await letters('--direction', 'down')
  const body = await ask('dlq', 'show', String(down?.letter), '--body', '--json')
  t.is(body.code, 0)
  // Nobody says where this command runs, and not every geo may have it.
  t.regex(String((answerOf(body) as { withheldHere?: string }).withheldHere), /go to eu/)
  const there = await signet(rig, 'b', ['dlq', 'show', String(down?.letter), '--body'], inUs)
  t.true(ids.includes((JSON.parse(there.stdout) as { id: string }).id))
  const none = await ask('dlq', 'show', '99999')
  t.is(none.code, 2)
  t.regex(none.stderr, /no dead letter 99999/)
})

test.serial('a letter that would come to nothing stays, and says why', async (t) => {
  t.timeout(60_000)
  const retried = await ask('dlq', 'retry', '--reason', 'bad-time')
  t.is(retried.code, 1)
  t.regex(retried.stdout, /stays \(bad-time\): it is malformed/)
  const [down] = await letters('--direction', 'down')
  const refused = await ask('dlq', 'retry', String(down?.letter))
  t.is(refused.code, 1)
  t.regex(refused.stdout, /stays \(residency\): .* does not let .* go to eu/)
  t.is((await letters()).length, COUNT + 2)
  for (const args of [[], ['7', '--all'], ['x']]) {
    const { code, stdout } = await ask('dlq', 'retry', ...args)
    t.deepEqual([code, stdout], [2, ''], args.join())
  }
})

test.serial(
  'letters that are put back arrive once, also when the hub is killed in the middle',
  async (t) => {
    t.timeout(180_000)
    const { options, topologyDir } = rig.federation
    const { residency: _, ...open } = options
    await writeTopology(open, topologyDir)
    const [toA, toB] = [await rig.listen('a', NOTICE), await rig.listen('b', NOTICE)]
    const [first] = await letters('--direction', 'down')
    const one = () => ask('dlq', 'retry', String(first?.letter))
    await eventually(async () => (await one()).code === 0, LIMIT_MS, 'the rules are taken over')
    const running = start(rig, ELSEWHERE, ['dlq', 'retry', '--direction', 'down'])
    await eventually(() => mine(toA.ids).length > 3, LIMIT_MS, 'some are put back')
    await rig.agent(HOME).kill()
    running.kill('SIGINT')
    await running.ended
    rig.agent(HOME).start()
    await rig.federation.ready()
    const again = await ask('dlq', 'retry', '--direction', 'down')
    t.is(again.code, 0, again.stderr)
    await eventually(() => mine(toA.ids).length >= COUNT, LIMIT_MS, 'all have come')
    t.deepEqual(mine(toA.ids).toSorted(), ids.toSorted(), 'each once')
    t.deepEqual(mine(toB.ids), [], 'b had them before')
    t.is((await letters('--direction', 'down')).length, 0)
    const kept = await ask('dlq', 'retry', '--stamp', 'a')
    t.is(kept.code, 1)
    t.regex(kept.stdout, /lies in stamp a, in the stream SIGNET_LOCAL of its Keptn NATS/)
  },
)

test.serial('what is put back and set aside again is another letter', async (t) => {
  t.timeout(60_000)
  const nc = await rig.connection(rig.supercluster.store)
  const event = eventOf(UP)
  const subject = 'signet.demo.up.main.us.canary.nobody.event.dev.audit.finished'
  await nc.request(subject, JSON.stringify(event))
  const find = async () => (await letters('--reason', 'unknown-stamp'))[0]
  const before = await eventually(find, LIMIT_MS, 'it is set aside')
  t.is((await ask('dlq', 'retry', String(before.letter))).code, 0)
  const after = await eventually(find, LIMIT_MS, 'it is set aside again')
  t.true(after.letter > before.letter)
  t.is(after.id, event.id)
})

test.serial(
  'signet dlq purge asks first, and forgets what was meant and nothing else',
  async (t) => {
    t.timeout(60_000)
    const before = (await letters()).length
    const asked = await ask('dlq', 'purge', '--reason', 'bad-time')
    t.is(asked.code, 2)
    t.regex(asked.stderr, /Purge 1 dead letter \(1 bad-time\) for good\? Nothing is purged/)
    t.is((await letters()).length, before)
    const purged = await ask('dlq', 'purge', '--reason', 'bad-time', '--yes')
    t.is(purged.code, 0)
    t.regex(purged.stdout, /1 dead letter purged/)
    t.is((await letters()).length, before - 1)
    t.is((await ask('dlq', 'purge', '--all', '--yes')).code, 0)
    t.regex((await ask('dlq', 'ls')).stdout, /No dead letters/)
  },
)

const replayed = async (...args: readonly string[]) =>
  answerOf(await ask('replay', '--to', 'b', '--json', ...args)) as Replay

test.serial(
  'a replay sends what is for the stamp, and nothing is run twice unless it is forced',
  async (t) => {
    t.timeout(120_000)
    const [, inB] = await Promise.all(['a', 'b'].map((stamp) => rig.startIntegration(stamp)))
    const { context } = await deliver(rig, {}, 60_000)
    const runs = () =>
      inB?.received().filter(({ event }) => event.shkeptncontext === context).length
    const answers = answersOf(rig, context, 'deployment')
    const down = async () => (await rig.stored('down')).length
    const before = await down()
    const dry = await replayed('--context', context, '--dry-run')
    const tasks = (replay: Replay) =>
      replay.events.filter(({ type }) => type === 'sh.keptn.event.deployment.triggered')
    t.is(tasks(dry)[0]?.outcome, 'sent')
    t.is(await down(), before, 'nothing is sent')
    const sent = await replayed('--context', context)
    t.deepEqual(sent.events, dry.events, 'exactly what was listed')
    t.is(await down(), before + (sent.counts.sent ?? 0))
    const text = await ask('replay', '--to', 'b', '--context', context)
    t.regex(text.stdout, /deployment\.triggered .*sent by a replay before/)
    t.is(runs(), 1, 'b has it')
    const forced = await replayed('--context', context, '--force', '--run', 'again')
    t.is(tasks(forced)[0]?.outcome, 'sent')
    await eventually(() => runs() === 2, LIMIT_MS, 'b does it again')
    await eventually(
      async () =>
        (await rig.stored('up')).filter(({ text: it }) => it.includes(context)).length >= 6,
      LIMIT_MS,
      'its answers came up',
    )
    const after = eventOf(UP)
    await rig.publish('b', UP, JSON.stringify(after))
    await eventually(
      () => rig.keptn.events(after.shkeptncontext).length > 0,
      LIMIT_MS,
      'what came later is taken in',
    )
    t.deepEqual(answersOf(rig, context, 'deployment'), answers, 'Keptn hears none of it')
    for (const args of [
      ['--to', 'b'],
      ['--to', 'nobody', '--since', '1h'],
      ['--to', 'b', '--since', 'x'],
    ])
      t.is((await ask('replay', ...args)).code, 2, args.join(' '))
  },
)

test.serial(
  'a replay that is cut short is finished by the next, in order and nothing twice',
  async (t) => {
    t.timeout(180_000)
    const toB = await rig.listen('b', NOTICE)
    const args = ['replay', '--to', 'b', '--since', '1h', '--force', '--run', 'restore']
    const running = start(rig, ELSEWHERE, args)
    await eventually(() => mine(toB.ids).length > 3, LIMIT_MS, 'some are sent')
    await rig.agent(HOME).kill()
    running.kill('SIGINT')
    await running.ended
    rig.agent(HOME).start()
    await rig.federation.ready()
    const again = await ask(...args)
    t.true([0, 1].includes(again.code ?? 2), again.stderr)
    await eventually(() => mine(toB.ids).length >= COUNT, LIMIT_MS, 'all have come')
    t.deepEqual(mine(toB.ids), ids)
  },
)
