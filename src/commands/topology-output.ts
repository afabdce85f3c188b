import { inspect } from 'node:util'
import type { Emphasis, Mistake, Paint } from '../config/mistake.ts'
import { formatMistakeWithExcerpt, plain } from '../config/mistake.ts'
import { counted } from '../domain/render/layout.ts'

/** Where a command writes: a stream of the process, or what a test listens with. */
export interface Output {
  write(text: string): unknown
}

/** What every topology command is given. */
export interface TopologyCommand {
  /** The folder of the topology. */
  readonly dir: string
  readonly json: boolean
  readonly stdout: Output
  readonly stderr: Output
  /** Whether colours may be used. */
  readonly color: boolean
}

/** Exit codes of DESIGN 8. */
export const EXIT_OK = 0
export const EXIT_BAD_INPUT = 2

const CODES: Readonly<Record<Emphasis, keyof typeof inspect.colors>> = {
  strong: 'bold',
  faint: 'gray',
  wrong: 'red',
  doubtful: 'yellow',
  good: 'green',
  name: 'cyan',
}

/** Colours for a terminal. Not `styleText`: later Nodes take the choice away from its caller. */
export function paintFor(color: boolean): Paint {
  if (!color) return plain
  return (emphasis, text) => {
    const [open, close] = inspect.colors[CODES[emphasis]] ?? [0, 0]
    return `\u001b[${open}m${text}\u001b[${close}m`
  }
}

/** JSON for programs: one value, and a newline. */
export function writeJson(output: Output, value: unknown): void {
  output.write(`${JSON.stringify(value, null, 2)}\n`)
}

/** Every mistake and warning with its line, and their number at the end. */
export function formatReport(
  dir: string,
  mistakes: readonly Mistake[],
  warnings: readonly Mistake[],
  paint: Paint,
): string {
  const told = [
    ...mistakes.map((mistake) => formatMistakeWithExcerpt(mistake, paint, 'wrong')),
    ...warnings.map((warning) => formatMistakeWithExcerpt(warning, paint, 'doubtful')),
  ]
  const sum = [
    ...(mistakes.length === 0 ? [] : [paint('wrong', counted(mistakes.length, 'mistake'))]),
    ...(warnings.length === 0 ? [] : [paint('doubtful', counted(warnings.length, 'warning'))]),
  ]
  return `${told.join('\n\n')}\n\n${sum.join(' and ')} in ${dir}\n`
}

/** Reports a topology that cannot be used; the exit code says the rest. */
export function refuseTopology(
  { dir, json, stdout, stderr, color }: TopologyCommand,
  mistakes: readonly Mistake[],
  warnings: readonly Mistake[],
): number {
  if (json) writeJson(stdout, { ok: false, mistakes, warnings })
  else stderr.write(formatReport(dir, mistakes, warnings, paintFor(color)))
  return EXIT_BAD_INPUT
}
