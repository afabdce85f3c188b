/** Where something stands in a file. Lines and columns count from 1; 0 means the file as a whole. */
export interface Position {
  readonly file: string
  readonly line: number
  readonly column: number
}

/** One thing that is wrong in a file, for the person who has to mend it. */
export interface Mistake extends Position {
  /** `stages[1].rings[0]`; empty for the document as a whole. */
  readonly path: string
  readonly message: string
  /** How to mend it, where we can guess. */
  readonly hint?: string
  /** The line of the file, as it stands there. */
  readonly excerpt: string
}

/** The keys and indexes that lead to a value. */
export type Path = readonly (string | number)[]

/** `['stages', 1, 'rings']` as `stages[1].rings`. */
export function formatPath(path: Path): string {
  return path
    .map((step, index) => {
      if (typeof step === 'number') return `[${step}]`
      const key = /^[\w-]+$/.test(step) ? step : JSON.stringify(clipText(step))
      return index === 0 ? key : `.${key}`
    })
    .join('')
}

/** `file:line:column`, as editors and terminals make links of it. */
export function formatPosition({ file, line, column }: Position): string {
  return line === 0 ? file : `${file}:${line}:${column}`
}

/** By file, then by position; the same mistake found twice counts once. */
export function sortedMistakes(mistakes: readonly Mistake[]): readonly Mistake[] {
  const seen = new Set<string>()
  return mistakes
    .filter((mistake) => {
      const key = JSON.stringify([formatPosition(mistake), mistake.path, mistake.message])
      if (seen.has(key)) return false
      seen.add(key)
      return true
    })
    .sort(
      (a, b) =>
        compareText(a.file, b.file) ||
        a.line - b.line ||
        a.column - b.column ||
        compareText(a.path, b.path) ||
        compareText(a.message, b.message),
    )
}

/** How a piece of text is to look; a terminal's adapter turns it into colours. */
export type Emphasis = 'strong' | 'faint' | 'wrong' | 'doubtful' | 'good' | 'name'
export type Paint = (emphasis: Emphasis, text: string) => string

/** No emphasis at all. */
export const plain: Paint = (_, text) => text

/** One mistake on one line: where, what, and how to mend it. */
export function formatMistake(mistake: Mistake): string {
  const { path, message, hint } = mistake
  const where = formatPosition(mistake)
  const what = path === '' ? message : `${path}: ${message}`
  return `${where}${where === '' ? '' : '  '}${what}${hint === undefined ? '' : ` (${hint})`}`
}

/** The same over several lines, with the line of the file and a caret under what is wrong. */
export function formatMistakeWithExcerpt(
  mistake: Mistake,
  paint: Paint,
  emphasis: 'wrong' | 'doubtful' = 'wrong',
): string {
  const { line, path, message, hint } = mistake
  const where = formatPosition(mistake)
  const head = [
    where === '' ? '' : paint('strong', where),
    path === '' ? '' : paint('name', path),
    paint(emphasis, message),
  ]
  const lines = [head.filter((part) => part !== '').join('  ')]
  const number = String(line)
  if (line > 0) {
    const { text, caret } = excerptAround(mistake)
    lines.push(
      `  ${paint('faint', `${number} |`)} ${text}`,
      `  ${paint('faint', `${' '.repeat(number.length)} |`)} ${' '.repeat(caret)}${paint(emphasis, '^')}`,
    )
  }
  if (hint !== undefined)
    lines.push(`  ${paint('faint', `${' '.repeat(number.length)} =`)} ${paint('good', hint)}`)
  return lines.join('\n')
}

/** `text` in quotation marks, short enough for a message. */
export function quote(text: string): string {
  return JSON.stringify(clipText(text))
}

const EXCERPT_WIDTH = 100

/** A long line is shown around its mistake. */
function excerptAround({ excerpt, column }: Mistake): { text: string; caret: number } {
  // One column for each character, or the caret would stand elsewhere.
  // oxlint-disable-next-line no-control-regex
  const line = excerpt.replace(/[\u0000-\u001f\u007f]/g, ' ')
  const start = column - 1 > EXCERPT_WIDTH - 20 ? column - 1 - EXCERPT_WIDTH / 2 : 0
  const end = start + EXCERPT_WIDTH
  const text = `${start > 0 ? '…' : ''}${line.slice(start, end)}${line.length > end ? '…' : ''}`
  return { text, caret: column - 1 - start + (start > 0 ? 1 : 0) }
}

function clipText(text: string): string {
  return text.length <= 60 ? text : `${text.slice(0, 60)}…`
}

function compareText(a: string, b: string): number {
  if (a === b) return 0
  return a < b ? -1 : 1
}
