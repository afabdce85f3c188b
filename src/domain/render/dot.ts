import type { LinkKind, Topology } from '../topology.ts'
import { mapOf, stagesOf } from './layout.ts'

const STAMP_STYLE: Readonly<Record<LinkKind, string>> = {
  auto: '',
  nats: ', color="#0f766e", penwidth=2',
  https: ', color="#b45309", penwidth=2, style="rounded,dashed"',
}

/** The map as a Graphviz graph: clusters for geos and their rings, arrows in release order. */
export function renderDot(topology: Topology): string {
  const lines = [
    `digraph ${quoted(topology.federation)} {`,
    '  graph [rankdir=LR, compound=true, fontname="sans-serif", style=rounded, color="#64748b"]',
    '  node [shape=box, style=rounded, fontname="sans-serif", color="#64748b"]',
    '  edge [color="#64748b"]',
  ]
  for (const geo of mapOf(topology)) {
    lines.push(
      `  subgraph ${quoted(`cluster ${geo.name}`)} {`,
      `    label=${quoted(`geo ${geo.name}`)}`,
    )
    for (const { name, home } of geo.homes)
      lines.push(
        `    ${quoted(home.stamp)} [label=${quoted(`${home.stamp}\nhome of ${name}`)}, style="rounded,filled", fillcolor="#4f46e5", fontcolor=white]`,
      )
    const rings = geo.rings.filter(({ stamps }) => stamps.length > 0)
    for (const { name, stamps } of rings) {
      const stages = stagesOf(topology, name).join(', ')
      lines.push(
        `    subgraph ${quoted(clusterOf(geo.name, name))} {`,
        `      label=${quoted(stages === '' ? name : `${name}: ${stages}`)}`,
      )
      for (const { name: stamp, link } of stamps) {
        const label = link === 'auto' ? stamp : `${stamp}\n${link}`
        lines.push(`      ${quoted(stamp)} [label=${quoted(label)}${STAMP_STYLE[link]}]`)
      }
      lines.push('    }')
    }
    for (const [index, ring] of rings.entries()) {
      const from = rings[index - 1]
      const [tail, head] = [from?.stamps[0], ring.stamps[0]]
      if (from === undefined || tail === undefined || head === undefined) continue
      const ends = `ltail=${quoted(clusterOf(geo.name, from.name))}, lhead=${quoted(clusterOf(geo.name, ring.name))}`
      lines.push(`    ${quoted(tail.name)} -> ${quoted(head.name)} [${ends}]`)
    }
    lines.push('  }')
  }
  return `${[...lines, '}'].join('\n')}\n`
}

/** A space divides the two, for no name holds one. */
function clusterOf(geo: string, ring: string): string {
  return `cluster ${geo} ${ring}`
}

function quoted(text: string): string {
  const escaped = text.replace(/[\\"]/g, String.raw`\$&`).replaceAll('\n', String.raw`\n`)
  return `"${escaped}"`
}
