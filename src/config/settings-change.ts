import { isDeepStrictEqual } from 'node:util'
import type { SettingTable } from './setting.ts'
import { apiTable, distributorTable } from './settings-keptn.ts'
import type { NatsAuth } from './settings-nats.ts'
import { agentTable, gatewayTable, keptnTable } from './settings-schema.ts'
import type { Settings } from './settings.ts'

/** What has changed between two readings of the settings, by the names that the settings file has. */
export interface SettingsChange {
  /** Those that take effect at once. */
  readonly live: readonly string[]
  /** Those that take effect when the agent is started again. */
  readonly restart: readonly string[]
}

/** Compares two readings. Tells names only: a value may be secret. */
export function settingsChange(before: Settings, after: Settings): SettingsChange {
  const was = values(before)
  const is = values(after)
  const names = new Set(
    [...was.keys(), ...is.keys()]
      .filter((path) => !isDeepStrictEqual(was.get(path), is.get(path)))
      .map((path) => NAMES.get(path) ?? path),
  )
  const changed = [...names].sort()
  return {
    live: changed.filter((name) => LIVE.has(name)),
    restart: changed.filter((name) => !LIVE.has(name)),
  }
}

/** `logLevel`, `gateway.auth.user`: every value by its path. */
function values(settings: Settings): ReadonlyMap<string, unknown> {
  const found = new Map<string, unknown>()
  const walk = (value: unknown, path: string): void => {
    const isGroup =
      typeof value === 'object' && value !== null && !Array.isArray(value) && !NAMES.has(path)
    if (!isGroup) {
      found.set(path, value)
      return
    }
    for (const [key, inner] of Object.entries(value))
      walk(inner, path === '' ? key : `${path}.${key}`)
  }
  walk(settings, '')
  return found
}

/** Where the values of each table stand in `Settings`. */
const TABLES: readonly (readonly [group: string, table: SettingTable])[] = [
  ['', agentTable],
  ['gateway.', gatewayTable],
  ['keptn.', keptnTable],
  ['api.', apiTable],
  ['distributor.', distributorTable],
]
const LIVE: ReadonlySet<string> = new Set(
  TABLES.flatMap(([, table]) => Object.values(table))
    .filter(({ isLive }) => isLive === true)
    .map(({ name }) => name),
)
/** The path of each value in `Settings`, to its name. A NATS side is taken apart and put together anew. */
const NAMES: ReadonlyMap<string, string> = new Map(
  TABLES.flatMap(([group, table]) =>
    Object.entries(table).flatMap(([key, { name }]) => {
      const keys = [key, `auth.${key}`]
      if (key === 'url') keys.push('urls')
      if (key === 'nkey')
        for (const half of ['nkeyFile', 'nkeySeed'] satisfies (keyof NatsAuth)[])
          keys.push(`auth.${half}`)
      return keys.map((each) => [group + each, name] as const)
    }),
  ),
)
