import { createHash } from 'node:crypto'
import { basename, dirname, relative } from 'node:path'
import type { Topology } from '../domain/topology.ts'
import type { Watched } from './folder-watch.ts'
import { formatMistake } from './mistake.ts'
import { formatSettingMistake, readSettings } from './settings-load.ts'
import type { Environment, Flags } from './settings-source.ts'
import type { ParsedSettings, Settings } from './settings.ts'
import type { TopologyFiles } from './topology-load.ts'
import { parseTopologyFiles, readTopologyFiles } from './topology-load.ts'

/** All files that an agent is told things by, as they stood at one moment. */
export interface ConfigurationFiles {
  readonly settings: ParsedSettings
  readonly topology: TopologyFiles
  /** The same for the same contents, and for the same failures to read them. */
  readonly print: string
  /** The same for the same topology, wherever its folder lies. */
  readonly revision: string
  /** Where a change can be noticed. */
  readonly watched: readonly Watched[]
}

/** What files say that have no mistakes. */
export interface Configuration {
  readonly settings: Settings
  readonly topology: Topology
  readonly warnings: readonly string[]
}

export type ParsedConfiguration =
  | { readonly ok: true; readonly configuration: Configuration }
  | { readonly ok: false; readonly mistakes: readonly string[] }

const REVISION_LENGTH = 12
/** What a mounted ConfigMap swaps: its files are links through this one. */
const CONFIG_MAP_LINK = '..data'

/** Reads everything. The topology of `lastDir` where the settings do not say which folder it is in. */
export async function readConfiguration(
  environment: Environment,
  flags: Flags,
  lastDir = '',
): Promise<ConfigurationFiles> {
  const { parsed, file } = await readSettings(environment, flags)
  const topology = await readTopologyFiles(parsed.ok ? parsed.settings.topologyDir : lastDir)
  const { dir, files, mistakes, folders } = topology
  return {
    settings: parsed,
    topology,
    print: digest([file, dir, files, mistakes]),
    revision: digest(files.map(({ path, text }) => [relative(dir, path), text])).slice(
      0,
      REVISION_LENGTH,
    ),
    watched: [
      ...folders.map((folder) => ({ folder })),
      // Where a folder as a whole is replaced, or comes to be.
      { folder: dirname(dir), names: [basename(dir)] },
      ...(file === undefined
        ? []
        : [{ folder: dirname(file.path), names: [basename(file.path), CONFIG_MAP_LINK] }]),
    ],
  }
}

/** Makes sense of what was read, or tells all that is wrong with it, a line each. */
export function parseConfiguration({
  settings,
  topology,
}: ConfigurationFiles): ParsedConfiguration {
  const parsed = parseTopologyFiles(topology)
  if (!settings.ok || !parsed.ok) {
    const ofSettings = settings.ok ? [] : settings.mistakes.map(formatSettingMistake)
    const ofTopology = parsed.ok ? [] : parsed.mistakes.map(formatMistake)
    return { ok: false, mistakes: [...ofSettings, ...ofTopology] }
  }
  const warnings = [...settings.warnings, ...parsed.warnings.map(formatMistake)]
  return {
    ok: true,
    configuration: { settings: settings.settings, topology: parsed.topology, warnings },
  }
}

function digest(value: unknown): string {
  return createHash('sha256').update(JSON.stringify(value)).digest('hex')
}
