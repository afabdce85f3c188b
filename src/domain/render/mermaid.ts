import type { Topology } from '../topology.ts'
import { mapOf, stagesOf } from './layout.ts'

/** The map as a Mermaid flowchart: a box for each geo, in it one for each ring, arrows in release order. */
export function renderMermaid(topology: Topology): string {
  const lines = ['flowchart LR']
  for (const geo of mapOf(topology)) {
    lines.push(`  subgraph ${id('geo', geo.name)}["geo ${geo.name}"]`)
    for (const { name, home } of geo.homes)
      lines.push(`    ${id('home', home.stamp)}(["${home.stamp}<br/>home of ${name}"]):::home`)
    const rings = geo.rings.filter(({ stamps }) => stamps.length > 0)
    for (const { name, stamps } of rings) {
      const stages = stagesOf(topology, name).map(escape).join(', ')
      const title = stages === '' ? name : `${name}: ${stages}`
      lines.push(`    subgraph ${ringId(geo.name, name)}["${title}"]`)
      for (const { name: stamp, link } of stamps) {
        const label = link === 'auto' ? stamp : `${stamp}<br/>${link}`
        lines.push(`      ${id('stamp', stamp)}["${label}"]:::${link}`)
      }
      lines.push('    end')
    }
    const ids = rings.map(({ name }) => ringId(geo.name, name))
    if (ids.length > 1) lines.push(`    ${ids.join(' --> ')}`)
    lines.push('  end')
  }
  lines.push(
    '  classDef home fill:#4f46e5,stroke:#4f46e5,color:#ffffff',
    '  classDef auto stroke:#64748b',
    '  classDef nats stroke:#0f766e,stroke-width:2px',
    '  classDef https stroke:#b45309,stroke-width:2px,stroke-dasharray:5 3',
  )
  return `${lines.join('\n')}\n`
}

/** A prefix keeps a name from being a word of the language, as `end` is. */
function id(kind: string, name: string): string {
  return `${kind}_${name.replaceAll('-', '_')}`
}

/** Names have no capitals, so two rings cannot have one id. */
function ringId(geo: string, ring: string): string {
  return `${id('ring', ring)}_OF_${geo.replaceAll('-', '_')}`
}

function escape(text: string): string {
  return text.replace(/["#&<>]/g, (letter) => `#${letter.charCodeAt(0)};`)
}
