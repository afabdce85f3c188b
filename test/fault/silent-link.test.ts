import test from 'ava'
import type { JsMsg } from '@nats-io/jetstream'
import { jetstream } from '@nats-io/jetstream'
import type { NatsProcess } from '../../src/demo/nats-process.ts'
import type { AgentInside, Rig } from '../support/federation.ts'
import { eventually, HOME, startRig } from '../support/federation.ts'
import type { Lost } from '../support/half-open.ts'
import { HalfOpen } from '../support/half-open.ts'
import { scraped } from '../support/metrics.ts'
import { NumberedFlow } from '../support/numbered-flow.ts'

/** By default it is 30 s: `CANARY_LIMIT_MS=30000` tries that. */
const LIMIT_MS = Number(process.env['CANARY_LIMIT_MS'] ?? 3_000)
const PATIENCE_MS = 20_000 + 8 * LIMIT_MS

let rig: Rig
let toGateway: HalfOpen
let toKeptn: HalfOpen
const agents = new Map<string, AgentInside>()

test.serial.before(async () => {
  rig = await startRig({ stamps: [{ name: 'a', ring: 'canary', geo: 'eu' }] })
  await rig.startKeptn()
  toGateway = await HalfOpen.to(rig.supercluster.gatewayOf('a').url)
  toKeptn = await HalfOpen.to(rig.supercluster.keptn('a').url)
  const over = { canaryLimitMs: LIMIT_MS }
  agents.set(HOME, await rig.startAgentInside(HOME, over))
  const ways = {
    gateway: { servers: [toGateway.url], auth: {} },
    keptn: { servers: [toKeptn.url], auth: {} },
  }
  agents.set('a', await rig.startAgentInside('a', { ...over, ...ways }))
})

test.serial.after.always(async () => {
  await rig[Symbol.asyncDispose]()
  await toGateway[Symbol.asyncDispose]()
  await toKeptn[Symbol.asyncDispose]()
})

function urlOf(stamp: string): string {
  return agents.get(stamp)?.adminUrl ?? ''
}

/** How often a step was taken by the agent of a stamp. */
async function steps(stamp: string, labels: Readonly<Record<string, string>>): Promise<number> {
  return (await scraped(urlOf(stamp), 'signet_healing_total', labels)) ?? 0
}

/** Events both ways, of which some are on their way while something happens; all arrive, once and in order. */
function running() {
  const flows = [
    { flow: new NumberedFlow(rig, { from: HOME, each: 8 }), to: 'a' },
    { flow: new NumberedFlow(rig, { from: 'a', each: 8 }), to: HOME },
  ]
  return async (t: Parameters<NumberedFlow['check']>[0]): Promise<void> => {
    for (const { flow, to } of flows) {
      await flow.published
      const isThere = async () => new Set(await flow.arrivedAt(to)).size === flow.size
      // What is missing after that is lost: the check below tells how much.
      await eventually(isThere, PATIENCE_MS).catch(() => undefined)
      flow.check(t, await flow.arrivedAt(to), to)
    }
    const isReady = (): boolean => [...agents.values()].every((it) => it.reasons().length === 0)
    await eventually(isReady, PATIENCE_MS, 'all are ready again')
  }
}

const ways = { gateway: () => toGateway, keptn: () => toKeptn }
/** The rest takes a minute more: with `CANARY_LIMIT_MS` all are tried. */
const losses: readonly (readonly [side: keyof typeof ways, lost: Lost])[] =
  process.env['CANARY_LIMIT_MS'] === undefined
    ? [['gateway', 'both']]
    : (['answers', 'requests', 'both'] as const).flatMap((lost) => [
        ['gateway', lost] as const,
        ['keptn', lost] as const,
      ])

for (const [side, lost] of losses) {
  test.serial(
    `a connection to the ${side} NATS that loses ${lost} is noticed in time and made anew`,
    async (t) => {
      t.timeout(PATIENCE_MS * 3)
      const before = await steps('a', { link: side, result: 'connection' })
      const arrived = running()
      ways[side]().lose(lost)
      const lostAt = performance.now()
      await eventually(() => (agents.get('a')?.reasons().length ?? 0) > 0, PATIENCE_MS)
      t.true(performance.now() - lostAt < Math.max(30_000, LIMIT_MS + 10_000), 'noticed in time')
      const isHealed = async () => (await steps('a', { link: side, result: 'connection' })) > before
      await eventually(isHealed, PATIENCE_MS)
      await arrived(t)
    },
  )
}

/**
 * Has a consumer hand out nothing any more, without a word to anybody: it may have one message out, and
 * somebody holds that one for ever.
 */
async function stall(server: NatsProcess, stream: string, durable: string): Promise<() => void> {
  const js = jetstream(await rig.connection(server))
  const manager = await js.jetstreamManager(false)
  await manager.consumers.update(stream, durable, { max_ack_pending: 1 })
  const consumer = await js.consumers.get(stream, durable)
  const next = async (): Promise<JsMsg | undefined> => {
    const message = await consumer.next({ expires: 1_000 })
    // Canaries are deleted after a while, and then no longer out.
    if (message === null || !/\.canary$|^signet\.canary\./.test(message.subject))
      return message ?? undefined
    message.ack()
    return undefined
  }
  const held = await eventually(next, PATIENCE_MS, `one message of ${stream} is out`)
  const keeper = setInterval(() => {
    held.working()
  }, 500)
  return () => {
    clearInterval(keeper)
    held.nak()
  }
}

const stalls = {
  'of the stamp': {
    server: () => rig.supercluster.store,
    stream: () => rig.names.down,
    durable: 'signet-a',
  },
  'of the hub': {
    server: () => rig.supercluster.store,
    stream: () => rig.names.up,
    durable: `signet-${HOME}`,
  },
  'of what integrations say': {
    server: () => rig.supercluster.keptn('a'),
    stream: () => 'SIGNET_LOCAL',
    durable: 'signet-a',
  },
  'of what Keptn says': {
    server: () => rig.supercluster.keptn(HOME),
    stream: () => 'keptn',
    durable: `signet-${HOME}`,
  },
}

test.serial(
  'consumers that hand out nothing are made anew, and nothing is lost or doubled',
  async (t) => {
    t.timeout(PATIENCE_MS * 4)
    const step = { reason: 'stalled', result: 'consumer' }
    const before = { a: await steps('a', step), [HOME]: await steps(HOME, step) }
    const arrived = running()
    const undo = await Promise.all(
      Object.values(stalls).map(({ server, stream, durable }) =>
        stall(server(), stream(), durable),
      ),
    )
    const isHealed = async () =>
      (await steps('a', step)) >= before.a + 2 &&
      (await steps(HOME, step)) >= (before[HOME] ?? 0) + 2
    await eventually(isHealed, PATIENCE_MS, 'they are made anew')
    for (const end of undo) end()
    await arrived(t)
  },
)
