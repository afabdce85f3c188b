import type { RecipientAddress } from '../domain/behalf.ts'
import type { SettingTable } from './setting.ts'
import type { NatsAuth } from './settings-nats.ts'
import { settingGroups } from './settings-schema.ts'
import { withoutCredentials } from './settings-source.ts'
import type { DistributorSettings } from './settings-distributor.ts'
import type { Settings } from './settings.ts'

const HIDDEN = '***'
const SECRETS: ReadonlySet<string> = new Set([
  ...settingGroups.flatMap(({ table }) =>
    Object.entries<SettingTable[string]>(table)
      .filter(([, { isSecret }]) => isSecret === true)
      .map(([key]) => key),
  ),
  'nkeySeed' satisfies keyof NatsAuth,
  'authorization' satisfies keyof RecipientAddress,
])

/** The settings as they may be logged and served: every secret is `***`, in whatever group it is. */
export function describeSettings(
  settings: Settings | DistributorSettings,
): Readonly<Record<string, unknown>> {
  return described(settings) as Readonly<Record<string, unknown>>
}

function described(value: unknown): unknown {
  if (typeof value === 'string') return withoutCredentials(value)
  // JSON has no such number, and would say null.
  if (value === Number.POSITIVE_INFINITY) return 'unlimited'
  if (Array.isArray(value)) return value.map(described)
  if (typeof value !== 'object' || value === null) return value
  return Object.fromEntries(
    Object.entries(value).map(([key, inner]) => [
      key,
      SECRETS.has(key) && inner !== undefined ? HIDDEN : described(inner),
    ]),
  )
}
