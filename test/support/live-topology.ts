import { mkdir, rename, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { writeTopology } from '../../src/demo/federation.ts'
import type { FederationOptions } from '../../src/demo/federation.ts'
import type { AgentProcess } from '../../src/demo/agent-process.ts'
import type { Rig } from './federation.ts'
import { eventually } from './federation.ts'

type Over = Partial<Pick<FederationOptions, 'stamps' | 'stages' | 'tasks' | 'rings' | 'handles'>>

let copies = 0

/** Puts another topology in the place of the one that a rig's agents read, in one step. */
export async function changeTopology(rig: Rig, over: Over): Promise<void> {
  const aside = join(rig.federation.dir, `topology-${(copies += 1)}`)
  await mkdir(aside)
  await writeTopology({ ...rig.federation.options, ...over }, aside)
  await putTopology(rig, join(aside, 'federation.yaml'))
}

/** The same, with whatever a file has in it. */
export async function putText(rig: Rig, text: string): Promise<void> {
  const file = join(rig.federation.dir, `text-${(copies += 1)}`)
  await writeFile(file, text)
  await putTopology(rig, file)
}

function putTopology(rig: Rig, file: string): Promise<void> {
  return rename(file, join(rig.federation.topologyDir, 'federation.yaml'))
}

interface Status {
  readonly geo?: string
  readonly ring?: string
  readonly configuration: {
    readonly topology: string
    readonly differs?: { readonly why: string; readonly mistakes: readonly string[] }
    readonly restartNeeded: readonly string[]
  }
  readonly hubs: readonly {
    readonly stamps: readonly { readonly stamp: string; readonly state: string }[]
  }[]
}

/** `/status` of an agent. */
export async function statusOf(agent: AgentProcess): Promise<Status> {
  const response = await fetch(`${await agent.url()}/status`)
  return (await response.json()) as Status
}

/** Changes the topology, and waits until these agents run with it, and all with the same. */
export async function reload(
  rig: Rig,
  over: Over,
  agents: readonly AgentProcess[] = rig.federation.agents.filter((agent) => agent.isRunning),
): Promise<void> {
  const before = await Promise.all(agents.map(revision))
  await changeTopology(rig, over)
  await eventually(
    async () => {
      const now = await Promise.all(agents.map(revision))
      return now.every((one, index) => one !== before[index] && one === now[0])
    },
    30_000,
    'all agents have the new topology',
  )
}

async function revision(agent: AgentProcess): Promise<string> {
  return (await statusOf(agent)).configuration.topology
}
