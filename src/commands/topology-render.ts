import { readTopology } from '../config/topology-load.ts'
import type { RenderFormat } from '../domain/render.ts'
import { renderTopology } from '../domain/render.ts'
import type { TopologyCommand } from './topology-output.ts'
import { EXIT_OK, refuseTopology } from './topology-output.ts'

/**
 * `signet topology render`: the map on stdout, and nothing else. `json` is the format of the same name.
 * Exit code 2 where the topology has mistakes.
 */
export async function runTopologyRender(
  command: TopologyCommand & { readonly format: RenderFormat },
): Promise<number> {
  const parsed = await readTopology(command.dir)
  if (!parsed.ok) return refuseTopology(command, parsed.mistakes, parsed.warnings)
  command.stdout.write(renderTopology(parsed.topology, command.json ? 'json' : command.format))
  return EXIT_OK
}
