import type { News } from './demo-board.ts'
import { emptyBoard, withNews } from './demo-board.ts'
import type { Paint } from './demo-line.ts'
import { paintLine } from './demo-line.ts'
import type { DemoPlan } from './demo-plan.ts'
import { tell } from './demo-telling.ts'
import { drawBoard } from './demo-view.ts'

/** A stream that may be a terminal. */
export interface ShowStream {
  readonly isTTY?: boolean
  readonly columns?: number
  readonly rows?: number
  write(text: string): unknown
}

/** Shows a demo while it runs. */
export interface Show {
  hear(news: News): void
  /**
   * Shows no more. On a terminal the picture goes, and what is written next takes its place. May be
   * called twice.
   */
  end(): void
}

export interface ShowOptions {
  readonly plan: DemoPlan
  readonly stream: ShowStream
  readonly paint: Paint
  /** Milliseconds since the demo began. */
  readonly now: () => number
  /** Whether the stream understands the cursor movements of a terminal. */
  readonly isLive: boolean
}

const frameMs = 80
const hideCursor = '\u001b[?25l'
const showCursor = '\u001b[?25h'
const clearLine = '\u001b[K'
const clearBelow = '\u001b[J'
const clearScreen = '\u001b[H\u001b[2J'

/** A picture that is redrawn in place where that can be, else one line for each piece of news. */
export function startShow(options: ShowOptions): Show {
  return options.isLive ? new LiveShow(options) : plainShow(options)
}

function plainShow({ stream, paint }: ShowOptions): Show {
  return {
    hear: (news) => {
      const line = tell(news)
      if (line !== undefined) stream.write(`${paintLine(line, paint)}\n`)
    },
    end: () => {},
  }
}

class LiveShow implements Show {
  readonly #options: ShowOptions
  readonly #timer: NodeJS.Timeout
  #board = emptyBoard
  /** Of what was drawn, in lines. */
  #height = 0
  #columns = 80
  #hasEnded = false

  constructor(options: ShowOptions) {
    this.#options = options
    options.stream.write(hideCursor)
    this.#draw()
    this.#timer = setInterval(() => this.#draw(), frameMs)
  }

  hear(news: News): void {
    this.#board = withNews(this.#board, news)
  }

  end(): void {
    if (this.#hasEnded) return
    this.#hasEnded = true
    clearInterval(this.#timer)
    this.#options.stream.write(`${this.#back()}${clearBelow}${showCursor}`)
  }

  #draw(): void {
    const { plan, stream, paint, now } = this.#options
    const { columns = 80, rows = 24 } = stream
    const back = this.#back()
    this.#columns = columns
    // The last column stays free: what terminals do with a line that is exactly full differs.
    const width = columns - 1
    const lines = drawBoard(plan, this.#board, { now: now(), columns, rows }).slice(0, rows - 1)
    this.#height = lines.length
    const text = lines.map((line) => `${paintLine(line, paint, width)}${clearLine}\n`).join('')
    stream.write(`${back}${text}${clearBelow}`)
  }

  /** To the first line of what was drawn. Where terminals break lines after a change of width differs. */
  #back(): string {
    const { columns = 80 } = this.#options.stream
    if (this.#height > 0 && columns !== this.#columns) return clearScreen
    return this.#height === 0 ? '\r' : `\u001b[${this.#height}A\r`
  }
}
