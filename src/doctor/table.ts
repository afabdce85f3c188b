import { suggestion } from '../config/nearest.ts'
import { SignetError } from '../errors.ts'
import type { Check, Group } from './check.ts'
import { OFFLINE_FACTS } from './facts.ts'
import { agentsGroup } from './groups/agents.ts'
import { consumersGroup } from './groups/consumers.ts'
import { federationGroup } from './groups/federation.ts'
import { filesGroup } from './groups/files.ts'
import { keptnGroup } from './groups/keptn.ts'
import { machineGroup } from './groups/machine.ts'
import { rightsGroup } from './groups/rights.ts'
import { serversGroup } from './groups/servers.ts'
import { settingsGroup } from './groups/settings.ts'
import { storesGroup } from './groups/stores.ts'
import { topologyGroup } from './groups/topology.ts'

/** Every check, in the order in which they are told: what others rest on comes first. */
export const GROUPS: readonly Group[] = [
  settingsGroup,
  topologyGroup,
  filesGroup,
  machineGroup,
  serversGroup,
  rightsGroup,
  storesGroup,
  consumersGroup,
  agentsGroup,
  federationGroup,
  keptnGroup,
]

/** Whether a check needs no server. */
export function isOffline({ reads }: Check): boolean {
  return reads.every((name) => OFFLINE_FACTS.has(name))
}

export interface Selection {
  /** Codes and names of groups; empty: all. */
  readonly only: readonly string[]
  readonly skip: readonly string[]
  /** Only those that need no server. */
  readonly offline: boolean
}

/** The groups with the checks that are wanted. Throws `SIGNET_USAGE` for what is neither code nor group. */
export function select({ only, skip, offline }: Selection): readonly Group[] {
  const wanted = named('--only', only)
  const unwanted = named('--skip', skip)
  return GROUPS.map((group) => ({
    ...group,
    checks: group.checks.filter(
      (check) =>
        (only.length === 0 || wanted.has(check.code)) &&
        !unwanted.has(check.code) &&
        (!offline || isOffline(check)),
    ),
  })).filter(({ checks }) => checks.length > 0)
}

function named(flag: string, names: readonly string[]): ReadonlySet<string> {
  return new Set(names.flatMap((name) => codesOf(flag, name)))
}

function codesOf(flag: string, name: string): readonly string[] {
  const group = GROUPS.find((it) => it.name === name.toLowerCase())
  if (group !== undefined) return group.checks.map(({ code }) => code)
  const code = name.toUpperCase()
  if (GROUPS.some(({ checks }) => checks.some((it) => it.code === code))) return [code]
  const known = [
    ...GROUPS.map((it) => it.name),
    ...GROUPS.flatMap(({ checks }) => checks.map((it) => it.code)),
  ]
  const hint = suggestion(name, known) ?? `groups are ${GROUPS.map((it) => it.name).join(', ')}`
  throw new SignetError(
    'SIGNET_USAGE',
    `${flag}: "${name}" is neither a check nor a group; ${hint}.`,
  )
}
