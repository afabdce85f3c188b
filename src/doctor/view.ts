import { counted } from '../domain/render/layout.ts'
import type { Line, Piece } from '../view/line.ts'
import type { Check, Group, Severity } from './check.ts'
import type { JudgedGroup, Outcome, Report } from './report.ts'
import { isOffline } from './table.ts'

const SEVERITIES: readonly Severity[] = ['error', 'warning', 'notice']
const MARKS: Readonly<Record<Severity, readonly ['wrong' | 'doubtful' | 'name', string]>> = {
  error: ['wrong', '✗'],
  warning: ['doubtful', '!'],
  notice: ['name', 'i'],
}
/** Of one check; whoever wants all of them asks for JSON. */
const MOST_FOUND = 12

/**
 * The report for a person: errors first, then warnings, then notices, each with how to mend it, and one line
 * that sums up at the end. `all`: also what is well, and what could not be looked at.
 */
export function reportView(report: Report, all: boolean): readonly Line[] {
  return [
    ...SEVERITIES.flatMap((severity) => severityLines(report, severity)),
    ...(all ? restLines(report) : groupLines(report)),
    [],
    summary(report),
  ]
}

/** Every check with its texts, for `--list`. */
export function listView(groups: readonly Group[]): readonly Line[] {
  return groups.flatMap(({ name, title, checks }) => [
    [
      ['strong', title],
      ['faint', `  --only ${name}`],
    ],
    ...checks.flatMap((check): readonly Line[] => [
      ['  ', ['name', check.code], ` ${check.severity}  `, ['strong', check.title]],
      ...detail('why', check.why),
      ...detail('mend', check.mend),
      ...(isOffline(check) ? [] : [['    ', ['faint', 'needs servers']] as Line]),
    ]),
    [],
  ])
}

function severityLines({ groups }: Report, severity: Severity): readonly Line[] {
  return groups.flatMap(({ title, outcomes }) => {
    const fired = outcomes.filter(
      ({ check, found }) => check.severity === severity && found.length > 0,
    )
    return fired.flatMap((outcome) => [...firedLines(title, outcome), []])
  })
}

function firedLines(title: string, { check, found }: Outcome): readonly Line[] {
  const [tone, mark] = MARKS[check.severity]
  const rest = found.length - MOST_FOUND
  return [
    [
      [tone, mark],
      ' ',
      ['name', check.code],
      ' ',
      ['strong', check.title],
      ['faint', `  ${title}`],
    ],
    ...found.slice(0, MOST_FOUND).map((what): Line => ['    ', what]),
    ...(rest > 0 ? [['    ', ['faint', `and ${rest} more; --json has all`]] as Line] : []),
    ...detail('why', check.why),
    ...detail('mend', check.mend),
  ]
}

/** Wrapped, so that nothing of it is cut off at the edge of a terminal. */
function detail(what: 'why' | 'mend', text: string): readonly Line[] {
  const tone = what === 'mend' ? 'good' : 'faint'
  return wrapped(text, 92).map((part, index): Line => [
    '    ',
    ['faint', index === 0 ? `${what}  `.padEnd(6) : '      '],
    [tone, part],
  ])
}

function wrapped(text: string, width: number): readonly string[] {
  const lines: string[] = []
  let line = ''
  for (const word of text.split(' ')) {
    if (line !== '' && line.length + word.length >= width) {
      lines.push(line)
      line = word
    } else line = line === '' ? word : `${line} ${word}`
  }
  return [...lines, line]
}

/** One line for each group. */
function groupLines({ groups }: Report): readonly Line[] {
  return groups.map(({ title, outcomes }) => {
    const worst = SEVERITIES.find((severity) => firedOf(outcomes, severity) > 0)
    const [tone, mark] = worst === undefined ? (['good', '✓'] as const) : MARKS[worst]
    const unseen = outcomes.filter((it) => it.unseen !== undefined).length
    const isBlind = unseen === outcomes.length
    const parts = SEVERITIES.flatMap((severity) => {
      const count = firedOf(outcomes, severity)
      return count === 0 ? [] : [counted(count, severity)]
    })
    const done = outcomes.length - unseen
    const said = parts.length > 0 ? parts.join(', ') : isBlind ? '' : 'well'
    return [
      isBlind ? ['faint', '·'] : [tone, mark],
      ` ${title.padEnd(32)}`,
      [isBlind ? 'faint' : tone, said],
      ['faint', `${said === '' ? '' : '  '}${done} of ${counted(outcomes.length, 'check')}`],
    ]
  })
}

function firedOf(outcomes: readonly Outcome[], severity: Severity): number {
  return outcomes.filter(({ check, found }) => check.severity === severity && found.length > 0)
    .length
}

function restLines({ groups }: Report): readonly Line[] {
  return groups.flatMap((group) => [
    [['strong', group.title]],
    ...group.outcomes.map((outcome) => restLine(outcome)),
    ...lastOf(group),
  ])
}

function lastOf(group: JudgedGroup): readonly Line[] {
  return group.outcomes.length === 0 ? [] : [[]]
}

function restLine({ check, found, unseen }: Outcome): Line {
  const head = (mark: Piece): Line => ['  ', mark, ' ', ['name', check.code], ' ']
  if (unseen !== undefined)
    return [
      ...head(['faint', '·']),
      ['faint', `not looked at: ${unseen}`],
      ['faint', quotedTitle(check)],
    ]
  if (found.length > 0) return [...head(MARKS[check.severity]), ['strong', check.title]]
  return [...head(['good', '✓']), ['faint', `not so: ${check.title}`]]
}

function quotedTitle({ title }: Check): string {
  return ` (${title})`
}

function summary({ counts }: Report): Line {
  const { error, warning, notice, done, unseen } = counts
  const parts: Piece[] = [
    ...(error === 0 ? [] : [['wrong', counted(error, 'error')] as const]),
    ...(warning === 0 ? [] : [['doubtful', counted(warning, 'warning')] as const]),
    ...(notice === 0 ? [] : [['name', counted(notice, 'notice')] as const]),
  ]
  const head: Piece = error === 0 ? ['good', 'Nothing is wrong'] : ['wrong', 'Something is wrong']
  return [
    head,
    ...(parts.length === 0 ? [] : [': ', ...joined(parts)]),
    [
      'faint',
      `; ${done} checks done${unseen === 0 ? '' : `, ${unseen} could not be (--all says why)`}`,
    ],
  ]
}

function joined(parts: readonly Piece[]): readonly Piece[] {
  return parts.flatMap((part, index) => (index === 0 ? [part] : [', ', part]))
}
