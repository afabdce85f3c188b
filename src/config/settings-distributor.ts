import { deepFreeze } from './freeze.ts'
import { apiTable, distributorTable } from './settings-keptn.ts'
import { readNatsSide } from './settings-nats.ts'
import type { NatsSide } from './settings-nats.ts'
import { agentTable, keptnTable } from './settings-schema.ts'
import type { Environment, SettingMistake } from './settings-source.ts'
import { SettingsSource } from './settings-source.ts'
import type { Values } from './setting.ts'

/** What `signet distributor` is told by the environment of the distributor that it stands in for. Frozen. */
export interface DistributorSettings {
  readonly api: Values<typeof apiTable>
  readonly distributor: Values<typeof distributorTable>
  readonly keptn: NatsSide
  readonly agent: Values<
    Pick<typeof agentTable, 'httpPort' | 'logLevel' | 'drainMs' | 'keptnServices'>
  >
  /** Undefined: on the own machine only, as a distributor listens. */
  readonly listenHost: string | undefined
}

export type ParsedDistributorSettings =
  | {
      readonly ok: true
      readonly settings: DistributorSettings
      readonly warnings: readonly string[]
    }
  | { readonly ok: false; readonly mistakes: readonly SettingMistake[] }

/** A distributor takes its default for these where they are no number (wire 3.1), and so runs. */
const LENIENT = ['API_PROXY_HTTP_TIMEOUT', 'HTTP_POLLING_INTERVAL'] as const

/** The settings of a distributor, which has neither a topology nor a stamp. */
export function parseDistributorSettings(environment: Environment): ParsedDistributorSettings {
  const warnings: string[] = []
  const readable: Record<string, string | undefined> = { ...environment }
  for (const variable of LENIENT) {
    const text = environment[variable]?.trim() ?? ''
    if (text === '' || /^0*[1-9]\d{0,14}$/.test(text)) continue
    warnings.push(`${variable} is no number of seconds, and its default is taken`)
    readable[variable] = undefined
  }
  const source = new SettingsSource(readable, {}, undefined)
  const { httpPort, logLevel, drainMs, keptnServices } = agentTable
  const settings = {
    api: source.values(apiTable),
    distributor: source.values(distributorTable),
    keptn: readNatsSide(source, keptnTable),
    agent: source.values({ httpPort, logLevel, drainMs, keptnServices }),
    listenHost: environment['SIGNET_LISTEN']?.trim() || undefined,
  }
  const { mistakes } = source
  if (mistakes.length > 0) return { ok: false, mistakes }
  return { ok: true, settings: deepFreeze(settings), warnings: [...source.warnings, ...warnings] }
}
