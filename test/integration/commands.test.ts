import { randomUUID } from 'node:crypto'
import test from 'ava'
import type { FederationStatus } from '../../src/domain/federation-status.ts'
import type { Rollout, RolloutDetail } from '../../src/domain/rollout.ts'
import type { Trace } from '../../src/domain/trace.ts'
import { answerOf, signet, start } from '../support/command.ts'
import { trigger } from '../support/fan-in.ts'
import type { Rig } from '../support/federation.ts'
import { eventually, HOME, stampsIn, startRig } from '../support/federation.ts'

/** Where the commands run; stamp `c` has no agent. */
const ELSEWHERE = 'b'

let rig: Rig

test.serial.before(async (t) => {
  t.timeout(60_000)
  rig = await startRig({
    rings: ['canary', 'early'],
    stamps: stampsIn(['eu', 'us'], ['a', 'b', 'c']),
    absent: stampsIn(['eu'], ['d'], 'early'),
    stages: [
      { stage: 'dev', rings: ['canary'] },
      { stage: 'prod', rings: ['canary', 'early'] },
    ],
  })
  const sequences = [{ name: 'delivery', tasks: [{ name: 'deployment' }] }]
  await rig.startKeptn([], {
    shipyard: { spec: { stages: ['dev', 'prod'].map((name) => ({ name, sequences })) } },
  })
  await rig.startAgents('c')
})

test.serial.after.always(() => rig[Symbol.asyncDispose]())

const ask = (...args: readonly string[]) => signet(rig, ELSEWHERE, args)

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
      ['d', 'eu', false],
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
  t.regex(seen.stdout, /2 of 4 stamps online/)
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
  t.regex(stderr, /no ring "canari"; there are canary, early/)
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

test.serial('a rollout in waves is paused and resumed, and everybody sees by whom', async (t) => {
  t.timeout(120_000)
  const { context } = await rig.keptn.triggerSequence({
    project: 'shop',
    stage: 'prod',
    sequence: 'delivery',
    service: 'cart-waves',
  })
  const mine = async () => (await openRollouts()).find((each) => each.context === context)
  const begun = await eventually(mine, 30_000)
  t.like(begun, { state: 'running', ring: 'canary', wave: 1, waves: 2 })
  const steer = async (verb: string) =>
    answerOf(await ask('rollout', verb, context, '--json')) as { readonly outcome: string }
  t.is((await steer('pause')).outcome, 'done')
  t.is((await steer('pause')).outcome, 'unchanged')
  const held = await mine()
  t.is(held?.state, 'paused')
  t.regex(held?.paused?.by.join() ?? '', /^\S+@\S+$/)
  t.regex((await ask('rollout', 'ls')).stdout, /canary 1\/2 .* paused by \S+@/)
  t.is((await steer('resume')).outcome, 'done')
  t.is((await steer('resume')).outcome, 'unchanged')
  t.is((await mine())?.state, 'running')
  t.is((await steer('abort')).outcome, 'done')
  await eventually(async () => (await mine()) === undefined, 30_000)
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
