import type { News } from './demo-board.ts'
import { emptyBoard, withNews } from './demo-board.ts'
import type { Line, Paint } from './demo-line.ts'
import { paintLine, textOf } from './demo-line.ts'
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
  #drawn: readonly Line[] = []
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
    this.#drawn = drawBoard(plan, this.#board, { now: now(), columns, rows }).slice(0, rows - 1)
    const text = this.#drawn
      .map((line) => `${paintLine(line, paint, width)}${clearLine}\n`)
      .join('')
    stream.write(`${back}${text}${clearBelow}`)
  }

  /** To the first line of what was drawn, which takes more lines in a terminal made narrower since. */
  #back(): string {
    const { columns = 80 } = this.#options.stream
    const height = this.#drawn
      .map((line) => Math.min(textOf(line).trimEnd().length, this.#columns - 1))
      .reduce((sum, length) => sum + Math.max(1, Math.ceil(length / columns)), 0)
    return height === 0 ? '\r' : `\u001b[${height}A\r`
  }
}
