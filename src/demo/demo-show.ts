import type { News } from './demo-board.ts'
import { emptyBoard, withNews } from './demo-board.ts'
import type { Paint } from '../view/line.ts'
import { paintLine } from '../view/line.ts'
import type { ScreenStream } from '../view/screen.ts'
import { Screen } from '../view/screen.ts'
import type { DemoPlan } from './demo-plan.ts'
import { tell } from './demo-telling.ts'
import { drawBoard } from './demo-view.ts'

export type ShowStream = ScreenStream

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
  readonly #screen: Screen
  readonly #timer: NodeJS.Timeout
  #board = emptyBoard

  constructor(options: ShowOptions) {
    this.#options = options
    this.#screen = new Screen(options.stream, options.paint)
    this.#draw()
    this.#timer = setInterval(() => this.#draw(), frameMs)
  }

  hear(news: News): void {
    this.#board = withNews(this.#board, news)
  }

  end(): void {
    clearInterval(this.#timer)
    this.#screen.erase()
  }

  #draw(): void {
    const { plan, now } = this.#options
    this.#screen.draw(drawBoard(plan, this.#board, { now: now(), ...this.#screen.size }))
  }
}
