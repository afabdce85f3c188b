import { REFUSALS } from '../domain/join.ts'
import type { ListedStamp } from '../domain/listed-stamp.ts'
import type { HubCommand } from './ask-hub.ts'
import { withHub } from './ask-hub.ts'
import { EXIT_OK, paintFor, writeJson } from './topology-output.ts'

/** What can be done to a stamp by name. */
export type StampVerb = 'approve' | 'drain' | 'undrain'

/** `signet stamp ls`: every stamp, and those that are not let in. Resolves with the exit code. */
export async function runStampLs(command: HubCommand): Promise<number> {
  const stamps = await withHub(
    command,
    async (hub) => (await hub.ask('stamp-ls')) as readonly ListedStamp[],
  )
  if (command.json) writeJson(command.stdout, stamps)
  else command.stdout.write(stampTable(stamps, command.color))
  return EXIT_OK
}

/** `signet stamp approve`, `drain` and `undrain`. Resolves with the exit code. */
export async function runStampChange(
  command: HubCommand,
  verb: StampVerb,
  stamp: string,
): Promise<number> {
  const changed = await withHub(
    command,
    async (hub) => (await hub.ask(`stamp-${verb}`, { stamp })) as ListedStamp,
  )
  if (command.json) writeJson(command.stdout, changed)
  else command.stdout.write(`${toldOf(changed)}\n`)
  return EXIT_OK
}

function toldOf({ stamp, geo, ring, drained }: ListedStamp): string {
  const tasks = drained ? 'takes no new tasks; what it runs goes on' : 'takes tasks'
  return `${stamp} in ${geo}/${ring} ${tasks}.`
}

const HEADINGS = [
  'STAMP',
  'GEO',
  'RING',
  'STATE',
  'ONLINE SINCE',
  'VERSION',
  'AGENTS',
  'LINK',
  'INTEGRATIONS',
]

function stampTable(stamps: readonly ListedStamp[], color: boolean): string {
  const rows = [HEADINGS, ...stamps.map(rowOf)]
  const widths = HEADINGS.map((_, column) =>
    Math.max(...rows.map((row) => row[column]?.length ?? 0)),
  )
  const paint = paintFor(color)
  const lines = rows.map((row, index) => {
    const line = row
      .map((cell, column) => cell.padEnd(widths[column] ?? 0))
      .join('  ')
      .trimEnd()
    return index === 0 ? paint('strong', line) : line
  })
  return `${lines.join('\n')}\n`
}

function rowOf(it: ListedStamp): readonly string[] {
  const { stamp, geo, ring, onlineSince = '-', agent = '-' } = it
  const agents = it.agents === undefined ? '-' : `${it.agents.length}`
  const state = stateOf(it)
  return [stamp, geo, ring, state, onlineSince, agent, agents, linkOf(it), integrationsOf(it)]
}

function stateOf({ state, drained, reason }: ListedStamp): string {
  if (drained) return `${state}, drained`
  return reason === undefined ? state : `${state}: ${REFUSALS[reason]}`
}

/** `auto: nats` where the topology leaves it open. */
function linkOf({ link, linkInUse }: ListedStamp): string {
  if (linkInUse === undefined || linkInUse === link) return link ?? '-'
  return link === undefined ? linkInUse : `${link}: ${linkInUse}`
}

/** `alive/known` */
function integrationsOf({ integrations }: ListedStamp): string {
  return integrations === undefined ? '-' : `${integrations.alive ?? '?'}/${integrations.known}`
}
