import { SignetError } from '../errors.ts'

/**
 * The arguments of a request, read one by one; `finish` refuses what nobody has read. Whoever asks may be of
 * another version, or no command of ours at all: each mistake is `SIGNET_USAGE` with the argument's name.
 */
export class ControlArguments {
  readonly #args: Readonly<Record<string, unknown>>
  readonly #read = new Set<string>()

  constructor(args: Readonly<Record<string, unknown>>) {
    this.#args = args
  }

  /** A text that is there and not empty, of at most `most` characters. */
  text(name: string, most = 512): string {
    const value = this.#take(name)
    if (typeof value !== 'string' || value.trim() === '')
      throw wrong(name, 'a text that is not empty')
    if (value.length > most) throw wrong(name, `a text of at most ${most} characters`)
    return value.trim()
  }

  optionalText(name: string, most?: number): string | undefined {
    return this.#isGiven(name) ? this.text(name, most) : undefined
  }

  /** A whole number within bounds. */
  whole(name: string, least: number, most: number): number {
    const value = this.#take(name)
    if (typeof value === 'number' && Number.isSafeInteger(value) && value >= least && value <= most)
      return value
    throw wrong(name, `a whole number from ${least} to ${most}`)
  }

  optionalWhole(name: string, least: number, most: number): number | undefined {
    return this.#isGiven(name) ? this.whole(name, least, most) : undefined
  }

  /** Absent means false. */
  flag(name: string): boolean {
    const value = this.#take(name)
    if (value === undefined || value === null || value === false) return false
    if (value === true) return true
    throw wrong(name, 'true or false')
  }

  /** Refuses arguments that were not read: a misspelt one must not be taken for none. */
  finish(): void {
    const unknown = Object.keys(this.#args).filter((name) => !this.#read.has(name))
    if (unknown.length === 0) return
    throw new SignetError('SIGNET_USAGE', `Unknown arguments: ${shown(unknown)}.`)
  }

  #isGiven(name: string): boolean {
    const value = this.#take(name)
    return value !== undefined && value !== null
  }

  #take(name: string): unknown {
    this.#read.add(name)
    return Object.hasOwn(this.#args, name) ? this.#args[name] : undefined
  }
}

const SHOWN = 5

function shown(names: readonly string[]): string {
  const first = names.slice(0, SHOWN).map((name) => JSON.stringify(name.slice(0, 64)))
  return names.length > SHOWN ? `${first.join(', ')} and more` : first.join(', ')
}

function wrong(name: string, expected: string): SignetError {
  return new SignetError('SIGNET_USAGE', `The argument "${name}" must be ${expected}.`, {
    details: { argument: name },
  })
}
