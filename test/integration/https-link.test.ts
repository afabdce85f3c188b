import test from 'ava'
import type { Integration } from '../../src/demo/integration/integration.ts'
import { WRAPPED_ANSWER_TYPE } from '../../src/domain/https-answer.ts'
import { answersOf, deliver, sectionOf } from '../support/delivery.ts'
import type { AgentInside, Rig } from '../support/federation.ts'
import { eventually, HOME, startRig } from '../support/federation.ts'
import { servicesAt, tunnelConfig } from '../support/tunnel-config.ts'
import { QUICK } from '../support/uniform-pod.ts'

const TOKEN = 'let-me-in'
const POLLING = ['canary-h', 'early-h'] as const

let rig: Rig
let hub: AgentInside
const integrations = new Map<string, Integration>()

test.serial.before(async () => {
  rig = await startRig({
    rings: ['canary', 'early'],
    stamps: [
      { name: 'canary-n', geo: 'eu', ring: 'canary', link: 'nats' },
      { name: 'canary-h', geo: 'eu', ring: 'canary', link: 'https' },
      { name: 'early-h', geo: 'eu', ring: 'early', link: 'https' },
    ],
    stages: [{ stage: 'prod', rings: ['canary', 'early'] }],
  })
  const sequences = [{ name: 'delivery', tasks: [{ name: 'deployment' }, { name: 'test' }] }]
  await rig.startKeptn([], {
    shipyard: { spec: { stages: [{ name: 'prod', sequences }] } },
    token: TOKEN,
    validateEvents: true,
  })
  const way = { kind: 'internal', urls: servicesAt(rig.keptn.url) } as const
  hub = await rig.startAgentInside(HOME, { tunnel: tunnelConfig({ way }), registrationsMs: 100 })
  const agents = new Map([['canary-n', await rig.startAgentInside('canary-n')]])
  for (const stamp of POLLING) agents.set(stamp, await startPolling(stamp))
  for (const [stamp, { servicesUrl }] of agents)
    integrations.set(
      stamp,
      await rig.startIntegration(stamp, {
        name: 'worker',
        registrationUrl: servicesUrl,
        hostHeader: 'shipyard-controller:8080',
        pingMs: 300,
        delayMs: 50,
        subscriptions: ['deployment', 'test'].map((task) => ({
          event: `sh.keptn.event.${task}.triggered`,
        })),
        data: { [stamp]: { done: true } },
      }),
    )
  for (const stamp of integrations.keys()) await eventually(() => isKnown(stamp), 30_000, stamp)
})

test.serial.after.always(() => rig[Symbol.asyncDispose]())

/** An agent whose gateway is not there, and which Keptn's public API lets in. */
function startPolling(stamp: string): Promise<AgentInside> {
  return rig.startAgentInside(stamp, {
    gateway: { servers: ['nats://127.0.0.1:9'], auth: {} },
    api: {
      endpoint: `${rig.keptn.url}/api`,
      token: TOKEN,
      proxies: {},
      verifyTls: true,
      timeoutMs: 20_000,
      pollingMs: 50,
      failoverAfterMs: 30_000,
    },
    upstreamPace: QUICK,
  })
}

/** Whether the hub knows all that the integration of a stamp wants: Keptn is told of its subscriptions one by one. */
async function isKnown(stamp: string): Promise<boolean> {
  const response = await fetch(`${hub.adminUrl}/status`)
  const { hubs } = (await response.json()) as {
    hubs: { stamps: { stamp: string; integrations?: { subscriptions?: number } }[] }[]
  }
  const found = hubs[0]?.stamps.find((each) => each.stamp === stamp)
  return found?.integrations?.subscriptions === 2
}

test.serial('two rings with and without NATS are one delivery to Keptn', async (t) => {
  const { context, view } = await deliver(rig, { stage: 'prod' }, 60_000)
  t.is(view.outcome?.result, 'pass')
  for (const task of ['deployment', 'test']) {
    t.deepEqual(answersOf(rig, context, task), ['started signet', 'finished signet'])
    const { stamps } = sectionOf(rig, context, task)
    t.deepEqual(Object.keys(stamps), ['canary-n', 'canary-h', 'early-h'])
    for (const { result } of Object.values(stamps)) t.is(result, 'pass')
    const times = stamps as Readonly<Record<string, { started?: string; finished?: string }>>
    for (const stamp of ['canary-n', 'canary-h'])
      t.true((times['early-h']?.started ?? '') >= (times[stamp]?.finished ?? 'never'), stamp)
  }
  for (const [stamp, integration] of integrations)
    for (const [id, times] of integration.deliveries()) t.is(times, 1, `${id} came to ${stamp}`)
  const carriers = rig.keptn.stored({ context, type: WRAPPED_ANSWER_TYPE })
  t.is(carriers.length, 8, 'two answers to two tasks of two stamps')
  t.deepEqual(rig.keptn.duplicates({ context }), [])
  t.deepEqual(await rig.deadLetters(), [])
})
