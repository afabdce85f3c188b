import { renderDot } from './render/dot.ts'
import { renderJson } from './render/json.ts'
import { renderMermaid } from './render/mermaid.ts'
import { renderSvg } from './render/svg.ts'
import type { Topology } from './topology.ts'

/** The forms that the map of a federation can take. */
export const RENDER_FORMATS = ['mermaid', 'dot', 'svg', 'json'] as const
export type RenderFormat = (typeof RENDER_FORMATS)[number]

const RENDERERS: Readonly<Record<RenderFormat, (topology: Topology) => string>> = {
  mermaid: renderMermaid,
  dot: renderDot,
  svg: renderSvg,
  json: renderJson,
}

/** The map of a federation as text, ending in a newline. The same topology gives the same text. */
export function renderTopology(topology: Topology, format: RenderFormat): string {
  return RENDERERS[format](topology)
}
