import { counted } from '../domain/render/layout.ts'
import type { Replay, ReplayOutcome } from '../domain/replay.ts'
import type { Line } from './line.ts'
import { table } from './table.ts'
import { dateAndTime } from './time.ts'

const WORDS: Readonly<Record<ReplayOutcome, string>> = {
  sent: 'sent',
  'sent-before': 'sent by a replay before; --force sends it again',
  'not-for-it': 'not for this stamp',
  'one-stamp-task': 'a task of one stamp, and not known to be of this one',
  'not-asked': 'its task is open, and did not ask this stamp',
  'on-its-way': 'the hub gets there by itself',
  malformed: 'malformed',
  residency: 'may not go to its geo',
  oversize: 'too large',
}

/** What went, or would go, and how many did not and why. */
export function replayView(replay: Replay): readonly Line[] {
  const { to, dryRun, counts, events, truncated, scanned, since } = replay
  const sent = dryRun ? 'would be sent' : 'sent'
  const say = (outcome: ReplayOutcome): string => (outcome === 'sent' ? sent : WORDS[outcome])
  const rows = events.map((event): readonly Line[] => [
    [dateAndTime(event.at)],
    [event.type.replace(/^sh\.keptn\.event\./, '')],
    [['faint', event.id]],
    event.outcome === 'sent'
      ? [['good', sent], event.redacted ? ` without ${event.redacted.join(', ')}` : '']
      : [['doubtful', say(event.outcome)]],
  ])
  const others = Object.entries(counts) as [ReplayOutcome, number][]
  return [
    ...table(rows),
    ...(truncated ? [[['faint', 'and more']] as Line] : []),
    ...(rows.length === 0 ? [] : [[] as Line]),
    [
      `${counted(counts.sent ?? 0, 'event')} ${sent} to ${to}, of ${scanned} since ${dateAndTime(since)}.`,
    ],
    ...others
      .filter(([outcome]) => outcome !== 'sent')
      .map(([outcome, count]): Line => [['faint', `${count}  ${say(outcome)}`]]),
  ]
}
