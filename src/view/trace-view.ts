import { counted } from '../domain/render/layout.ts'
import type { Seen, Trace, TracedEvent } from '../domain/trace.ts'
import { shortType } from '../domain/trace.ts'
import type { Line, Piece } from './line.ts'
import { verdict } from './line.ts'
import { table } from './table.ts'
import { between, dateAndTime, timeOfDay, took } from './time.ts'

/** So many stamps are named in one line. */
const NAMED = 6
/** Copies that were stored within so many milliseconds of each other share a line. */
const TOGETHER_MS = 1_000

interface Row {
  /** ISO 8601: texts of it are in the order of their times. */
  readonly at: string
  readonly cells: readonly Line[]
}

/** `signet trace`: a line for each event and for its copies, in time order. */
export function traceView(trace: Trace): readonly Line[] {
  const { context, project, service, events } = trace
  const [first] = events
  if (first === undefined) return []
  const rows = events.flatMap(rowsOf).toSorted((a, b) => (a.at < b.at ? -1 : Number(a.at > b.at)))
  const span = took(between(first.at, rows.at(-1)?.at ?? first.at))
  const head: Line = [
    ['strong', `${project}/${service}`],
    ` context ${context}: ${counted(events.length, 'event')} in ${span} from ${dateAndTime(first.at)}`,
  ]
  const titles = ['TIME', 'STEP', 'WHERE', 'EVENT', 'RESULT', 'BY']
  return [
    head,
    [],
    ...table([titles.map((text): Line => [['faint', text]]), ...rows.map(({ cells }) => cells)]),
  ]
}

function rowsOf(event: TracedEvent): readonly Row[] {
  const { at, origin, depth, type, source, step, result, status, message, stage } = event
  const isFinished = type.endsWith('.finished')
  const isMain = isFinished || type.endsWith('.triggered')
  const name: Piece = [isMain ? 'strong' : 'faint', shortType(type) || 'unreadable']
  const where = stage === '' || type.includes(`.${stage}.`) ? '' : ` in ${stage}`
  const cells: readonly Line[] = [
    [timeOfDay(at, 'ms')],
    step === undefined ? [] : [['faint', `${step.name} ${took(step.ms)}`]],
    [['name', origin]],
    ['  '.repeat(depth), name, ['faint', where]],
    isFinished && (result !== '' || status !== '') ? [verdict(result || status)] : [],
    [['faint', message === '' ? source : `${source}: ${message}`]],
  ]
  return [{ at, cells }, ...copyRows(event), ...asideRows(event)]
}

/** The copies of an event for stamps: a line for those that were stored together. */
function copyRows({ at, depth, origin, seen }: TracedEvent): readonly Row[] {
  const groups: Seen[][] = []
  for (const copy of seen) {
    if (copy.where !== 'down') continue
    const group = groups.at(-1)
    const before = group?.at(-1)
    if (group !== undefined && before !== undefined && between(before.at, copy.at) < TOGETHER_MS)
      group.push(copy)
    else groups.push([copy])
  }
  return groups.map((copies) => {
    const [first] = copies as [Seen]
    const stamps = copies.map(({ stamp }) => stamp ?? '?')
    const more = stamps.length > NAMED ? ` and ${stamps.length - NAMED} more` : ''
    const cells: readonly Line[] = [
      [timeOfDay(first.at, 'ms')],
      [['faint', `stored ${took(between(at, copies.at(-1)?.at ?? first.at))}`]],
      [['faint', origin]],
      ['  '.repeat(depth + 1), ['faint', `to ${stamps.slice(0, NAMED).join(', ')}${more}`]],
      [],
      [],
    ]
    return { at: first.at, cells }
  })
}

function asideRows({ at, depth, seen }: TracedEvent): readonly Row[] {
  return seen
    .filter(({ where }) => where === 'dead-letters')
    .map((letter) => ({
      at: letter.at,
      cells: [
        [timeOfDay(letter.at, 'ms')],
        [['faint', took(between(at, letter.at))]],
        [['name', letter.stamp ?? '?']],
        ['  '.repeat(depth + 1), ['wrong', `set aside: ${letter.reason ?? 'unknown'}`]],
        [],
        [],
      ],
    }))
}
