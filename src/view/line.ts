/** How a piece of text is meant. What that looks like is for whoever paints it. */
type Tone = 'strong' | 'faint' | 'wrong' | 'doubtful' | 'good' | 'name'

export type Paint = (tone: Tone, text: string) => string

/** A piece of text, or one with a tone. */
export type Piece = string | readonly [Tone, string]

/** One line on a terminal. Every character is one column wide: names and numbers, and marks of ours. */
export type Line = readonly Piece[]

export function textOf(line: Line): string {
  return line.map((piece) => (typeof piece === 'string' ? piece : piece[1])).join('')
}

// What moves a cursor or changes colours in a terminal; events come from anywhere.
// oxlint-disable-next-line no-control-regex
const CONTROL = /[\u0000-\u001f\u007f-\u009f\u2028\u2029\u202a-\u202e\u2066-\u2069]/g

/** The line as text of at most `columns` characters, painted after it was cut; control characters become spaces. */
export function paintLine(line: Line, paint: Paint, columns = Infinity): string {
  let left = columns
  let text = ''
  for (const piece of line) {
    const [tone, whole] = typeof piece === 'string' ? [undefined, piece] : piece
    const part = whole.slice(0, Math.max(0, left)).replaceAll(CONTROL, ' ')
    left -= part.length
    text += tone === undefined || part === '' ? part : paint(tone, part)
  }
  return text.trimEnd()
}

/** `0.6 s`, `12.3 s`, `2 min 5 s`, of milliseconds. */
export function duration(ms: number): string {
  if (ms < 120_000) return `${(ms / 1000).toFixed(1)} s`
  const seconds = Math.round(ms / 1000)
  return `${Math.floor(seconds / 60)} min ${seconds % 60} s`
}

/** A result in its colour, with a mark before it: `✓ pass`. */
export function verdict(result: string, width = 0): Piece {
  if (result === 'pass') return ['good', `✓ ${result}`.padEnd(width)]
  if (result === 'warning') return ['doubtful', `! ${result}`.padEnd(width)]
  return ['wrong', `✗ ${result || 'no result'}`.padEnd(width)]
}

/** The widest of some texts. */
export function widest(texts: readonly string[]): number {
  return Math.max(0, ...texts.map((text) => text.length))
}
