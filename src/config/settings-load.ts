import { readFile } from 'node:fs/promises'
import { SignetError } from '../errors.ts'
import type { DistributorSettings } from './settings-distributor.ts'
import { parseDistributorSettings } from './settings-distributor.ts'
import type { HubAccess, ParsedSettings, Settings } from './settings.ts'
import { parseHubAccess, parseSettings } from './settings.ts'
import type { Environment, Flags, SettingMistake } from './settings-source.ts'
import type { SourceFile } from './yaml-source.ts'

/**
 * The settings of flags, environment and the settings file that `--config` or `SIGNET_CONFIG` names.
 * Throws `SIGNET_CONFIG_INVALID` with every mistake in its message, a line each, and in
 * `details.mistakes`.
 */
export async function loadSettings(
  environment: Environment,
  flags: Flags = {},
): Promise<{ readonly settings: Settings; readonly warnings: readonly string[] }> {
  return validSettings((await readSettings(environment, flags)).parsed)
}

/** Reads the settings. A file that cannot be read is a mistake like any other. */
export async function readSettings(
  environment: Environment,
  flags: Flags,
): Promise<{
  readonly parsed: ParsedSettings
  /** The settings file, if there is to be one; its text is what went wrong where it cannot be read. */
  readonly file: SourceFile | undefined
}> {
  const path = settingsPath(environment, flags)
  if (path === undefined) return { parsed: parseSettings(environment, flags), file: undefined }
  try {
    const file = await readSettingsFile(path)
    return { parsed: parseSettings(environment, flags, file), file }
  } catch (error) {
    const mistake = unreadable(path, error)
    const parsed = { ok: false, mistakes: [mistake], warnings: [] } as const
    return { parsed, file: { path, text: mistake.message } }
  }
}

/** Settings that were read; throws as `loadSettings` does. */
export function validSettings(parsed: ParsedSettings): {
  readonly settings: Settings
  readonly warnings: readonly string[]
} {
  if (parsed.ok) return parsed
  throw invalid(parsed.mistakes)
}

/** The settings of a command that asks a hub, from the same sources; throws as `loadSettings` does. */
export async function loadHubAccess(environment: Environment, flags: Flags): Promise<HubAccess> {
  const path = settingsPath(environment, flags)
  const file =
    path === undefined
      ? undefined
      : await readSettingsFile(path).catch((error: unknown) => {
          throw invalid([unreadable(path, error)], error)
        })
  const parsed = parseHubAccess(environment, flags, file)
  if (parsed.ok) return parsed.access
  throw invalid(parsed.mistakes)
}

/** The settings of a distributor, which has its environment and no file; throws as `loadSettings` does. */
export function loadDistributorSettings(environment: Environment): {
  readonly settings: DistributorSettings
  readonly warnings: readonly string[]
} {
  const parsed = parseDistributorSettings(environment)
  if (parsed.ok) return parsed
  throw invalid(parsed.mistakes)
}

/** The settings file that `--config` or `SIGNET_CONFIG` names, if any. */
function settingsPath(environment: Environment, flags: Flags): string | undefined {
  const flag = flags['config']
  const path = typeof flag === 'string' && flag !== '' ? flag : environment['SIGNET_CONFIG']
  return path === '' ? undefined : path
}

async function readSettingsFile(path: string): Promise<SourceFile> {
  return { path, text: await readFile(path, 'utf8') }
}

function unreadable(path: string, error: unknown): SettingMistake {
  const why = error instanceof Error ? error.message : String(error)
  return { where: path, message: `cannot be read: ${why}` }
}

function invalid(mistakes: readonly SettingMistake[], cause?: unknown): SignetError {
  const lines = mistakes.map((mistake) => `  ${formatSettingMistake(mistake)}`)
  const count = mistakes.length === 1 ? 'a mistake' : `${mistakes.length} mistakes`
  return new SignetError(
    'SIGNET_CONFIG_INVALID',
    [`The settings have ${count}:`, ...lines].join('\n'),
    { details: { mistakes }, ...(cause === undefined ? {} : { cause }) },
  )
}

/** One line for a person. */
export function formatSettingMistake({ where, message, hint }: SettingMistake): string {
  return `${where}: ${message}${hint === undefined ? '' : ` (${hint})`}`
}
