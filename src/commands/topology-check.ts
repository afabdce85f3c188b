import type { Paint } from '../config/mistake.ts'
import { readTopology } from '../config/topology-load.ts'
import { counted, mapOf } from '../domain/render/layout.ts'
import type { Topology } from '../domain/topology.ts'
import type { TopologyCommand } from './topology-output.ts'
import { EXIT_BAD_INPUT, EXIT_OK, formatReport, paintFor, writeJson } from './topology-output.ts'

/**
 * `signet topology check`: what the folder describes, or every mistake in it. Answers with the exit
 * code: 0, or 2 where there are mistakes; warnings alone do not count.
 */
export async function runTopologyCheck({
  dir,
  json,
  stdout,
  color,
}: TopologyCommand): Promise<number> {
  const parsed = await readTopology(dir)
  const { warnings } = parsed
  const paint = paintFor(color)
  if (!parsed.ok) {
    const { mistakes } = parsed
    if (json) writeJson(stdout, { ok: false, dir, mistakes, warnings })
    else stdout.write(formatReport(dir, mistakes, warnings, paint))
    return EXIT_BAD_INPUT
  }
  const { topology } = parsed
  if (json) writeJson(stdout, { ok: true, dir, ...summary(topology), warnings })
  else {
    if (warnings.length > 0) stdout.write(`${formatReport(dir, [], warnings, paint)}\n`)
    stdout.write(formatSummary(topology, paint))
  }
  return EXIT_OK
}

function summary(topology: Topology) {
  return {
    federation: topology.federation,
    geos: topology.geos.length,
    rings: topology.rings.length,
    stamps: topology.stamps.length,
    controlPlanes: topology.controlPlanes.length,
    stageRules: topology.stages.length,
  }
}

function formatSummary(topology: Topology, paint: Paint): string {
  const { federation, geos, rings, stamps, controlPlanes, stageRules } = summary(topology)
  const counts = [
    counted(geos, 'geo'),
    counted(rings, 'ring'),
    counted(stamps, 'stamp'),
    counted(controlPlanes, 'control plane'),
    counted(stageRules, 'stage rule'),
  ].join(', ')
  const lines = [`${paint('good', 'ok')}  ${paint('strong', federation)}: ${counts}`]
  const width = Math.max(4, ...topology.rings.map((ring) => ring.length))
  for (const geo of mapOf(topology)) {
    lines.push('', paint('strong', geo.name))
    for (const { name, home } of geo.homes)
      lines.push(
        `  ${paint('faint', 'home'.padEnd(width))}  ${home.stamp} ${paint('faint', `(control plane ${name})`)}`,
      )
    for (const ring of geo.rings.filter((it) => it.stamps.length > 0)) {
      const names = ring.stamps.map(({ name, link }) =>
        link === 'auto' ? name : `${name} ${paint('faint', `(${link})`)}`,
      )
      lines.push(`  ${paint('name', ring.name.padEnd(width))}  ${names.join(', ')}`)
    }
  }
  return `${lines.join('\n')}\n`
}
