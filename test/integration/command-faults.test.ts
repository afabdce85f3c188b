import { randomUUID } from 'node:crypto'
import test from 'ava'
import type { Trace } from '../../src/domain/trace.ts'
import { answerOf, signet, start } from '../support/command.ts'
import type { Rig } from '../support/federation.ts'
import { eventually, HOME, startRig } from '../support/federation.ts'
import { eventOf, NOTICE } from '../support/keptn-event.ts'
import { natsServer } from '../support/nats-server.ts'

const ELSEWHERE = 'b'
const CONTEXT = randomUUID()

let rig: Rig

test.serial.before(async (t) => {
  t.timeout(60_000)
  rig = await startRig()
  await rig.startKeptn()
  await rig.startAgents()
})

test.serial.after.always(() => rig[Symbol.asyncDispose]())

const ask = (...args: readonly string[]) => signet(rig, ELSEWHERE, args)

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
  const interrupted = start(rig, ELSEWHERE, ['trace', CONTEXT])
  await eventually(() => heard >= 1, 30_000)
  interrupted.kill('SIGINT')
  t.like(await interrupted.ended, { code: 130, stdout: '', stderr: '' })
  heard = 0
  const tracing = start(rig, ELSEWHERE, ['trace', CONTEXT])
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
