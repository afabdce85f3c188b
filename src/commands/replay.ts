import { randomUUID } from 'node:crypto'
import { parseDuration } from '../config/duration.ts'
import type { Flags } from '../config/settings-source.ts'
import type { Replay } from '../domain/replay.ts'
import { SignetError } from '../errors.ts'
import { replayView } from '../view/replay-view.ts'
import type { HubCommand } from './ask-hub.ts'
import { withHub, writeLines } from './ask-hub.ts'
import { progressLine } from './progress-line.ts'
import { EXIT_OK, writeJson } from './topology-output.ts'

const EXIT_FAILED = 1
const LONGEST_RUN = /^[\w-]{1,32}$/

/** `signet replay`: exit code 1 where something could not go. */
export async function runReplay(command: HubCommand, flags: Flags): Promise<number> {
  const { context, dryRun, force } = flags
  const [to, since, named] = [textOf(flags['to']), textOf(flags['since']), textOf(flags['run'])]
  if (context === undefined && since === undefined)
    throw new SignetError(
      'SIGNET_USAGE',
      'What is to be sent again? Say --context, --since or both.',
    )
  const sinceMs = since === undefined ? undefined : parseDuration(since)
  if (since !== undefined && (sinceMs === undefined || sinceMs === 0))
    throw new SignetError('SIGNET_USAGE', `--since must be a duration such as 24h, not "${since}".`)
  if (named !== undefined && (force !== true || !LONGEST_RUN.test(named)))
    throw new SignetError(
      'SIGNET_USAGE',
      '--run is the name of a run with --force: letters, digits, - and _.',
    )
  const run = force === true ? (named ?? randomUUID().slice(0, 8)) : undefined
  const isDry = dryRun === true
  const { stderr } = command
  if (run !== undefined && !isDry)
    stderr.write(
      `signet: tasks that ${to} has done are done again. Should this break off: --force --run ${run} goes on with it.\n`,
    )
  const progress = progressLine(
    command,
    ({ scanned, done, all }) =>
      `${String(scanned)} events read, ${String(done)} of ${String(all)} looked at`,
  )
  const args = {
    to,
    dryRun: isDry,
    ...(context !== undefined && { context }),
    ...(sinceMs !== undefined && { sinceMs }),
    ...(run !== undefined && { run }),
  }
  const replay = (await withHub(command, (hub) => hub.ask('replay', args, progress.show)).finally(
    progress.clear,
  )) as Replay
  if (command.json) writeJson(command.stdout, { ...replay, ...(run !== undefined && { run }) })
  else writeLines(command, replayView(replay))
  const { residency = 0, oversize = 0, malformed = 0 } = replay.counts
  return residency + oversize + malformed === 0 ? EXIT_OK : EXIT_FAILED
}

function textOf(flag: unknown): string | undefined {
  return typeof flag === 'string' ? flag : undefined
}
