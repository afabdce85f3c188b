import test from 'ava'
import { randomUUID } from 'node:crypto'
import type { FederationStatus } from '../../src/domain/federation-status.ts'
import { durableName } from '../../src/domain/store-names.ts'
import {
  apiSubject,
  controlSubject,
  linkSubject,
  presenceSubject,
} from '../../src/domain/subject.ts'
import { person, signet } from '../support/command.ts'
import { delivered, exactlyOnce, trigger } from '../support/fan-in.ts'
import type { AgentInside, Rig } from '../support/federation.ts'
import { eventually, HOME, startRig } from '../support/federation.ts'
import { Hostile, storeFacts } from '../support/hostile.ts'
import { violations } from '../support/rig-access.ts'
import { servicesAt, tunnelConfig } from '../support/tunnel-config.ts'
import { QUICK } from '../support/uniform-pod.ts'

// One federation with exactly the accounts of `signet topology nats-config`. `a` is the stamp that turns.

const SCOPE = { federation: 'demo', controlPlane: 'main' }
const A = { geo: 'eu', ring: 'canary', stamp: 'a' }
const B = { geo: 'us', ring: 'early', stamp: 'b' }
const LIMIT_MS = 60_000
const TAIL = 'event.deployment.triggered'
const API = '$JS.hub.API'

let rig: Rig
let hub: AgentInside

test.serial.before(async (t) => {
  t.timeout(120_000)
  rig = await startRig({
    secured: true,
    rings: ['canary', 'early'],
    stages: [{ stage: 'dev', rings: ['canary', 'early'] }],
    stamps: [A, B].map(({ stamp: name, geo, ring }) => ({ name, geo, ring })),
  })
  const keptn = await rig.startKeptn()
  const way = { kind: 'internal', urls: servicesAt(keptn.url) } as const
  hub = await rig.startAgentInside(HOME, { tunnel: tunnelConfig({ way }) })
})

test.serial.after.always(() => rig[Symbol.asyncDispose]())

/** A delivery through both rings, with integrations that are registered over the tunnel. */
async function deliverOnce() {
  const { context } = await trigger(rig)
  return delivered(rig, context, { timeoutMs: LIMIT_MS })
}

test.serial('a federation delivers and registers, and the servers refuse nothing', async (t) => {
  t.timeout(120_000)
  const integrations = new Map(
    await Promise.all(
      [A, B].map(async ({ stamp }) => {
        const { servicesUrl } = await rig.startAgentInside(stamp, { upstreamPace: QUICK })
        const integration = await rig.startIntegration(stamp, { registrationUrl: servicesUrl })
        return [stamp, integration] as const
      }),
    ),
  )
  await eventually(
    () => rig.keptn.registrations().length === 2,
    LIMIT_MS,
    'both are registered at the control plane',
  )
  const got = await deliverOnce()
  t.is(got.outcome, 'pass')
  t.deepEqual(Object.keys(got.data.signet['deployment']?.stamps ?? {}).toSorted(), ['a', 'b'])
  exactlyOnce(t, got, integrations)
  t.deepEqual(await violations(rig.federation), [])
})

test.serial('people look or steer, as their user may', async (t) => {
  t.timeout(60_000)
  const status = await signet(rig, 'b', ['status', '--json'], person('reader'))
  t.is(status.code, 0, status.stderr)
  const { stamps } = JSON.parse(status.stdout) as FederationStatus
  t.deepEqual(
    stamps.map(({ stamp, online }) => [stamp, online]),
    [
      ['a', true],
      ['b', true],
    ],
  )
  const refused = await signet(rig, 'b', ['stamp', 'drain', 'a'], person('reader'))
  t.is(refused.code, 2)
  t.regex(refused.stderr, /may not publish to signet\.demo\.control\.main\.stamp-drain/)
  for (const verb of ['drain', 'undrain'])
    t.is((await signet(rig, 'b', ['stamp', verb, 'a'], person('operator'))).code, 0)
})

const { stamp: b } = B
const STREAM = 'SIGNET_demo_main'

const FORBIDDEN: Readonly<Record<string, readonly string[]>> = {
  'forge another stamp': [
    linkSubject(SCOPE, 'up', B, TAIL),
    // Its own name in another geo, and another name in its own.
    linkSubject(SCOPE, 'up', { ...A, geo: 'us' }, TAIL),
    linkSubject(SCOPE, 'up', { ...A, stamp: b }, TAIL),
    presenceSubject(SCOPE, B),
    apiSubject(SCOPE, B),
    `${apiSubject(SCOPE, B)}.agent.1`,
    `signet.demo.dlq.main.up.${b}.oversize`,
  ],
  'publish as the hub': [
    linkSubject(SCOPE, 'down', A, TAIL),
    linkSubject(SCOPE, 'down', B, TAIL),
    '_INBOX.core.x',
    '_INBOX.b.x',
    '_R_.x.y',
  ],
  command: [controlSubject(SCOPE, 'status'), controlSubject(SCOPE, 'rollout-abort')],
  'read what is not its own': [
    `${API}.CONSUMER.MSG.NEXT.${STREAM}_DOWN.${durableName(b)}`,
    `${API}.CONSUMER.INFO.${STREAM}_DOWN.${durableName(b)}`,
    `$JS.ACK.${STREAM}_DOWN.${durableName(b)}.1.1.1.1.0`,
    `${API}.CONSUMER.MSG.NEXT.${STREAM}_UP.${durableName(HOME)}`,
    `${API}.STREAM.MSG.GET.${STREAM}_DOWN`,
    `${API}.STREAM.MSG.GET.${STREAM}_UP`,
    `${API}.DIRECT.GET.KV_signet_demo_main_stamps.$KV.signet_demo_main_stamps.b`,
    `${API}.CONSUMER.LIST.${STREAM}_DOWN`,
    `${API}.STREAM.NAMES`,
    `${API}.STREAM.INFO.${STREAM}_UP`,
    '$SYS.REQ.SERVER.PING',
  ],
  'create, change and delete': [
    `${API}.STREAM.CREATE.MINE`,
    `${API}.STREAM.CREATE.KV_mine`,
    `${API}.STREAM.UPDATE.${STREAM}_DOWN`,
    `${API}.STREAM.PURGE.${STREAM}_UP`,
    `${API}.STREAM.DELETE.${STREAM}_DOWN`,
    `${API}.STREAM.MSG.DELETE.${STREAM}_DOWN`,
    `${API}.CONSUMER.CREATE.${STREAM}_DOWN.mine`,
    `${API}.CONSUMER.CREATE.${STREAM}_DOWN`,
    `${API}.CONSUMER.DURABLE.CREATE.${STREAM}_DOWN.mine`,
    `${API}.CONSUMER.DURABLE.CREATE.${STREAM}_DOWN.${durableName('a')}`,
    `${API}.CONSUMER.DELETE.${STREAM}_DOWN.${durableName('a')}`,
    `${API}.$KV.signet_demo_main_stamps.b`,
    '$KV.signet_demo_main_stamps.b',
    `$JS.API.STREAM.DELETE.${STREAM}_DOWN`,
  ],
}

const OTHERS = [
  '>',
  'signet.>',
  'signet.demo.down.main.eu.canary.a.>',
  linkSubject(SCOPE, 'up', B, TAIL),
  'signet.demo.presence.main.*.*.*',
  'signet.demo.api.main.*.*.*',
  'signet.demo.control.main.*',
  '_INBOX.>',
  '_INBOX.core.>',
  '_R_.>',
  '_GR_.>',
  '$JS.>',
  '$SYS.>',
]

test.serial(
  'a hostile stamp is refused all that is not its own, and changes nothing',
  async (t) => {
    t.timeout(90_000)
    const before = await storeFacts(rig)
    await using hostile = await Hostile.of(rig, 'a')
    for (const [what, subjects] of Object.entries(FORBIDDEN))
      for (const subject of subjects)
        t.is(await hostile.says(subject), 'refused', `${what}: ${subject}`)
    for (const subject of OTHERS) t.is(await hostile.hears(subject), 'refused', subject)
    t.is(await hostile.hears('_INBOX.a.x'), 'taken', 'its own inbox, so that the test can tell')
    t.deepEqual(await storeFacts(rig), before)
    const told = await violations(rig.federation)
    t.true(told.some((line) => line.includes('stamp-a') && line.includes(`${API}.STREAM.PURGE`)))
    // Of the server that it is connected to, so that an operator finds it.
    t.true(
      told
        .filter((line) => line.includes('stamp-a'))
        .every((line) => line.startsWith('gateway-eu:')),
    )
  },
)

test.serial('no answer can be had sent to where a stamp may not publish', async (t) => {
  t.timeout(90_000)
  const next = `${API}.CONSUMER.MSG.NEXT.${STREAM}_DOWN.${durableName('a')}`
  const info = `${API}.CONSUMER.INFO.${STREAM}_DOWN.${durableName('a')}`
  const targets = [
    linkSubject(SCOPE, 'down', B, TAIL),
    linkSubject(SCOPE, 'up', B, TAIL),
    ...[API, '$JS.API'].flatMap((api) => [
      `${api}.STREAM.DELETE.${STREAM}_DOWN`,
      `${api}.STREAM.PURGE.${STREAM}_DOWN`,
      `${api}.STREAM.DELETE.KV_signet_demo_main_fanout`,
    ]),
    controlSubject(SCOPE, 'rollout-abort'),
  ]
  await using hostile = await Hostile.of(rig, 'a')
  const before = await storeFacts(rig)
  for (const target of targets) {
    // An empty pull that is over at once: its end is a message without a body, which is a request to delete.
    await hostile.says(next, JSON.stringify({ batch: 1, no_wait: true }), target)
    await hostile.says(info, '', target)
    await hostile.says(apiSubject(SCOPE, A), 'no frame', target)
  }
  await hostile.nc.request(info, '', { timeout: 5_000 })
  t.deepEqual(await storeFacts(rig), before)
  // An acknowledgement of what it may publish goes nowhere either; what it published lies there.
  for (const target of targets)
    await hostile.says(linkSubject(SCOPE, 'up', A, TAIL), `{"no":"event ${target}"}`, target)
  await hostile.nc.request(info, '', { timeout: 5_000 })
  const stored = async (stream: 'down' | 'up') =>
    (await rig.stored(stream)).filter(({ text }) => text.includes('"seq"') || text === '')
  t.deepEqual([...(await stored('down')), ...(await stored('up'))], [])
  const after = await storeFacts(rig)
  for (const name of ['DOWN', 'UP', 'DLQ'].map((kind) => `${STREAM}_${kind}`))
    t.is(after[name]?.split(' ')[0], before[name]?.split(' ')[0], `${name} is the same stream`)
})

test.serial(
  'what a stamp may say is judged by the hub, and a flood of it holds nobody up',
  async (t) => {
    t.timeout(120_000)
    await using hostile = await Hostile.of(rig, 'a')
    const letters = async () =>
      (await rig.deadLetters()).filter(
        ({ from, subject }) => from === `up/${HOME}` && subject.includes('.eu.elsewhere.a.'),
      ).length
    const flood = 2_000
    const subject = linkSubject(SCOPE, 'up', { ...A, ring: 'elsewhere' }, TAIL)
    for (let n = 0; n < flood; n += 1) hostile.nc.publish(subject, `{"id":"${randomUUID()}"}`)
    await hostile.nc.flush()
    const got = await deliverOnce()
    t.is(got.outcome, 'pass', 'a delivery goes through meanwhile')
    await eventually(
      async () => (await letters()) === flood,
      LIMIT_MS,
      'each is set aside, and counted',
    )
    t.deepEqual(hub.reasons(), [])
  },
)
