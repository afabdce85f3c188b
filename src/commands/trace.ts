import { parseDuration } from '../config/duration.ts'
import type { Trace } from '../domain/trace.ts'
import { SignetError } from '../errors.ts'
import { counted } from '../domain/render/layout.ts'
import { traceView } from '../view/trace-view.ts'
import { dateAndTime } from '../view/time.ts'
import type { HubCommand } from './ask-hub.ts'
import { withHub, writeLines } from './ask-hub.ts'
import { progressLine } from './progress-line.ts'
import { EXIT_OK, writeJson } from './topology-output.ts'

export interface TraceCommand extends HubCommand {
  readonly context: string
  /** How far back to look, as a person writes it: `24h`. */
  readonly since: string
}

interface TraceAnswer extends Trace {
  readonly since: string
  readonly scanned: number
  readonly truncated: boolean
  readonly unread: readonly { readonly stream: string; readonly why: string }[]
}

const EXIT_FAILED = 1

/** `signet trace CONTEXT`: exit code 1 where nothing is found, or a stream could not be read. */
export async function runTrace(command: TraceCommand): Promise<number> {
  const { context, since, json, stdout, stderr } = command
  const sinceMs = parseDuration(since)
  if (sinceMs === undefined || sinceMs === 0)
    throw new SignetError('SIGNET_USAGE', `--since must be a duration such as 24h, not "${since}".`)
  const progress = progressLine(command, told)
  const trace = (await withHub(command, (hub) =>
    hub.ask('trace', { context, sinceMs }, progress.show),
  ).finally(progress.clear)) as TraceAnswer
  if (json) writeJson(stdout, trace)
  else if (trace.events.length > 0) writeLines(command, traceView(trace))
  for (const doubt of doubts(trace)) stderr.write(`signet: ${doubt}\n`)
  return trace.events.length > 0 && trace.unread.length === 0 ? EXIT_OK : EXIT_FAILED
}

function doubts({
  context,
  events,
  since,
  scanned,
  truncated,
  unread,
}: TraceAnswer): readonly string[] {
  return [
    ...unread.map(({ stream, why }) => `${stream} could not be read, and may hold more: ${why}`),
    ...(truncated ? ['there is more than this; only what was found first is shown'] : []),
    ...(events.length === 0
      ? [
          `nothing of context ${context} since ${dateAndTime(since)} in ${counted(scanned, 'event')}; ` +
            '--since 7d looks further back',
        ]
      : []),
  ]
}

function told({ waits, stream, scanned, found }: Readonly<Record<string, unknown>>): string {
  if (waits === true) return 'waits for other traces'
  return `reads ${String(stream)}: ${String(scanned)} events, ${String(found)} found`
}
