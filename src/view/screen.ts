import type { Line, Paint } from './line.ts'
import { paintLine } from './line.ts'

/** A stream that may be a terminal. */
export interface ScreenStream {
  readonly isTTY?: boolean
  readonly columns?: number
  readonly rows?: number
  write(text: string): unknown
}

const hideCursor = '\u001b[?25l'
const showCursor = '\u001b[?25h'
const clearLine = '\u001b[K'
const clearBelow = '\u001b[J'
const clearScreen = '\u001b[H\u001b[2J'

/** A picture on a terminal that is redrawn in place, line by line, so that it does not flicker. */
export class Screen {
  readonly #stream: ScreenStream
  readonly #paint: Paint
  /** Of what was drawn, in lines. */
  #height = 0
  #columns = 80
  #hasEnded = false

  constructor(stream: ScreenStream, paint: Paint) {
    this.#stream = stream
    this.#paint = paint
    stream.write(hideCursor)
  }

  /** The size to draw for now. */
  get size(): { readonly columns: number; readonly rows: number } {
    const { columns = 80, rows = 24 } = this.#stream
    return { columns, rows }
  }

  /** Draws over what was drawn before; lines that there is no room for are left out. */
  draw(lines: readonly Line[]): void {
    const { columns, rows } = this.size
    const back = this.#back()
    this.#columns = columns
    // The last column stays free: what terminals do with a line that is exactly full differs.
    const width = columns - 1
    const shown = lines.slice(0, rows - 1)
    this.#height = shown.length
    const text = shown
      .map((line) => `${paintLine(line, this.#paint, width)}${clearLine}\n`)
      .join('')
    this.#stream.write(`${back}${text}${clearBelow}`)
  }

  /** Takes the picture away: what is written next takes its place. May be called twice. */
  erase(): void {
    if (this.#ends()) this.#stream.write(`${this.#back()}${clearBelow}${showCursor}`)
  }

  /** Leaves the picture: what is written next comes below it. May be called twice. */
  leave(): void {
    if (this.#ends()) this.#stream.write(showCursor)
  }

  #ends(): boolean {
    const isFirst = !this.#hasEnded
    this.#hasEnded = true
    return isFirst
  }

  /** To the first line of what was drawn. Where terminals break lines after a change of width differs. */
  #back(): string {
    if (this.#height > 0 && this.size.columns !== this.#columns) return clearScreen
    return this.#height === 0 ? '\r' : `\u001b[${this.#height}A\r`
  }
}
