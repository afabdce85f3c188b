import type { News } from './demo-board.ts'
import type { AgentProcess } from './agent-process.ts'
import type { Federation } from './federation.ts'

/** More at once would only make each of them slower. */
const atOnce = 4

/**
 * Starts the agents, a few at a time, that of the home stamp first since the others wait for its hub.
 * Resolves when all are ready; with the signal aborted, or one that fails, no more are started.
 */
export async function startAgents(
  federation: Federation,
  { now, hear, stopped }: AgentsStart,
): Promise<void> {
  const waiting = [...federation.agents]
  const of = waiting.length
  const ready: string[] = []
  hear({ kind: 'agents', at: now(), ready: [...ready], of })
  const next = async (): Promise<void> => {
    for (let agent = waiting.shift(); agent !== undefined; agent = waiting.shift()) {
      if (stopped.aborted) return
      await start(agent)
      ready.push(agent.stamp)
      hear({ kind: 'agents', at: now(), ready: [...ready], of })
    }
  }
  const start = async (agent: AgentProcess): Promise<void> => {
    try {
      agent.start()
      await agent.ready()
    } catch (error) {
      waiting.length = 0
      throw error
    }
  }
  await Promise.all(Array.from({ length: atOnce }, next))
}

interface AgentsStart {
  /** Milliseconds since the demo began. */
  readonly now: () => number
  readonly hear: (news: News) => void
  readonly stopped: AbortSignal
}

/** The agents that have ended by themselves, each as a sentence. */
export function endedAgents(federation: Federation): readonly string[] {
  return federation.agents
    .filter((agent) => !agent.isRunning)
    .map((agent) => `the agent of ${agent.stamp} has ended`)
}
