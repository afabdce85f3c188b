import { randomUUID } from 'node:crypto'
import test from 'ava'
import type { FederationStatus } from '../../src/domain/federation-status.ts'
import type { Rollout, RolloutDetail } from '../../src/domain/rollout.ts'
import type { Trace } from '../../src/domain/trace.ts'
import type { Ended } from '../support/command.ts'
import { signet, start } from '../support/command.ts'
import { trigger } from '../support/fan-in.ts'
import type { Rig } from '../support/federation.ts'
import { eventually, HOME, stampsIn, startRig } from '../support/federation.ts'
import { eventOf, NOTICE } from '../support/keptn-event.ts'
import { natsServer } from '../support/nats-server.ts'

/** Where the commands run; stamp `c` has no agent. */
const ELSEWHERE = 'b'

let rig: Rig

test.serial.before(async (t) => {
  t.timeout(60_000)
  rig = await startRig({ stamps: stampsIn(['eu', 'us'], ['a', 'b', 'c']) })
  await rig.startKeptn()
  await rig.startAgents('c')
})

test.serial.after.always(() => rig[Symbol.asyncDispose]())

const ask = (...args: readonly string[]) => signet(rig, ELSEWHERE, args)

function answerOf({ code, stdout, stderr }: Ended): unknown {
  if (code !== 0) throw new Error(`exit code ${code}: ${stderr}`)
  return JSON.parse(stdout)
}

const openRollouts = async () =>
  (answerOf(await ask('rollout', 'ls', '--json')) as { rollouts: readonly Rollout[] }).rollouts

/** A delivery whose task runs in `a` and has passed in `b`; `c` is away. */
async function halfWay(): Promise<Rollout> {
  const integrations = await Promise.all([
    rig.startIntegration('a', { startedOnly: true }),
    rig.startIntegration('b', { message: 'fine\u001b[2J' }),
  ])
  const { context } = await trigger(rig)
  const rollout = await eventually(async () => {
    const mine = (await openRollouts()).find((each) => each.context === context)
    return mine?.progress.passed === 1 && mine.progress.running === 1 ? mine : undefined
  }, 30_000)
  await Promise.all(integrations.map((each) => each.kill()))
  return rollout
}

const dataOf = (event: { readonly data?: unknown } | undefined) =>
  event?.data as Readonly<Record<string, unknown>>

let open: Rollout

test.serial('signet status tells of stamps, what waits for them, and what is open', async (t) => {
  t.timeout(90_000)
  open = await halfWay()
  const status = answerOf(await ask('status', '--json')) as FederationStatus
  t.like(status, { federation: 'demo', controlPlane: 'main', deadLetters: 0 })
  t.like(status.hub, { stamp: HOME, geo: 'hub', ready: true })
  t.deepEqual(
    status.stamps.map(({ stamp, geo, online }) => [stamp, geo, online]),
    [
      ['a', 'eu', true],
      ['c', 'eu', false],
      ['b', 'us', true],
    ],
  )
  const [a, c] = status.stamps
  t.is(a?.pending, 0)
  t.true((c?.pending ?? 0) > 0, 'its copies lie there')
  t.deepEqual(
    status.rollouts.map(({ id }) => id),
    [open.id],
  )
  const seen = await ask('status')
  t.is(seen.code, 0)
  t.regex(seen.stdout, /2 of 3 stamps online/)
  t.regex(seen.stdout, /○ c .*never heard/)
  t.false(seen.stdout.includes('\u001b'), 'no colours in a pipe')
})

test.serial('signet status shows one geo, and refuses one that is not there', async (t) => {
  t.timeout(60_000)
  const status = answerOf(await ask('status', '--json', '--geo', 'us')) as FederationStatus
  t.deepEqual(
    status.stamps.map(({ stamp }) => stamp),
    ['b'],
  )
  const { code, stdout, stderr } = await ask('status', '--ring', 'canari')
  t.is(code, 2)
  t.is(stdout, '')
  t.regex(stderr, /no ring "canari"; there are canary/)
})

test.serial('signet status --watch looks again and again until it is interrupted', async (t) => {
  t.timeout(60_000)
  const watching = start(rig, ELSEWHERE, ['status', '--watch', '0.2'])
  await eventually(() => watching.stdout().split('stamps online').length > 3, 30_000)
  watching.kill('SIGINT')
  const { code, stderr } = await watching.ended
  t.is(code, 130)
  t.is(stderr, '')
})

test.serial(
  'signet rollout show tells of each stamp what it waits for, and until when',
  async (t) => {
    t.timeout(60_000)
    const shown = await ask('rollout', 'show', open.id.slice(0, 8), '--json')
    const { rollout } = answerOf(shown) as { rollout: RolloutDetail }
    t.like(rollout, { id: open.id, task: 'deployment', stage: 'dev', context: open.context })
    t.deepEqual(
      rollout.stamps.map(({ stamp, phase, waitsFor }) => [stamp, phase, waitsFor]),
      [
        ['a', 'running', 'its .finished'],
        ['c', 'waiting', 'the stamp, which is offline'],
        ['b', 'done', undefined],
      ],
    )
    t.true(
      rollout.stamps.every(
        ({ until, waitsFor }) => (until === undefined) === (waitsFor === undefined),
      ),
    )
    const text = await ask('rollout', 'show', open.context)
    t.is(text.code, 0)
    t.regex(text.stdout, /b +us\/canary +✓ pass/)
    t.false(text.stdout.includes('\u001b'), 'what an integration says moves no cursor')
  },
)

test.serial('an id that is not there gets the ones that are', async (t) => {
  t.timeout(60_000)
  for (const verb of ['show', 'pause', 'resume', 'abort']) {
    const { code, stdout, stderr } = await ask('rollout', verb, 'nonsense')
    t.is(code, 2)
    t.is(stdout, '')
    t.regex(stderr, new RegExp(`"nonsense"; open are:\n  ${open.id}  deployment in dev`))
  }
})

test.serial('signet rollout abort ends it, says who did, and may be said again', async (t) => {
  t.timeout(90_000)
  const paused = await ask('rollout', 'pause', open.id)
  t.is(paused.code, 1, 'what has no waves cannot be paused')
  t.regex(paused.stderr, /cannot be paused/)
  const aborted = answerOf(await ask('rollout', 'abort', open.context, '--json')) as {
    outcome: string
  }
  t.is(aborted.outcome, 'done')
  const view = await rig.keptn.waitForSequence(open.context, 'dev', 'delivery', {
    timeoutMs: 30_000,
  })
  t.is(view.outcome?.result, 'fail')
  const finished = rig.keptn
    .events(open.context)
    .find(({ event }) => event.type === 'sh.keptn.event.deployment.finished')
  t.regex(String(dataOf(finished?.event)['message']), /aborted by \S+@\S+/)
  await eventually(async () => (await openRollouts()).length === 0, 30_000)
  const again = await ask('rollout', 'abort', open.id)
  t.is(again.code, 0)
  t.regex(again.stdout, /had ended already/)
  t.is((await ask('rollout', 'pause', open.id)).code, 1)
  t.regex((await ask('rollout', 'ls')).stdout, /No rollout is open/)
})

test.serial(
  'signet trace tells of every event where it was, what it took, and what came of it',
  async (t) => {
    t.timeout(60_000)
    const trace = answerOf(await ask('trace', open.context, '--json')) as Trace
    const brief = trace.events.map(({ type, origin, step }) => [
      type.replace('sh.keptn.event.', ''),
      origin,
      step?.name,
    ])
    for (const wanted of [
      ['dev.delivery.triggered', HOME, undefined],
      ['deployment.triggered', HOME, 'followed'],
      ['deployment.started', 'a', 'waited'],
      ['deployment.started', 'b', 'waited'],
      ['deployment.finished', 'b', 'ran'],
      ['deployment.started', HOME, 'followed'],
      ['deployment.finished', HOME, 'aggregated'],
      ['dev.delivery.finished', HOME, 'followed'],
    ])
      t.true(
        brief.some((each) => JSON.stringify(each) === JSON.stringify(wanted)),
        `${wanted.join(' ')} in ${JSON.stringify(brief)}`,
      )
    const ids = trace.events.map(({ id }) => id)
    t.is(new Set(ids).size, ids.length, 'each event once')
    const triggered = trace.events.find(
      ({ type }) => type === 'sh.keptn.event.deployment.triggered',
    )
    t.deepEqual(
      triggered?.seen.map(({ where, stamp }) => stamp ?? where).toSorted(),
      // The copy for `c` was taken back.
      ['a', 'b', 'keptn'],
    )
    const text = await ask('trace', open.context)
    t.is(text.code, 0)
    t.regex(
      text.stdout,
      /aggregated -?\d+(\.\d+)? m?s +core +deployment\.finished in dev +✗ fail +signet/,
    )
    const none = await ask('trace', randomUUID())
    t.is(none.code, 1)
    t.is(none.stdout, '')
    t.regex(none.stderr, /nothing of context .* --since 7d/)
  },
)

test.serial('a trace of a thousand events among others is complete, and in order', async (t) => {
  t.timeout(120_000)
  const context = randomUUID()
  const event = (of: string) => eventOf(NOTICE, { shkeptncontext: of })
  for (let sent = 0; sent < 500; sent += 25)
    await Promise.all(
      Array.from({ length: 25 }, async () => {
        for (const stamp of [HOME, 'a']) {
          const mine = event(context)
          await rig.publish(stamp, mine.type, JSON.stringify(mine))
        }
        const other = event(randomUUID())
        await rig.publish(HOME, other.type, JSON.stringify(other))
      }),
    )
  const trace = await eventually(async () => {
    const found = answerOf(await ask('trace', context, '--json')) as Trace
    return found.events.length === 1_000 ? found : undefined
  }, 60_000)
  const times = trace.events.map(({ at }) => at)
  t.deepEqual(times, times.toSorted())
  t.is(trace.events.filter(({ origin }) => origin === 'a').length, 500)
  t.is((await ask('trace', context)).stdout.split('dev.delivery.finished').length, 1_001)
  const soon = await ask('trace', context, '--since', '1ms')
  t.is(soon.code, 1, 'what is older than --since is not told')
})

test.serial(
  'a command without topology, settings or names that fit says what is wrong',
  async (t) => {
    t.timeout(90_000)
    const nowhere = { SIGNET_TOPOLOGY: '/nowhere' }
    const byFlags = ['--federation', 'demo', '--control-plane', 'main']
    t.is((await signet(rig, ELSEWHERE, ['rollout', 'ls', ...byFlags], nowhere)).code, 0)
    t.is((await signet(rig, ELSEWHERE, ['rollout', 'ls'], nowhere)).code, 2)
    const other = await ask('status', '--control-plane', 'mein')
    t.is(other.code, 2)
    t.regex(other.stderr, /no control plane "mein"; did you mean "main"/)
    for (const args of [
      ['status', '--watch', 'often'],
      ['trace', 'x', '--since', 'yesterday'],
      ['trace'],
      ['rollout', 'show'],
      ['status', '--federation', 'A B'],
    ]) {
      const { code, stdout, stderr } = await ask(...args)
      t.is(code, 2, args.join(' '))
      t.is(stdout, '')
      t.notRegex(stderr, /\n\s+at /)
    }
  },
)

test.serial('a user who may only read is told which right is missing', async (t) => {
  t.timeout(60_000)
  const users = `{ user: fed, password: fed, permissions: {
    publish: ["signet.demo.control.main.status"], subscribe: ["_INBOX.signet.>"] } }`
  await using server = await natsServer({ config: `authorization { users: [${users}] }` })
  const environment = { SIGNET_NATS_URL: server.url }
  const refused = await signet(rig, ELSEWHERE, ['rollout', 'abort', 'x'], environment)
  t.is(refused.code, 2)
  t.is(refused.stdout, '')
  t.regex(refused.stderr, /may not publish to signet\.demo\.control\.main\.rollout-abort/)
})

test.serial('a hub that is killed in the middle of its answer leaves no half of it', async (t) => {
  t.timeout(90_000)
  const gateway = await rig.connection(rig.supercluster.gatewayOf(HOME))
  let heard = 0
  const subscription = gateway.subscribe('signet.demo.control.main.trace', {
    callback: () => {
      heard += 1
    },
  })
  await gateway.flush()
  // The hub waits for it, and says so.
  await rig.supercluster.keptn(HOME).pause()
  const interrupted = start(rig, ELSEWHERE, ['trace', open.context])
  await eventually(() => heard >= 1, 30_000)
  interrupted.kill('SIGINT')
  t.like(await interrupted.ended, { code: 130, stdout: '', stderr: '' })
  heard = 0
  const tracing = start(rig, ELSEWHERE, ['trace', open.context])
  // Said a second time after two seconds; the hub was heard after one.
  await eventually(() => heard >= 2, 30_000)
  subscription.unsubscribe()
  await rig.agent(HOME).kill()
  const { code, stdout, stderr } = await tracing.ended
  rig.supercluster.keptn(HOME).resume()
  t.is(code, 1)
  t.is(stdout, '')
  t.regex(stderr, /^signet: The hub began to answer and fell silent/)
  const none = await ask('status')
  t.is(none.code, 1)
  t.is(none.stdout, '')
  t.regex(
    none.stderr,
    /No hub of control plane main .*signet\.demo\.control\.main\.status at nats:/,
  )
})
