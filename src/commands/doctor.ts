import type { Environment, Flags } from '../config/settings-source.ts'
import type { Group } from '../doctor/check.ts'
import { examine } from '../doctor/examine.ts'
import { readSetup } from '../doctor/probes/setup.ts'
import { factsOf, isWell, judge, reportJson } from '../doctor/report.ts'
import type { Selection } from '../doctor/table.ts'
import { isOffline, select } from '../doctor/table.ts'
import { listView, reportView } from '../doctor/view.ts'
import type { ScreenStream } from '../view/screen.ts'
import { Screen } from '../view/screen.ts'
import { whoAsks, writeLines } from './ask-hub.ts'
import { EXIT_OK, paintFor, writeJson } from './topology-output.ts'

export interface DoctorCommand extends Selection {
  readonly environment: Environment
  readonly flags: Flags
  readonly version: string
  readonly json: boolean
  /** Only tell which checks there are. */
  readonly list: boolean
  /** Also what is well, and what could not be looked at. */
  readonly all: boolean
  /** Warnings count as failures. */
  readonly strict: boolean
  /** Where the agent's admin port is; by default at this machine. */
  readonly agentUrl: string | undefined
  readonly stdout: ScreenStream
  readonly stderr: ScreenStream
  /** Whether colours may be used on stdout. */
  readonly color: boolean
  /** Whether stderr can be drawn on. */
  readonly live: boolean
  readonly stopped: AbortSignal
}

const EXIT_WRONG = 1

/**
 * `signet doctor`: what is wrong with this stamp, and how to mend it. Resolves with the exit code: 0, or 1 where
 * something is wrong. Throws, with exit code 2, what keeps settings and topology from being read.
 */
export async function runDoctor(command: DoctorCommand): Promise<number> {
  const { json, stdout, strict, all } = command
  const groups = select(command)
  if (command.list) return tellList(command, groups)
  const setup = await readSetup(command.environment, command.flags, command.version)
  const screen = command.live && !json ? new Screen(command.stderr, paintFor(false)) : undefined
  try {
    const facts = await examine({
      setup,
      wanted: factsOf(groups),
      agentUrl: command.agentUrl ?? `http://127.0.0.1:${setup.settings.adminPort}`,
      by: whoAsks(),
      signal: command.stopped,
      onProgress: (done, of) => screen?.draw([[`looked at ${done} of ${of} things`]]),
    })
    screen?.erase()
    const report = judge(groups, facts)
    if (json) writeJson(stdout, { stamp: setup.settings.stamp, ...reportJson(report) })
    else writeLines(command, reportView(report, all))
    return isWell(report, strict) ? EXIT_OK : EXIT_WRONG
  } finally {
    screen?.erase()
  }
}

function tellList({ json, ...command }: DoctorCommand, groups: readonly Group[]): number {
  if (json)
    writeJson(
      command.stdout,
      groups.flatMap(({ name, checks }) =>
        checks.map((check) => {
          const { code, severity, title, why, mend } = check
          return { code, group: name, severity, offline: isOffline(check), title, why, mend }
        }),
      ),
    )
  else writeLines(command, listView(groups))
  return EXIT_OK
}
