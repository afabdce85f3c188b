import type { BehalfIntegration } from '../domain/behalf.ts'
import { deepFreeze } from './freeze.ts'
import { quote } from './mistake.ts'
import { suggestion } from './nearest.ts'
import type { Values } from './setting.ts'
import { readIntegrations } from './settings-integrations.ts'
import type { NatsSide } from './settings-nats.ts'
import { readNatsSide } from './settings-nats.ts'
import type { apiTable, distributorTable } from './settings-keptn.ts'
import { agentTable, gatewayTable, keptnTable, settingGroups } from './settings-schema.ts'
import type { Environment, Flags, SettingMistake } from './settings-source.ts'
import { SettingsSource } from './settings-source.ts'
import type { SourceFile } from './yaml-source.ts'

/** What an agent is told by flags, environment and file, valid by itself. Frozen. */
export interface Settings extends Omit<Values<typeof agentTable>, 'stamp' | 'geo' | 'ring'> {
  readonly stamp: string
  /** Where it stands, if no ring file lists it. */
  readonly geo: string | undefined
  readonly ring: string | undefined
  /** Gateway NATS: this stamp's server of the supercluster. */
  readonly gateway: NatsSide
  /** Keptn NATS: the server of Keptn and of this stamp's integrations. */
  readonly keptn: NatsSide
  readonly api: Values<typeof apiTable>
  readonly distributor: Values<typeof distributorTable>
  /** Those that the agent registers and posts events to. */
  readonly integrations: readonly BehalfIntegration[]
}

export type ParsedSettings =
  | { readonly ok: true; readonly settings: Settings; readonly warnings: readonly string[] }
  | {
      readonly ok: false
      readonly mistakes: readonly SettingMistake[]
      readonly warnings: readonly string[]
    }

/**
 * Settings from flags (named as commander names them: `--gateway-creds` is `gatewayCreds`), environment
 * and settings file, in this order (DESIGN 6). Pure; an empty value counts as none. All mistakes are
 * reported at once, and none of them quotes a secret.
 */
export function parseSettings(
  environment: Environment,
  flags: Flags = {},
  file?: SourceFile,
): ParsedSettings {
  const source = new SettingsSource(environment, flags, file)
  const [, , , api, distributor] = settingGroups
  const agent = source.values(agentTable)
  const settings = {
    ...agent,
    gateway: readNatsSide(source, gatewayTable),
    keptn: readNatsSide(source, keptnTable),
    api: source.values(api.table),
    distributor: source.values(distributor.table),
  }
  const { httpPort, servicesPort, adminPort } = agent
  const ownPorts = [httpPort, servicesPort, adminPort].filter((port) => port > 0)
  const integrations = readIntegrations(source, settings.distributor, ownPorts)
  if (agent.stamp === undefined && !source.isWrong(agentTable.stamp))
    source.refuse('SIGNET_STAMP', 'is missing', 'set it to the name of this stamp in the topology')
  refuseSharedPorts(source, agent)
  if (agent.tunnelExit === 'gateway' && settings.api.endpoint === undefined)
    source.refuse('SIGNET_TUNNEL_EXIT', 'is gateway, and KEPTN_API_ENDPOINT is not set')
  const warnings = [...source.warnings, ...strangers(environment)]
  const { mistakes } = source
  if (mistakes.length > 0) return { ok: false, mistakes, warnings }
  return { ok: true, settings: deepFreeze({ ...settings, integrations } as Settings), warnings }
}

/** What a command needs that asks a hub: how to reach the gateway NATS, and where the topology lies. Frozen. */
export interface HubAccess {
  readonly gateway: NatsSide
  readonly topologyDir: string
  /** Where the command runs in the place of an agent, with its rights. */
  readonly stamp: string | undefined
  /** The geo that it runs in, where somebody says so. */
  readonly geo: string | undefined
}

/** As `parseSettings`, of the same sources; what only an agent needs is not looked at. */
export function parseHubAccess(
  environment: Environment,
  flags: Flags = {},
  file?: SourceFile,
):
  | { readonly ok: true; readonly access: HubAccess }
  | { readonly ok: false; readonly mistakes: readonly SettingMistake[] } {
  const source = new SettingsSource(environment, flags, file)
  const values = source.values({
    topologyDir: agentTable.topologyDir,
    stamp: agentTable.stamp,
    geo: agentTable.geo,
  })
  const access = { ...values, gateway: readNatsSide(source, gatewayTable) }
  const { mistakes } = source
  if (mistakes.length > 0) return { ok: false, mistakes }
  return { ok: true, access: deepFreeze(access as HubAccess) }
}

function refuseSharedPorts(source: SettingsSource, agent: Values<typeof agentTable>): void {
  const ports = [
    [agentTable.httpPort, agent.httpPort],
    [agentTable.servicesPort, agent.servicesPort],
    [agentTable.adminPort, agent.adminPort],
  ] as const
  for (const [index, [setting, port]] of ports.entries()) {
    if (source.isWrong(setting)) continue
    const twin = ports.slice(0, index).find(([, other]) => other === port && port > 0)
    if (twin !== undefined)
      source.refuse(setting.variables[0], `is ${port}, as ${twin[0].variables[0]} is already`)
  }
}

/** Kubernetes sets these for a Service named signet, or signet-something. */
const SERVICE_LINK = /_SERVICE_(HOST|PORT)(_|$)|_PORT_\d+_(TCP|UDP|SCTP)/

/** Misspelt variables: what looks like one of ours and is none. */
function strangers(environment: Environment): readonly string[] {
  const known = [
    'SIGNET_CONFIG',
    ...settingGroups.flatMap(({ table }) => Object.values(table).flatMap((it) => it.variables)),
  ]
  return Object.keys(environment)
    .filter((key) => /^(SIGNET|KEPTN_NATS)_/.test(key) && !known.includes(key))
    .filter((key) => !SERVICE_LINK.test(key))
    .sort()
    .flatMap((key) => {
      const hint = suggestion(key, known)
      return hint === undefined ? [] : [`${quote(key)} is no setting; ${hint}`]
    })
}
