import { setTimeout as sleep } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import type { AgentProcess } from '../src/demo/agent-process.ts'
import { Federation } from '../src/demo/federation.ts'
import { describeNatsServer, findNatsServer } from '../src/demo/nats-server-binary.ts'
import { waitUntil } from '../src/demo/wait-until.ts'
import { KEPTN_PATTERN, KEPTN_STREAM } from '../src/domain/store-names.ts'
import { SignetError } from '../src/errors.ts'
import { ACK_WAIT_MS } from '../src/flow/consumer-settings.ts'
import { closeEnds, openEnds } from './forward-servers.ts'
import { STAGE } from './keptn-events.ts'
import { redeliverySeconds } from './redelivery.ts'
import { TakeoverLoad } from './takeover-load.ts'

export interface TakeoverOptions {
  /** How often a leader is killed: of the stamp and of home, by turns. */
  readonly kills: number
  /** Agents of each stamp. */
  readonly agents: number
  /** Events a second. */
  readonly rate: number
}

/** Of one kind of time, in seconds. */
interface Seconds {
  readonly min: number
  readonly median: number
  readonly max: number
}

export interface TakeoverReport {
  readonly bench: 'takeover'
  readonly node: string
  readonly natsServer: string
  readonly kills: number
  readonly agents: number
  readonly rate: number
  readonly events: number
  /** From the kill of a leader to the first event that came through the next one. */
  readonly takeover: { readonly stamp: Seconds; readonly hub: Seconds }
  readonly lost: number
  readonly doubled: number
  readonly outOfOrder: number
  /** What JetStream alone takes: until what a killed reader left comes to the next, with the same ack wait. */
  readonly yardstick: Seconds
  readonly ratio: number
}

const CLI = fileURLToPath(new URL('../src/cli.js', import.meta.url))
const HOME = 'home'
const STAMP = 'stamp-1'
/** What a leader had sent before it was killed has arrived after this, and no other leads so soon. */
const LEFTOVERS_MS = 500
const LIMIT_MS = 60_000

/** Kills leaders under load, and tells how long it takes until events come again, and that none is missing. */
export async function takeover(
  options: TakeoverOptions,
  tell: (line: string) => void,
): Promise<TakeoverReport> {
  const { kills, agents, rate } = options
  const found = await findNatsServer({ progress: tell })
  tell(describeNatsServer(found))
  const federation = await Federation.prepare({
    binary: found.path,
    cli: CLI,
    name: 'bench',
    home: { geo: 'eu', stamp: HOME },
    rings: ['canary'],
    stamps: [{ name: STAMP, geo: 'eu', ring: 'canary' }],
    stages: [{ stage: STAGE, rings: ['canary'] }],
    agentsPerStamp: agents,
  })
  try {
    const ends = await openEnds(federation, { home: HOME, stamp: STAMP, domain: 'hub' })
    await ends.home.manager.streams.add({ name: KEPTN_STREAM, subjects: [KEPTN_PATTERN] })
    federation.startAgents()
    await federation.ready()
    const load = new TakeoverLoad(ends.home.connection, ends.stamp.connection, rate)
    await load.begin()
    const seconds = { stamp: [] as number[], hub: [] as number[] }
    const yardstick: number[] = []
    for (let kill = 0; kill < kills; kill += 1) {
      const [role, stamp] = kill % 2 === 0 ? (['stamp', STAMP] as const) : (['hub', HOME] as const)
      await sleep(1_000)
      const took = await killLeader(federation, stamp, load)
      seconds[role].push(took)
      yardstick.push(await redeliverySeconds(ends.home, ACK_WAIT_MS))
      tell(`kill ${kill + 1} of ${kills}, ${role}: ${took.toFixed(1)} s`)
    }
    const checked = await load.end(LIMIT_MS)
    await closeEnds(ends)
    const both = summary([...seconds.stamp, ...seconds.hub])
    return {
      bench: 'takeover',
      node: process.version,
      natsServer: found.version,
      ...options,
      ...checked,
      takeover: { stamp: summary(seconds.stamp), hub: summary(seconds.hub) },
      yardstick: summary(yardstick),
      ratio: both.median / summary(yardstick).median,
    }
  } finally {
    await federation.close()
  }
}

/** Kills the leader of a stamp; resolves with the seconds until an event came through the next one. */
async function killLeader(
  federation: Federation,
  stamp: string,
  load: TakeoverLoad,
): Promise<number> {
  const leader = await waitUntil(
    () => findLeader(federation.agentsOf(stamp)),
    LIMIT_MS,
    () => new SignetError('SIGNET_DEMO_FAILED', `No agent leads ${stamp}.`),
  )
  const killedAt = performance.now()
  await leader.kill()
  const came = await waitUntil(
    () => load.firstAfter(killedAt + LEFTOVERS_MS),
    LIMIT_MS,
    () => new SignetError('SIGNET_DEMO_FAILED', `Nobody took over from ${leader.name}.`),
  )
  leader.start()
  await leader.ready()
  return (came - killedAt) / 1_000
}

async function findLeader(agents: readonly AgentProcess[]): Promise<AgentProcess | undefined> {
  for (const agent of agents) {
    const response = await fetch(`${await agent.url()}/status`)
    const { leads } = (await response.json()) as { leads: boolean }
    if (leads) return agent
  }
  return undefined
}

function summary(seconds: readonly number[]): Seconds {
  const sorted = seconds.toSorted((a, b) => a - b)
  const at = (index: number): number => Math.round((sorted[index] ?? 0) * 1_000) / 1_000
  return { min: at(0), median: at(Math.floor(sorted.length / 2)), max: at(sorted.length - 1) }
}
