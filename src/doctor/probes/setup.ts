import { readConfiguration } from '../../config/configuration.ts'
import { formatMistake } from '../../config/mistake.ts'
import { validSettings } from '../../config/settings-load.ts'
import type { Environment, Flags } from '../../config/settings-source.ts'
import { stampInTopology } from '../../config/settings-stamp.ts'
import { parseTopologyFiles, validTopology } from '../../config/topology-load.ts'
import type { SetupFacts } from '../facts.ts'

/**
 * What the agent of this stamp would be told. Throws `SIGNET_CONFIG_INVALID` or `SIGNET_TOPOLOGY_INVALID`
 * with every mistake, as the agent does.
 */
export async function readSetup(
  environment: Environment,
  flags: Flags,
  version: string,
): Promise<SetupFacts> {
  const files = await readConfiguration(environment, flags)
  const { settings, warnings } = validSettings(files.settings)
  const parsed = validTopology(settings.topologyDir, parseTopologyFiles(files.topology))
  return {
    now: Date.now(),
    version,
    settings,
    settingWarnings: warnings,
    topology: parsed.topology,
    topologyWarnings: parsed.warnings.map(formatMistake),
    revision: files.revision,
    standing: stampInTopology(parsed.topology, settings),
  }
}
