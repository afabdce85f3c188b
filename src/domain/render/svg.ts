import type { Stamp, Topology } from '../topology.ts'
import type { MapGeo } from './layout.ts'
import { counted, mapOf, stagesOf } from './layout.ts'

/**
 * The map as an SVG that stands on its own: geos are columns, rings are rows in release order, stamps
 * are boxes. It follows the reader's light or dark scheme. All lengths are in pixels.
 */
export function renderSvg(topology: Topology): string {
  const geos = mapOf(topology)
  const grid = gridOf(topology, geos)
  const rows = grid.rows.map((row, index) => renderRow(row, index, grid))
  const columns = grid.columns.map((column) => renderColumn(column, grid, topology))
  const { width, height } = grid
  const count = `${counted(geos.length, 'geo')} · ${counted(topology.rings.length, 'ring')} · ${counted(topology.stamps.length, 'stamp')}`
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${width} ${height}" width="${width}" height="${height}" role="img" aria-label="${escape(`Federation ${topology.federation}: ${count}`)}">`,
    `<style>${STYLE}</style>`,
    `<rect class="page" width="${width}" height="${height}"/>`,
    `<text class="title" x="${MARGIN}" y="${MARGIN + 18}">${escape(topology.federation)}</text>`,
    `<text class="faint" x="${MARGIN}" y="${MARGIN + 38}">${count}</text>`,
    ...columns.map(({ panel }) => panel),
    ...rows,
    ...columns.map(({ boxes }) => boxes),
    legend(grid),
    '</svg>',
    '',
  ].join('\n')
}

const MARGIN = 24
const TITLE = 60
const GEO_HEADER = 40
const PAD = 14
const BOX = 34
const GAP = 8
const LEGEND = 46
const LEGEND_WIDTH = 420

interface Row {
  /** Undefined: the row of the home stamps. */
  readonly ring: string | undefined
  readonly stages: readonly string[]
  readonly y: number
  readonly height: number
}

interface Column {
  readonly geo: MapGeo
  readonly x: number
  readonly width: number
  readonly boxWidth: number
  readonly perRow: number
}

interface Grid {
  readonly rows: readonly Row[]
  readonly columns: readonly Column[]
  readonly width: number
  readonly height: number
  readonly bottom: number
}

function gridOf(topology: Topology, geos: readonly MapGeo[]): Grid {
  const hasHomes = geos.some(({ homes }) => homes.length > 0)
  const stages = topology.rings.map((ring) => stagesOf(topology, ring))
  const headers = [
    ...topology.rings.map((ring) => ring.length * 9 + 26),
    ...stages.flat().map((stage) => stage.length * 7 + 26),
    90,
  ]
  let x = MARGIN + Math.min(260, Math.max(...headers)) + PAD
  const columns = geos.map((geo): Column => {
    const most = Math.max(1, ...geo.rings.map(({ stamps }) => stamps.length))
    const perRow = Math.min(4, Math.ceil(most / 4))
    const labels = [
      ...geo.rings.flatMap(({ stamps }) =>
        stamps.map(({ name, link }) => name.length + (link === 'auto' ? 0 : 7)),
      ),
      ...geo.homes.map(({ name, home }) => home.stamp.length + name.length + 3),
      geo.name.length + 12,
    ]
    const boxWidth = Math.max(130, Math.max(...labels) * 7.6 + 28)
    const width = Math.round(perRow * (boxWidth + GAP) - GAP + 2 * PAD)
    const column = { geo, x, width, boxWidth: Math.round(boxWidth), perRow }
    x += width + PAD
    return column
  })
  let y = MARGIN + TITLE + GEO_HEADER
  const rowOf = (ring: string | undefined, names: readonly string[], lines: number): Row => {
    const height = Math.max(lines * (BOX + GAP) - GAP, 20 + names.length * 16) + 2 * PAD
    const row = { ring, stages: names, y, height }
    y += height
    return row
  }
  const homeLines = Math.max(
    0,
    ...columns.map(({ geo, perRow }) => Math.ceil(geo.homes.length / perRow)),
  )
  const rows = [
    ...(hasHomes ? [rowOf(undefined, [], homeLines)] : []),
    ...topology.rings.map((ring, index) => {
      const lines = columns.map(({ geo, perRow }) =>
        Math.ceil((geo.rings[index]?.stamps.length ?? 0) / perRow),
      )
      return rowOf(ring, stages[index] ?? [], Math.max(1, ...lines))
    }),
  ]
  const width = Math.max(x - PAD, LEGEND_WIDTH + MARGIN) + MARGIN
  return { rows, columns, width, bottom: y, height: y + LEGEND + MARGIN / 2 }
}

function renderRow({ ring, stages, y, height }: Row, index: number, { width, rows }: Grid): string {
  const order = rows[0]?.ring === undefined ? index : index + 1
  const line =
    index === 0
      ? ''
      : `<line class="rule" x1="${MARGIN}" y1="${y}" x2="${width - MARGIN}" y2="${y}"/>`
  if (ring === undefined)
    return `${line}<text class="faint" x="${MARGIN}" y="${y + height / 2 + 4}">home</text>`
  const names = stages.map(
    (stage, position) =>
      `<text class="faint" x="${MARGIN + 22}" y="${y + PAD + 34 + position * 16}">${escape(clip(stage))}</text>`,
  )
  return [
    line,
    `<text class="order" x="${MARGIN}" y="${y + PAD + 16}">${order}</text>`,
    `<text class="ring" x="${MARGIN + 22}" y="${y + PAD + 16}">${escape(ring)}</text>`,
    ...names,
  ].join('')
}

function renderColumn(
  { geo, x, width, boxWidth, perRow }: Column,
  { rows, bottom }: Grid,
  topology: Topology,
): { panel: string; boxes: string } {
  const top = MARGIN + TITLE
  const denies = topology.geos.find(({ name }) => name === geo.name)?.residency.leave === 'deny'
  const panel = [
    `<rect class="geo" x="${x}" y="${top}" width="${width}" height="${bottom - top}" rx="10"/>`,
    `<text class="geo-name" x="${x + PAD}" y="${top + 26}">${escape(geo.name)}</text>`,
    denies
      ? `<text class="faint end" x="${x + width - PAD}" y="${top + 26}">leave: deny</text>`
      : '',
  ].join('')
  const boxes = rows.flatMap(({ ring, y }) => {
    const place = (position: number) => ({
      x: x + PAD + (position % perRow) * (boxWidth + GAP),
      y: y + PAD + Math.floor(position / perRow) * (BOX + GAP),
    })
    if (ring === undefined)
      return geo.homes.map(({ name, home }, position) =>
        box(
          { ...place(position), width: boxWidth },
          'home',
          home.stamp,
          name,
          `home of control plane ${name}`,
        ),
      )
    const { stamps = [] } = geo.rings.find(({ name }) => name === ring) ?? {}
    return stamps.map((stamp, position) =>
      box(
        { ...place(position), width: boxWidth },
        stamp.link,
        stamp.name,
        stamp.link === 'auto' ? '' : stamp.link,
        describe(stamp),
      ),
    )
  })
  return { panel, boxes: boxes.join('\n') }
}

function box(
  { x, y, width }: { x: number; y: number; width: number },
  kind: string,
  name: string,
  mark: string,
  title: string,
): string {
  const middle = y + BOX / 2 + 4.5
  return [
    `<g class="${kind}"><title>${escape(title)}</title>`,
    `<rect x="${x}" y="${y}" width="${width}" height="${BOX}" rx="6"/>`,
    `<text class="stamp" x="${x + 12}" y="${middle}">${escape(name)}</text>`,
    mark === ''
      ? ''
      : `<text class="mark end" x="${x + width - 12}" y="${middle}">${escape(mark)}</text>`,
    '</g>',
  ].join('')
}

function describe({ name, link, labels, handles }: Stamp): string {
  const facts = [
    `link ${link}`,
    ...Object.entries(labels).map(([key, value]) => `${key}=${value}`),
    ...(handles.length === 0 ? [] : [`handles ${handles.join(', ')}`]),
  ]
  return `${name}: ${facts.join(' · ')}`
}

function legend({ bottom }: Grid): string {
  const y = bottom + 18
  const entries = [
    ['home', 'home of Keptn', 0],
    ['auto', 'link auto', 140],
    ['nats', 'NATS only', 240],
    ['https', 'HTTPS only', 345],
  ] as const
  return entries
    .map(
      ([kind, text, offset]) =>
        `<g class="${kind}"><rect x="${MARGIN + offset}" y="${y}" width="18" height="12" rx="3"/></g><text class="faint" x="${MARGIN + offset + 26}" y="${y + 10.5}">${text}</text>`,
    )
    .join('')
}

const LIGHT = {
  page: '#ffffff',
  ink: '#0f172a',
  faint: '#64748b',
  rule: '#e2e8f0',
  panel: '#f1f5f9',
  box: '#ffffff',
  edge: '#94a3b8',
  home: '#4338ca',
  nats: '#0f766e',
  https: '#b45309',
}
const DARK: typeof LIGHT = {
  page: '#0b1120',
  ink: '#e2e8f0',
  faint: '#94a3b8',
  rule: '#334155',
  panel: '#172033',
  box: '#0f172a',
  edge: '#64748b',
  home: '#6366f1',
  nats: '#2dd4bf',
  https: '#fbbf24',
}

const STYLE = [
  'text{font-family:ui-sans-serif,system-ui,"Segoe UI",Helvetica,Arial,sans-serif;font-size:13px}',
  '.stamp{font-family:ui-monospace,SFMono-Regular,Menlo,"DejaVu Sans Mono",monospace;font-size:12px}',
  '.mark{font-size:11px;font-weight:600}.end{text-anchor:end}.faint{font-size:12px}',
  '.title{font-size:22px;font-weight:700}.ring,.geo-name{font-size:15px;font-weight:700}.order{font-size:13px}',
  '.rule{stroke-dasharray:2 4}.https rect{stroke-dasharray:5 3}',
  '.nats rect,.https rect{stroke-width:1.8}',
  colours(LIGHT),
  `@media (prefers-color-scheme:dark){${colours(DARK)}}`,
].join('')

function colours(scheme: typeof LIGHT): string {
  const { page, ink, faint, rule, panel, box, edge, home, nats, https } = scheme
  return [
    `.page{fill:${page}}text{fill:${ink}}.faint,.order{fill:${faint}}.rule{stroke:${rule}}.geo{fill:${panel}}`,
    `.auto rect,.nats rect,.https rect{fill:${box}}.auto rect{stroke:${edge}}`,
    `.nats rect{stroke:${nats}}.nats .mark{fill:${nats}}.https rect{stroke:${https}}.https .mark{fill:${https}}`,
    `.home rect{fill:${home};stroke:${home}}.home text{fill:#ffffff}`,
  ].join('')
}

/** A stage's glob may be long, and the column of the rings is not. */
function clip(text: string): string {
  return text.length <= 32 ? text : `${text.slice(0, 31)}…`
}

function escape(text: string): string {
  // XML has no control characters, not even escaped ones.
  // oxlint-disable-next-line no-control-regex
  const printable = text.replace(/[\u0000-\u001f\u007f\ufffe\uffff]/g, ' ')
  return printable.replace(/[&<>"']/g, (letter) => `&#${letter.charCodeAt(0)};`)
}
