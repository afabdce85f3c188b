import { createInterface } from 'node:readline/promises'
import { parseDuration } from '../config/duration.ts'
import type { Letter } from '../domain/dead-letter.ts'
import { counted } from '../domain/render/layout.ts'
import { SignetError } from '../errors.ts'
import { letterList, letterView } from '../view/letter-view.ts'
import type { Hub, HubCommand } from './ask-hub.ts'
import { withHub, writeLines } from './ask-hub.ts'
import { progressLine } from './progress-line.ts'
import { EXIT_BAD_INPUT, EXIT_OK, writeJson } from './topology-output.ts'

/** Flags as the command line has them. */
export interface LetterFlags {
  readonly reason?: string
  readonly stamp?: string
  readonly direction?: string
  readonly context?: string
  readonly since?: string
  readonly limit?: string
  readonly after?: string
  readonly all?: true
  readonly yes?: true
}

const EXIT_FAILED = 1

/** `signet dlq ls` */
export async function runDlqLs(command: HubCommand, flags: LetterFlags): Promise<number> {
  const args = {
    ...filterOf(flags),
    limit: numberOf('--limit', flags.limit ?? '100'),
    ...(flags.after === undefined ? {} : { after: numberOf('--after', flags.after) }),
  }
  const answer = (await withHub(command, (hub) => hub.ask('dlq-ls', args))) as {
    readonly letters: readonly Letter[]
    readonly more: number
  }
  const { letters, more } = answer
  if (command.json) writeJson(command.stdout, answer)
  else if (letters.length === 0) command.stdout.write('No dead letters.\n')
  else writeLines(command, letterList(letters))
  const last = letters.at(-1)?.letter
  if (more > 0 && !command.json)
    command.stderr.write(`signet: ${counted(more, 'more letter')}: --after ${last} shows them\n`)
  return EXIT_OK
}

export interface ShownLetter {
  readonly letter: Letter
  readonly advice: string
  readonly body?: string
  readonly bodyBase64?: string
  /** Why its body is not shown here, though it is kept. */
  readonly withheldHere?: string
  readonly redactedHere?: readonly string[]
}

/** `signet dlq show N`; with `bodyOnly` the bytes as they are, for other programs. */
export async function runDlqShow(
  command: HubCommand,
  letter: string,
  bodyOnly: boolean,
): Promise<number> {
  const args = { letter: numberOf('The number of a letter', letter) }
  const shown = (await withHub(command, (hub) => hub.ask('dlq-show', args))) as ShownLetter
  const { json, stdout, stderr } = command
  if (json) writeJson(stdout, shown)
  else if (!bodyOnly) writeLines(command, letterView(shown))
  else {
    const why = shown.letter.withheld ?? shown.withheldHere
    if (why !== undefined) {
      stderr.write(`signet: its body is not here: ${why}\n`)
      return EXIT_FAILED
    }
    const { body, bodyBase64 = '' } = shown
    stdout.write(body ?? Buffer.from(bodyBase64, 'base64').toString('latin1'))
  }
  return EXIT_OK
}

interface Retried {
  readonly putBack: number
  readonly kept: number
  readonly results: readonly {
    readonly letter: number
    readonly reason: string
    readonly outcome: 'put-back' | 'kept'
    readonly why?: string
    readonly to?: readonly string[]
  }[]
}

/** `signet dlq retry`: exit code 1 where any of them stays. */
export async function runDlqRetry(
  command: HubCommand,
  letters: readonly string[],
  flags: LetterFlags,
): Promise<number> {
  const wanted = wantedOf(letters, flags)
  const progress = progressLine(
    command,
    ({ done, all }) => `${String(done)} of ${String(all)} put back`,
  )
  const answers = await withHub(command, (hub) =>
    each(wanted, async (args) => (await hub.ask('dlq-retry', args, progress.show)) as Retried),
  ).finally(progress.clear)
  const answer: Retried = {
    putBack: answers.reduce((sum, { putBack }) => sum + putBack, 0),
    kept: answers.reduce((sum, { kept }) => sum + kept, 0),
    results: answers.flatMap(({ results }) => results),
  }
  const { json, stdout } = command
  if (json) writeJson(stdout, answer)
  else {
    const lines = answer.results.map((it) => [
      it.outcome === 'put-back'
        ? `${it.letter}  put back, to ${(it.to ?? []).join(', ')}`
        : `${it.letter}  stays (${it.reason}): ${it.why}`,
    ])
    writeLines(command, [...lines, [`${answer.putBack} put back, ${answer.kept} stay.`]])
  }
  return answer.kept === 0 ? EXIT_OK : EXIT_FAILED
}

interface Purged {
  readonly count: number
  readonly purged: number
  readonly upTo: number
  readonly reasons: Readonly<Record<string, number>>
}

/** `signet dlq purge`: asks on a terminal, and wants `--yes` elsewhere. */
export async function runDlqPurge(
  command: HubCommand,
  letters: readonly string[],
  flags: LetterFlags,
): Promise<number> {
  const wanted = wantedOf(letters, flags)
  const { json, stdout, stderr } = command
  return withHub(command, async (hub) => {
    const found = await purged(hub, wanted, { dryRun: true })
    const count = found.reduce((sum, it) => sum + it.count, 0)
    const reasons: Record<string, number> = {}
    for (const [reason, number] of found.flatMap((it) => Object.entries(it.reasons)))
      reasons[reason] = (reasons[reason] ?? 0) + number
    if (count > 0 && flags.yes !== true) {
      const what = Object.entries(reasons).map(([reason, number]) => `${number} ${reason}`)
      const question = `Purge ${counted(count, 'dead letter')} (${what.join(', ')}) for good?`
      if (!(await agreed(question))) {
        stderr.write(`signet: ${question} Nothing is purged; --yes does it without asking.\n`)
        return EXIT_BAD_INPUT
      }
    }
    // Those that were counted, and none that came since.
    const bounded = wanted.map((args, index) => ({ ...args, upTo: found[index]?.upTo ?? 0 }))
    const done = count === 0 ? [] : await purged(hub, bounded, {})
    const gone = done.reduce((sum, it) => sum + it.purged, 0)
    if (json) writeJson(stdout, { purged: gone, reasons })
    else stdout.write(`${counted(gone, 'dead letter')} purged.\n`)
    return EXIT_OK
  })
}

function purged(hub: Hub, wanted: readonly object[], more: object): Promise<readonly Purged[]> {
  return each(wanted, async (args) => (await hub.ask('dlq-purge', { ...args, ...more })) as Purged)
}

async function agreed(question: string): Promise<boolean> {
  const { stdin, stderr } = process
  if (!stdin.isTTY) return false
  const asking = createInterface({ input: stdin, output: stderr })
  try {
    return /^y(es)?$/i.test((await asking.question(`${question} [y/N] `)).trim())
  } finally {
    asking.close()
  }
}

/** One after the other. */
async function each<T>(
  wanted: readonly object[],
  work: (args: Readonly<Record<string, unknown>>) => Promise<T>,
): Promise<readonly T[]> {
  const done: T[] = []
  for (const args of wanted) done.push(await work({ ...args }))
  return done
}

/** The letters by number, or the filter; everything only where that is said. */
function wantedOf(letters: readonly string[], flags: LetterFlags): readonly object[] {
  const filter = filterOf(flags)
  const isFiltered = Object.keys(filter).length > 0
  if (letters.length > 0) {
    if (isFiltered || flags.all === true)
      throw new SignetError(
        'SIGNET_USAGE',
        'Name letters by their numbers, or by filters; not both.',
      )
    return letters.map((letter) => ({ letter: numberOf('The number of a letter', letter) }))
  }
  if (isFiltered || flags.all === true) return [filter]
  throw new SignetError(
    'SIGNET_USAGE',
    'Which letters? Name their numbers, filters such as --reason, or --all.',
  )
}

function filterOf({ reason, stamp, direction, context, since }: LetterFlags) {
  const sinceMs = since === undefined ? undefined : parseDuration(since)
  if (since !== undefined && (sinceMs === undefined || sinceMs === 0))
    throw new SignetError('SIGNET_USAGE', `--since must be a duration such as 24h, not "${since}".`)
  return {
    ...(reason !== undefined && { reason }),
    ...(stamp !== undefined && { stamp }),
    ...(direction !== undefined && { direction }),
    ...(context !== undefined && { context }),
    ...(sinceMs !== undefined && { sinceMs }),
  }
}

function numberOf(what: string, text: string): number {
  const value = Number(text)
  if (/^\d+$/.test(text) && Number.isSafeInteger(value) && value > 0) return value
  throw new SignetError('SIGNET_USAGE', `${what} must be a whole number, not "${text}".`)
}
