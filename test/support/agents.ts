import type { AgentProcess } from '../../src/demo/agent-process.ts'
import type { Rig } from './federation.ts'
import { eventually } from './federation.ts'

/** What an agent says of itself and of its stamp. */
export interface AgentStatus {
  readonly agent: string
  readonly leads: boolean
  readonly leader?: { readonly agent: string; readonly term: number }
  readonly agents: readonly string[]
}

/** What `/readyz` says. */
export interface Readiness {
  readonly status: string
  readonly role: string
  readonly reasons: readonly string[]
}

/** `/status` of an agent; undefined where it does not answer, as one that is stopped. */
export function statusOf(agent: AgentProcess): Promise<AgentStatus | undefined> {
  return ask<AgentStatus>(agent, 'status')
}

export function readinessOf(agent: AgentProcess): Promise<Readiness | undefined> {
  return ask<Readiness>(agent, 'readyz')
}

async function ask<Answer>(agent: AgentProcess, path: string): Promise<Answer | undefined> {
  if (!agent.isRunning) return undefined
  try {
    const signal = AbortSignal.timeout(2_000)
    return (await (await fetch(`${await agent.url()}/${path}`, { signal })).json()) as Answer
  } catch {
    return undefined
  }
}

/** The agent that leads a stamp, with its term; throws where two say that they do. */
export async function findLeader(rig: Rig, stamp: string): Promise<FoundLeader | undefined> {
  const agents = rig.federation.agentsOf(stamp)
  const answers = await Promise.all(agents.map((agent) => statusOf(agent)))
  const leaders = agents.flatMap((agent, index) => {
    const { leads = false, leader } = answers[index] ?? {}
    return leads && leader !== undefined ? [{ agent, term: leader.term }] : []
  })
  if (leaders.length > 1)
    throw new Error(`two lead ${stamp}: ${leaders.map(({ agent }) => agent.name).join()}`)
  return leaders[0]
}

export interface FoundLeader {
  readonly agent: AgentProcess
  readonly term: number
}

/** Waits until an agent leads a stamp, in a later term than the given one. */
export function leaderOf(rig: Rig, stamp: string, after = 0): Promise<FoundLeader> {
  return eventually(
    async () => {
      const found = await findLeader(rig, stamp)
      return found !== undefined && found.term > after ? found : undefined
    },
    30_000,
    `an agent leads ${stamp} after term ${after}`,
  )
}
