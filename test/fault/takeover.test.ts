import type { ExecutionContext } from 'ava'
import test from 'ava'
import { setTimeout as sleep } from 'node:timers/promises'
import type { AgentProcess } from '../../src/demo/agent-process.ts'
import { LEASE_BUCKET } from '../../src/domain/store-names.ts'
import type { FoundLeader } from '../support/agents.ts'
import { findLeader, leaderOf, readinessOf, statusOf } from '../support/agents.ts'
import type { Rig } from '../support/federation.ts'
import { eventually, HOME, stampsIn, startRig } from '../support/federation.ts'
import { scraped } from '../support/metrics.ts'
import { NumberedFlow } from '../support/numbered-flow.ts'

/** How long an agent is stopped: longer than a lease lasts. More with `npm run test:soak`. */
const PAUSE_MS = Number(process.env['SOAK_PAUSE_MS'] ?? 6_000)
const STAMPS = ['a', HOME]

let rig: Rig

test.serial.before(async () => {
  rig = await startRig({ agentsPerStamp: 3, stamps: stampsIn(['eu'], ['a']), proxied: true })
  await rig.startKeptn()
  await rig.startAgents()
})

test.serial.after.always(() => rig[Symbol.asyncDispose]())

test.serial('one agent of a stamp leads, and the others are ready to', async (t) => {
  for (const stamp of STAMPS) {
    const leader = await leaderOf(rig, stamp)
    for (const agent of rig.federation.agentsOf(stamp)) {
      const leads = agent === leader.agent
      const role = leads ? 'leader' : 'follower'
      t.like(await readinessOf(agent), { status: 'ready', role, reasons: [] })
      const names = rig.federation.agentsOf(stamp).map(({ name }) => name)
      await eventually(
        async () => (await statusOf(agent))?.agents.length === names.length,
        30_000,
        `${agent.name} knows the agents of its stamp`,
      )
      t.like(await statusOf(agent), {
        agent: agent.name,
        leads,
        leader: { agent: leader.agent.name, term: leader.term },
      })
      t.deepEqual((await statusOf(agent))?.agents, names)
      t.is(await scraped(await agent.url(), 'signet_leader'), leads ? 1 : 0)
    }
  }
  const agents = rig.federation.agentsOf('a').map(({ name }) => name)
  const hub = (await leaderOf(rig, HOME)).agent
  const announced = await eventually(
    async () => {
      const response = await fetch(`${await hub.url()}/status`)
      const { hubs } = (await response.json()) as {
        hubs: readonly { stamps: readonly { agents?: readonly string[]; linkInUse?: string }[] }[]
      }
      const stamp = hubs[0]?.stamps[0]
      return stamp?.agents?.length === agents.length && stamp
    },
    30_000,
    'the hub hears of all agents of a',
  )
  t.like(announced, { stamp: 'a', agents, linkInUse: 'nats' })
  for (const agent of rig.federation.agentsOf('a')) {
    const services = await agent.url('services')
    const { status } = await fetch(`${services}/v1/uniform/registration`)
    t.is(status, 200, `${agent.name} answers integrations`)
  }
})

/** What happens to the leader of a stamp. */
const faults: Readonly<Record<string, (leader: FoundLeader) => Promise<unknown>>> = {
  'is killed': ({ agent }) => agent.kill(),
  'is stopped and wakes up': async ({ agent }) => {
    agent.pause()
    await sleep(PAUSE_MS)
    agent.resume()
  },
  drains: async ({ agent }) => {
    if ((await agent.stop()) !== 0) throw new Error(`${agent.name} did not drain`)
  },
}

for (const [what, fault] of Object.entries(faults)) {
  test.serial(
    `when the leader of a stamp ${what}, another one goes on: nothing lost, doubled or out of order`,
    async (t) => {
      t.timeout(120_000 + PAUSE_MS)
      const before = await Promise.all(STAMPS.map((stamp) => leaderOf(rig, stamp)))
      await during(t, () => Promise.all(before.map((leader) => fault(leader))))
      for (const [index, stamp] of STAMPS.entries()) {
        const { agent: old, term } = before[index] as FoundLeader
        const next = await leaderOf(rig, stamp, term)
        t.not(next.agent.name, old.name)
        old.start()
        await old.ready()
        await eventually(
          async () => (await statusOf(old))?.leader?.agent === next.agent.name,
          30_000,
          `${old.name} follows ${next.agent.name}`,
        )
        t.is((await findLeader(rig, stamp))?.agent, next.agent)
        t.like(await readinessOf(old), { role: 'follower' })
        await onlyLeaderKnows(t, { leader: next.agent, follower: old }, stamp)
      }
    },
  )
}

test.serial(
  'a leader that drains says in the lease that it has, and is followed at once',
  async (t) => {
    t.timeout(60_000)
    const { agent, term } = await leaderOf(rig, 'a')
    const entries = await rig.listen('a', `$KV.${LEASE_BUCKET}.leader`)
    t.is(await agent.stop(), 0)
    const next = await leaderOf(rig, 'a', term)
    interface Entry {
      readonly agent: string
      readonly handedOver?: true
    }
    const written = entries.heard.map(({ text }) => JSON.parse(text) as Entry)
    const last = written.findLastIndex((entry) => entry.agent === agent.name)
    t.true(written[last]?.handedOver)
    t.is(written[last + 1]?.agent, next.agent.name)
    agent.start()
    await agent.ready()
  },
)

/** What takes the lease away from whoever has it. */
const outages: Readonly<Record<string, () => Promise<unknown>>> = {
  'the bucket of the lease is deleted': async () => {
    await (await rig.keptnStore('a')).streams.delete(`KV_${LEASE_BUCKET}`)
    await (await rig.hubStore()).streams.delete(`KV_${rig.names.leaseBucket}`)
  },
  'the Keptn NATS of a stamp is killed, and away for longer than a lease': async () => {
    const server = rig.supercluster.process('keptn-a')
    await server.kill()
    await sleep(5_000)
    await server.restart()
  },
  'the hub store is cut off for longer than a lease': async () => {
    await rig.supercluster.cutStore()
    await sleep(5_000)
    await rig.supercluster.healStore()
  },
}

for (const [what, outage] of Object.entries(outages)) {
  test.serial(`when ${what}, one agent leads again, and nothing shows`, async (t) => {
    t.timeout(120_000)
    await during(t, outage)
    for (const stamp of STAMPS) await leaderOf(rig, stamp)
  })
}

/** Lets a fault happen in the middle of two numbered flows, there and back, and checks what came out. */
async function during(t: ExecutionContext, fault: () => Promise<unknown>): Promise<void> {
  const flows = [
    { flow: new NumberedFlow(rig, { from: HOME, each: 60 }), to: 'a' },
    { flow: new NumberedFlow(rig, { from: 'a', each: 60 }), to: HOME },
  ]
  await sleep(700)
  const begun = Date.now()
  await fault()
  await rig.supercluster.ready(30_000)
  for (const { flow, to } of flows) {
    await flow.published
    const isThere = async () => new Set(await flow.arrivedAt(to)).size === flow.size
    // What is missing after that is lost: the check below tells how much.
    await eventually(isThere, 60_000).catch(() => undefined)
    flow.check(t, await flow.arrivedAt(to), to)
    const gap = longestGap(
      (await rig.storedIn(to, 'SIGNET_IN')).map(({ storedAt }) => storedAt),
      begun,
    )
    t.log(`nothing came to ${to} for ${gap} ms`)
  }
}

/** How things stand is said by whoever leads now, and no more by whoever did. */
async function onlyLeaderKnows(
  t: ExecutionContext,
  { leader, follower }: Readonly<Record<'leader' | 'follower', AgentProcess>>,
  stamp: string,
): Promise<void> {
  const ofHub = ['signet_fanouts_open', 'signet_stamps_online']
  const names = ['signet_consumer_pending', 'signet_in_flight', 'signet_durable']
  for (const name of stamp === HOME ? [...names, ...ofHub] : names) {
    t.not(await scraped(await leader.url(), name), undefined, name)
    t.is(await scraped(await follower.url(), name), undefined, name)
  }
}

/** The longest time between two of these that ended after `since`, in milliseconds. */
function longestGap(times: readonly number[], since: number): number {
  let longest = 0
  for (const [index, at] of times.entries())
    if (at > since) longest = Math.max(longest, at - (times[index - 1] ?? at))
  return longest
}
