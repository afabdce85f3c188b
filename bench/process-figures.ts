import { SignetError } from '../src/errors.ts'
import type { AgentProcess } from '../src/demo/agent-process.ts'

/** What a process has taken of the machine so far. */
export interface ProcessFigures {
  readonly cpuSeconds: number
  readonly rssMb: number
}

/** Something whose figures can be asked for while it works. */
export type Measured = () => Promise<ProcessFigures>

/** An agent, by its own `/metrics`. */
export function measuredAgent(agent: AgentProcess): Measured {
  return async () => {
    const response = await fetch(`${await agent.url()}/metrics`)
    const text = await response.text()
    return {
      cpuSeconds: sample(text, 'process_cpu_seconds_total'),
      rssMb: sample(text, 'process_resident_memory_bytes') / 1e6,
    }
  }
}

function sample(text: string, name: string): number {
  const value = new RegExp(`^${name}(?:\\{.*\\})? (\\S+)$`, 'm').exec(text)?.[1]
  if (value !== undefined) return Number(value)
  throw new SignetError('SIGNET_INTERNAL', `The agent exports no ${name}.`)
}
