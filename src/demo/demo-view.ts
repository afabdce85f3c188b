import { counted } from '../domain/render/layout.ts'
import type { Board, Cell } from './demo-board.ts'
import { cellKey } from './demo-board.ts'
import type { Line, Piece } from '../view/line.ts'
import { duration, textOf, verdict, widest } from '../view/line.ts'
import type { DemoPlan, DemoStage } from './demo-plan.ts'
import { demoNames, geosOf, stampsOf } from './demo-plan.ts'
import { stampsHidden, stampsShown } from './demo-view-rows.ts'
import type { FederationStamp } from './federation.ts'

/** What a picture of the running demo is drawn for. */
export interface Frame {
  /** Milliseconds since the demo began. */
  readonly now: number
  readonly columns: number
  readonly rows: number
}

/** Text is not spread further than this, however wide the terminal. */
const widestText = 80

const spinner = '⠋⠙⠹⠸⠼⠴⠦⠧⠇⠏'
const spinMs = 80
/** Of a cell: a mark and a word, a time, and the gap before it. Three of them fit into 80 columns. */
export const cellWidths = { word: 9, time: 7, gap: 3 }
/** Title, start, headings and gaps. */
const fixedRows = 6

/** The running demo as lines: a table by geo, ring and stamp, and a bar for each stage. */
export function drawBoard(plan: DemoPlan, board: Board, frame: Frame): readonly Line[] {
  const stages = plan.stages.map((stage, index) => stageLine(plan, board, frame, stage, index))
  // The cursor stays below the last line, which takes one more.
  const room = Math.max(1, frame.rows - fixedRows - stages.length - 1)
  return [
    title(plan, frame),
    start(board, frame),
    [],
    ...table(plan, board, frame, room),
    [],
    ...stages,
  ]
}

/** What a delivery goes through, as a sentence. */
export function subjectOf(plan: DemoPlan): string {
  const { project, service } = demoNames
  const [rings, stamps, gateways] = [
    counted(plan.rings.length, 'ring'),
    counted(plan.stamps.length, 'stamp'),
    counted(geosOf(plan).length, 'gateway'),
  ]
  return `Delivery of ${project}/${service} through ${rings}, ${stamps} and ${gateways}`
}

function title(plan: DemoPlan, { now, columns }: Frame): Line {
  return spread([' ', ['strong', subjectOf(plan)]], ['faint', duration(now)], columns)
}

function start({ servers, agents }: Board, frame: Frame): Line {
  const isReady = servers !== undefined && agents.of > 0 && agents.ready.size === agents.of
  const mark: Piece = isReady ? ['good', '✓'] : ['name', spin(frame)]
  if (servers === undefined) return [' ', mark, ' NATS servers start']
  const ready = `${agents.ready.size} of ${agents.of} agents ready`
  return [' ', mark, ` ${counted(servers, 'NATS server')} running, ${ready}`]
}

function table(plan: DemoPlan, board: Board, frame: Frame, room: number): readonly Line[] {
  const { stamps, tasks } = plan
  const widths = {
    geo: widest(['GEO', ...stamps.map(({ geo }) => geo)]),
    ring: widest(['RING', ...stamps.map(({ ring }) => ring)]),
    stamp: widest(['STAMP', ...stamps.map(({ name }) => name)]),
  }
  const place = (geo: string, ring: string): string =>
    ` ${geo.padEnd(widths.geo)}  ${ring.padEnd(widths.ring)}  `
  const shown = stampsShown(plan, board, room)
  const rows = shown.map((stamp, index): Line => {
    const above = shown[index - 1]
    const geo = above?.geo === stamp.geo ? '' : stamp.geo
    const ring = geo === '' && above?.ring === stamp.ring ? '' : stamp.ring
    return [
      place(geo, ring),
      ['name', stamp.name.padEnd(widths.stamp)],
      ...tasks.flatMap(({ task }) => [
        ' '.repeat(cellWidths.gap),
        ...cellPieces(board.cells.get(cellKey(stamp.name, task)), frame, isReady(board, stamp)),
      ]),
    ]
  })
  const { word, time, gap } = cellWidths
  const heads = tasks.map(({ task }) => task.toUpperCase().padEnd(word + time + gap)).join('')
  const head = `${place('GEO', 'RING')}${'STAMP'.padEnd(widths.stamp)}${' '.repeat(gap)}${heads}`
  return [[['faint', head.trimEnd()]], ...rows, ...stampsHidden(plan, board, shown)]
}

function isReady({ agents }: Board, { name }: FederationStamp): boolean {
  return agents.ready.has(name)
}

function cellPieces(cell: Cell | undefined, frame: Frame, isAgentReady: boolean): readonly Piece[] {
  const { word, time } = cellWidths
  const timed = (ms: number | undefined): string =>
    (ms === undefined ? '' : duration(Math.max(0, ms))).padStart(time)
  switch (cell?.phase) {
    case undefined:
      return [['faint', (isAgentReady ? '· waiting' : '· starting').padEnd(word + time)]]
    case 'handed over':
      return ['· there'.padEnd(word + time)]
    case 'running':
      return [['name', `${spin(frame)} running`.padEnd(word)], timed(frame.now - cell.since)]
    case 'done':
      return [verdict(cell.result, word), ['faint', timed(cell.tookMs)]]
  }
}

function stageLine(
  plan: DemoPlan,
  board: Board,
  frame: Frame,
  stage: DemoStage,
  index: number,
): Line {
  const names = widest(plan.stages.map((each) => each.stage))
  const rings = widest(plan.stages.map((each) => each.ring))
  const stamps = stampsOf(plan, stage)
  const cells = stamps.flatMap(({ name }) =>
    plan.tasks.map(({ task }) => board.cells.get(cellKey(name, task))),
  )
  const done = cells.filter((cell) => cell?.phase === 'done').length
  const width = Math.max(8, Math.min(30, Math.min(frame.columns, widestText) - names - rings - 42))
  const full = Math.floor((done / cells.length) * width)
  const { text, time, tone } = stageText(plan, board, frame, stage, index)
  const left: Line = [
    ' ',
    ['strong', stage.stage.padEnd(names)],
    `  ${stage.ring.padEnd(rings)}  `,
    [tone, '━'.repeat(full)],
    ['faint', '─'.repeat(width - full)],
    '  ',
    text,
  ]
  return spread(left, ['faint', time], frame.columns)
}

function stageText(
  plan: DemoPlan,
  board: Board,
  { now }: Frame,
  stage: DemoStage,
  index: number,
): { readonly text: Piece; readonly time: string; readonly tone: 'good' | 'wrong' | 'name' } {
  const state = board.stages.get(stage.stage)
  if (state?.end !== undefined) {
    const { at, result } = state.end
    const tone = result === 'pass' ? 'good' : 'wrong'
    return { text: verdict(result), time: duration(at - state.since), tone }
  }
  if (state === undefined) {
    const before = plan.stages[index - 1]?.stage
    const what = before === undefined ? 'waits for the agents' : `waits for ${before}`
    const text: Piece = ['faint', board.triggeredAt === undefined || before ? what : 'is triggered']
    return { text, time: '', tone: 'name' }
  }
  const stamps = stampsOf(plan, stage)
  const { task = '' } = state
  const done = stamps.filter(
    ({ name }) => board.cells.get(cellKey(name, task))?.phase === 'done',
  ).length
  const text = task === '' ? 'begins' : `${task}: ${done} of ${counted(stamps.length, 'stamp')}`
  return { text, time: duration(now - state.since), tone: 'name' }
}

/** `right` at the right edge of the text. */
export function spread(left: Line, right: Piece, columns: number): Line {
  const gap = Math.min(columns, widestText) - 1 - textOf(left).length - textOf([right]).length
  return [...left, ' '.repeat(Math.max(2, gap)), right]
}

function spin({ now }: Frame): string {
  return spinner[Math.floor(now / spinMs) % spinner.length] ?? ''
}
