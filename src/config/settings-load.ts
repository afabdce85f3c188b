import { readFile } from 'node:fs/promises'
import { SignetError } from '../errors.ts'
import type { HubAccess, Settings } from './settings.ts'
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
  const file = await readSettingsFile(environment, flags)
  const parsed = parseSettings(environment, flags, file)
  if (parsed.ok) return { settings: parsed.settings, warnings: parsed.warnings }
  throw invalid(parsed.mistakes)
}

/** The settings of a command that asks a hub, from the same sources; throws as `loadSettings` does. */
export async function loadHubAccess(environment: Environment, flags: Flags): Promise<HubAccess> {
  const parsed = parseHubAccess(environment, flags, await readSettingsFile(environment, flags))
  if (parsed.ok) return parsed.access
  throw invalid(parsed.mistakes)
}

async function readSettingsFile(
  environment: Environment,
  flags: Flags,
): Promise<SourceFile | undefined> {
  const flag = flags['config']
  const path = typeof flag === 'string' && flag !== '' ? flag : environment['SIGNET_CONFIG']
  if (path === undefined || path === '') return undefined
  try {
    return { path, text: await readFile(path, 'utf8') }
  } catch (error) {
    const message = `cannot be read: ${error instanceof Error ? error.message : String(error)}`
    throw invalid([{ where: path, message }], error)
  }
}

function invalid(mistakes: readonly SettingMistake[], cause?: unknown): SignetError {
  const lines = mistakes.map(
    ({ where, message, hint }) => `  ${where}: ${message}${hint === undefined ? '' : ` (${hint})`}`,
  )
  const count = mistakes.length === 1 ? 'a mistake' : `${mistakes.length} mistakes`
  return new SignetError(
    'SIGNET_CONFIG_INVALID',
    [`The settings have ${count}:`, ...lines].join('\n'),
    { details: { mistakes }, ...(cause === undefined ? {} : { cause }) },
  )
}
