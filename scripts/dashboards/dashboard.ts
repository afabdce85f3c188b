/**
 * Grafana dashboards as code: a board is rows of panels, and a panel says in a few words what it shows. The
 * JSON that comes of it is made by `npm run docs` and lies in deploy/grafana, for import or for a sidecar.
 */
export interface Board {
  /** The name of its file, and with `signet-` before it its uid, which links rely on. */
  readonly name: string
  readonly title: string
  readonly description: string
  readonly rows: readonly Row[]
}

export interface Row {
  readonly title: string
  readonly panels: readonly Panel[]
}

export interface Panel {
  /** `value`: one number now; `graph`: lines; `stack`: areas on each other; `states`: coloured bars. */
  readonly kind: 'value' | 'graph' | 'stack' | 'states'
  readonly title: string
  /** What it says, and what to think of it. */
  readonly description: string
  readonly unit: Unit
  readonly queries: readonly Query[]
  /** In columns of 24. */
  readonly width?: number
  /** From which value on which colour; below the first it is `base`. */
  readonly steps?: readonly Step[]
  readonly base?: Colour
  /** What a value means, for `states`. */
  readonly words?: Readonly<Record<string, { readonly text: string; readonly color: Colour }>>
}

type Colour = 'green' | 'yellow' | 'orange' | 'red' | 'blue' | 'text'
/** As Grafana names them. `short`: a count. */
type Unit = 'short' | 's' | 'reqps' | 'eps' | 'bytes' | 'percentunit'
type Step = readonly [from: number, color: Colour]

export interface Query {
  readonly expr: string
  /** With `{{label}}` for labels; a query for the one number of a panel needs none. */
  readonly legend: string
}

/** The matchers of what agents of the chosen stamps say. */
export const CHOSEN = 'geo=~"$geo",ring=~"$ring",stamp=~"$stamp"'
/** The same for what the hub says of the stamps in a place: the stamp is then the hub's own. */
export const PLACES = 'geo=~"$geo",ring=~"$ring"'

const DATASOURCE = { type: 'prometheus', uid: '${datasource}' }
const COLUMNS = 24
const HEIGHTS = { value: 4, graph: 8, stack: 8, states: 8 } as const
const WIDTHS = { value: 4, graph: 12, stack: 12, states: 12 } as const

/** The JSON of a board, as Grafana 10 and later read it. */
export function dashboardJson(board: Board): string {
  const json = {
    annotations: { list: [] },
    description: board.description,
    editable: true,
    graphTooltip: 1,
    links: [
      {
        type: 'dashboards',
        title: 'Signet',
        tags: ['signet'],
        asDropdown: true,
        keepTime: true,
        includeVars: true,
      },
    ],
    panels: layOut(board.rows),
    refresh: '30s',
    schemaVersion: 39,
    tags: ['signet'],
    templating: { list: variables() },
    time: { from: 'now-6h', to: 'now' },
    timezone: 'browser',
    title: board.title,
    uid: `signet-${board.name}`,
    version: 1,
  }
  return `${JSON.stringify(json, undefined, 2)}\n`
}

/** Panels from left to right, on a new line where one does not fit; rows below each other. */
function layOut(rows: readonly Row[]): object[] {
  const laid: object[] = []
  let y = 0
  for (const { title, panels } of rows) {
    laid.push({
      id: laid.length + 1,
      type: 'row',
      title,
      collapsed: false,
      panels: [],
      gridPos: { x: 0, y, w: COLUMNS, h: 1 },
    })
    y += 1
    let [x, height] = [0, 0]
    for (const panel of panels) {
      const [w, h] = [panel.width ?? WIDTHS[panel.kind], HEIGHTS[panel.kind]]
      if (x + w > COLUMNS) [x, y, height] = [0, y + height, 0]
      laid.push({ id: laid.length + 1, ...panelJson(panel), gridPos: { x, y, w, h } })
      x += w
      height = Math.max(height, h)
    }
    y += height
  }
  return laid
}

function panelJson(panel: Panel): object {
  const { title, description, queries, kind } = panel
  return {
    type: { value: 'stat', graph: 'timeseries', stack: 'timeseries', states: 'state-timeline' }[
      kind
    ],
    title,
    description,
    datasource: DATASOURCE,
    fieldConfig: { defaults: fieldDefaults(panel), overrides: [] },
    options: optionsOf(panel),
    targets: queries.map(({ expr, legend }, index) => ({
      refId: String.fromCodePoint(65 + index),
      datasource: DATASOURCE,
      editorMode: 'code',
      expr,
      legendFormat: legend,
      instant: kind === 'value',
      range: kind !== 'value',
    })),
  }
}

function fieldDefaults({ kind, unit, steps = [], base = 'green', words }: Panel): object {
  const isGraph = kind === 'graph' || kind === 'stack'
  return {
    unit,
    min: 0,
    color: { mode: isGraph ? 'palette-classic' : 'thresholds' },
    thresholds: {
      mode: 'absolute',
      steps: [{ color: base, value: null }, ...steps.map(([value, color]) => ({ color, value }))],
    },
    mappings: words === undefined ? [] : [{ type: 'value', options: words }],
    ...(isGraph && {
      custom: {
        drawStyle: 'line',
        lineWidth: 1,
        fillOpacity: kind === 'stack' ? 40 : 5,
        showPoints: 'never',
        stacking: { mode: kind === 'stack' ? 'normal' : 'none', group: 'A' },
        thresholdsStyle: { mode: steps.length === 0 ? 'off' : 'line' },
      },
    }),
  }
}

function optionsOf({ kind, queries }: Panel): object {
  switch (kind) {
    case 'value':
      return {
        colorMode: 'background',
        graphMode: 'none',
        reduceOptions: { calcs: ['lastNotNull'], fields: '', values: false },
        textMode: queries.length > 1 ? 'value_and_name' : 'value',
      }
    case 'states':
      return {
        mergeValues: true,
        showValue: 'never',
        rowHeight: 0.9,
        legend: { displayMode: 'list', placement: 'bottom' },
      }
    case 'graph':
    case 'stack':
      return {
        legend: {
          displayMode: 'table',
          placement: 'right',
          calcs: ['lastNotNull', 'max'],
          showLegend: true,
        },
        tooltip: { mode: 'multi', sort: 'desc' },
      }
  }
}

/** Where the numbers are, and of which stamps. `All` fits home stamps too, which have no ring. */
function variables(): object[] {
  const chosen = (name: string, label: string, query: string) => ({
    type: 'query',
    name,
    label,
    datasource: DATASOURCE,
    definition: query,
    query: { qryType: 1, query, refId: `variable-${name}` },
    refresh: 2,
    sort: 1,
    multi: true,
    includeAll: true,
    allValue: '.*',
    current: { text: ['All'], value: ['$__all'], selected: true },
  })
  return [
    {
      type: 'datasource',
      name: 'datasource',
      label: 'Prometheus',
      query: 'prometheus',
      current: {},
      hide: 0,
    },
    chosen('geo', 'Geo', 'label_values(signet_leader, geo)'),
    chosen('ring', 'Ring', 'label_values(signet_leader{geo=~"$geo"}, ring)'),
    chosen('stamp', 'Stamp', 'label_values(signet_leader{geo=~"$geo",ring=~"$ring"}, stamp)'),
  ]
}
