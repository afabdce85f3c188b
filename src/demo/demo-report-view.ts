import type { Line, Piece } from '../view/line.ts'
import { duration, verdict, widest } from '../view/line.ts'
import type { DemoPlan } from './demo-plan.ts'
import type { DemoReport, StageReport } from './demo-report.ts'
import { NONE } from './demo-report.ts'
import { cellWidths, spread, subjectOf } from './demo-view.ts'

/** So many fit on a screen beside everything else; the JSON has them all. */
const mostProblems = 12

/** The report as lines for a person: each stage, task and stamp, and then what counts. */
export function drawReport(plan: DemoPlan, report: DemoReport, columns: number): readonly Line[] {
  const { ok, startMs, deliveryMs } = report
  const outcome: Piece = ok ? ['good', '✓'] : ['wrong', '✗']
  const total = duration(startMs + deliveryMs)
  return [
    spread([' ', outcome, ' ', ['strong', subjectOf(plan)]], ['faint', total], columns),
    [],
    ...table(report),
    [],
    ...facts(report),
    ...problems(report),
  ]
}

function table({ stages }: DemoReport): readonly Line[] {
  const stageWidth = widest(['STAGE', ...stages.map(({ stage }) => stage)])
  const names = stages.flatMap(({ ring, tasks }) => [
    `ring ${ring}`,
    ...(tasks[0]?.stamps.map(({ stamp }) => stamp) ?? []),
  ])
  const nameWidth = widest(['STAMP', ...names])
  const place = (stage: string, name: string): string =>
    ` ${stage.padEnd(stageWidth)}  ${name.padEnd(nameWidth)}`
  const { word, time, gap } = cellWidths
  const heads = stages[0]?.tasks.map(({ task }) => task.toUpperCase().padEnd(word + time + gap))
  const head = `${place('STAGE', 'STAMP')}${' '.repeat(gap)}${heads?.join('') ?? ''}DELIVERY`
  return [
    [['faint', head]],
    ...stages.flatMap((stage) => [
      [
        ['strong', place(stage.stage, `ring ${stage.ring}`)] as const,
        ...stage.tasks.flatMap(({ result, durationMs }) => cell(result, durationMs)),
        ...cell(stage.result, stage.durationMs),
      ],
      ...stampLines(stage, place),
    ]),
  ]
}

function stampLines(
  { tasks }: StageReport,
  place: (stage: string, name: string) => string,
): readonly Line[] {
  const stamps = tasks[0]?.stamps ?? []
  return stamps.map(({ stamp }, index): Line => {
    const cells = tasks.flatMap((task) => {
      const own = task.stamps[index]
      return cell(own?.result ?? NONE, own?.durationMs ?? null)
    })
    return [['name', place('', stamp)], ...cells]
  })
}

function cell(result: string, durationMs: number | null): readonly Piece[] {
  const { word, time, gap } = cellWidths
  const mark: Piece = result === NONE ? ['faint', '· none'.padEnd(word)] : verdict(result, word)
  const took = durationMs === null ? '' : duration(durationMs)
  return [' '.repeat(gap), mark, ['faint', took.padStart(time)]]
}

function facts(report: DemoReport): readonly Line[] {
  const { stages, duplicates, lost, deadLetters, startMs, deliveryMs } = report
  const tasks = stages.flatMap((stage) => stage.tasks)
  const once = tasks.filter(({ started, finished }) => started === 1 && finished === 1).length
  const zero = (count: number): Piece => [count === 0 ? 'good' : 'wrong', String(count)]
  const label = (text: string): string => ` ${text.padEnd(15)}`
  return [
    [
      label('Keptn saw'),
      '1 .started and 1 .finished for ',
      [once === tasks.length ? 'good' : 'wrong', `${once} of ${tasks.length}`],
      ' tasks',
    ],
    [label('duplicates'), zero(duplicates.total), ['faint', ', at Keptn and all integrations']],
    [
      label('events lost'),
      zero(lost.total),
      ['faint', ` of ${lost.expected}, looked for from both ends`],
    ],
    [label('dead letters'), zero(deadLetters.total)],
    [
      label('time'),
      duration(deliveryMs),
      ['faint', ` for the delivery, ${duration(startMs)} to start everything`],
    ],
  ]
}

function problems({ problems: all }: DemoReport): readonly Line[] {
  if (all.length === 0) return []
  const shown = all.length <= mostProblems ? all : all.slice(0, mostProblems - 1)
  const more = all.length - shown.length
  return [
    [],
    [' ', ['wrong', 'Not as it should be:']],
    ...shown.map((problem): Line => [' ', ['wrong', '✗'], ` ${problem}`]),
    ...(more === 0 ? [] : [[['faint', ` and ${more} more; --json has them all`]] as const]),
  ]
}
