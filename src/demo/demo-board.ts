/**
 * What is known of a running demo, as its viewers see it. News come from the outside only: from a plain
 * subscription in each stamp, and from the control plane. Times are in milliseconds since the demo began.
 */
export interface Board {
  readonly servers: number | undefined
  readonly agents: { readonly ready: ReadonlySet<string>; readonly of: number }
  /** When the delivery was triggered. */
  readonly triggeredAt: number | undefined
  /** By `cellKey`; a cell that is missing waits. */
  readonly cells: ReadonlyMap<string, Cell>
  /** By stage; one that is missing has not begun. */
  readonly stages: ReadonlyMap<string, StageState>
}

/** One task in one stamp. `handed over`: its `.triggered` is there, and nobody has taken it up. */
export type Cell =
  | { readonly phase: 'handed over' }
  | { readonly phase: 'running'; readonly since: number }
  | { readonly phase: 'done'; readonly tookMs: number | undefined; readonly result: string }

interface StageState {
  readonly since: number
  /** The task that Keptn waits for. */
  readonly task: string | undefined
  readonly end: { readonly at: number; readonly result: string } | undefined
}

/** Something that a viewer of the demo hears of. */
export type News =
  | { readonly kind: 'servers'; readonly at: number; readonly count: number }
  | {
      readonly kind: 'agents'
      readonly at: number
      /** The stamps whose agents are ready. */
      readonly ready: readonly string[]
      readonly of: number
    }
  | { readonly kind: 'triggered'; readonly at: number }
  | {
      /** An event of a task on the Keptn NATS of a stamp. */
      readonly kind: 'stamp'
      readonly at: number
      readonly stamp: string
      readonly task: string
      readonly verb: 'triggered' | 'started' | 'finished'
      /** Of a `.finished`, else empty. */
      readonly result: string
    }
  | { readonly kind: 'stage started'; readonly at: number; readonly stage: string }
  | {
      readonly kind: 'task triggered' | 'task completed'
      readonly at: number
      readonly stage: string
      readonly task: string
      readonly result: string
    }
  | {
      readonly kind: 'stage finished'
      readonly at: number
      readonly stage: string
      readonly result: string
    }

export const emptyBoard: Board = {
  servers: undefined,
  agents: { ready: new Set(), of: 0 },
  triggeredAt: undefined,
  cells: new Map(),
  stages: new Map(),
}

export function cellKey(stamp: string, task: string): string {
  return `${stamp}/${task}`
}

/** The board after a piece of news. */
export function withNews(board: Board, news: News): Board {
  switch (news.kind) {
    case 'servers':
      return { ...board, servers: news.count }
    case 'agents':
      return { ...board, agents: { ready: new Set(news.ready), of: news.of } }
    case 'triggered':
      return { ...board, triggeredAt: news.at }
    case 'stamp': {
      const key = cellKey(news.stamp, news.task)
      const cell = nextCell(board.cells.get(key), news)
      return { ...board, cells: new Map(board.cells).set(key, cell) }
    }
    case 'stage started':
      return withStage(board, news.stage, { since: news.at, task: undefined, end: undefined })
    case 'task triggered':
      return withStage(board, news.stage, { ...stageOf(board, news), task: news.task })
    case 'task completed':
      return board
    case 'stage finished': {
      const { at, result } = news
      return withStage(board, news.stage, { ...stageOf(board, news), end: { at, result } })
    }
  }
}

function nextCell(cell: Cell | undefined, news: Extract<News, { kind: 'stamp' }>): Cell {
  const { at, verb, result } = news
  switch (verb) {
    case 'triggered':
      return cell ?? { phase: 'handed over' }
    case 'started':
      return cell?.phase === 'done' ? cell : { phase: 'running', since: at }
    case 'finished': {
      const tookMs = cell?.phase === 'running' ? at - cell.since : undefined
      return { phase: 'done', tookMs, result }
    }
  }
}

function stageOf(board: Board, news: { readonly stage: string; readonly at: number }): StageState {
  return board.stages.get(news.stage) ?? { since: news.at, task: undefined, end: undefined }
}

function withStage(board: Board, stage: string, state: StageState): Board {
  return { ...board, stages: new Map(board.stages).set(stage, state) }
}
