import { counted } from '../domain/render/layout.ts'
import type { Evidence } from './demo-evidence.ts'
import type { DemoReport, StageReport, TaskReport } from './demo-report.ts'

type Facts = Omit<DemoReport, 'ok' | 'problems'>

/** Everything that is not as it should be after a delivery in which nothing was meant to fail. */
export function findProblems(facts: Facts, evidence: Evidence): readonly string[] {
  const { duplicates, lost, deadLetters, onTheWay } = facts
  return [
    ...evidence.overdue,
    ...evidence.ended,
    ...facts.stages.flatMap(stageProblems),
    ...[...duplicates.keptn, ...duplicates.integrations].map(
      ({ where, type, id, copies }) => `${where} got ${type} ${id} ${copies} times`,
    ),
    ...lost.events.map(({ what, type, id, why }) => `lost ${what}: ${type} ${id}, ${why}`),
    ...Object.entries(deadLetters.subjects).map(
      ([subject, count]) => `${counted(count, 'dead letter')} under ${subject}`,
    ),
    ...(onTheWay === 0 ? [] : [`${counted(onTheWay, 'message')} still on the way`]),
    ...evidence.setAside.map((reason) => `Keptn set an event aside: ${reason}`),
  ]
}

function stageProblems(report: StageReport): readonly string[] {
  const { stage, durationMs, result, status } = report
  const own =
    durationMs === null
      ? [`${stage} did not run to its end`]
      : result === 'pass' && status === 'succeeded'
        ? []
        : [`${stage} ended with ${result} (${status})`]
  return [...own, ...report.tasks.flatMap((task) => taskProblems(stage, task))]
}

function taskProblems(stage: string, report: TaskReport): readonly string[] {
  const { task, started, finished, stamps } = report
  // Of a task that was not reached, it is enough to say that its stage did not run to its end.
  const wasReached = started + finished > 0 || stamps.some(({ durationMs }) => durationMs !== null)
  if (!wasReached) return []
  const where = `${task} in ${stage}`
  return [
    ...(started === 1 ? [] : [`Keptn saw ${started} .started of ${where} instead of 1`]),
    ...(finished === 1 ? [] : [`Keptn saw ${finished} .finished of ${where} instead of 1`]),
    ...stamps
      .filter(({ result, status }) => result !== 'pass' || status !== 'succeeded')
      .map(({ stamp, result, status, message }) => {
        const said = message === '' ? '' : `: ${message}`
        return `${where}: ${stamp} ended with ${result} (${status})${said}`
      }),
  ]
}
