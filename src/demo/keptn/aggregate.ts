import type { TaskAnswer } from './completion.ts'
import type { JsonObject } from './keptn-event.ts'
import { mergeObjects } from './merge.ts'

export type TaskResult = 'pass' | 'warning' | 'fail'
export type TaskStatus = 'succeeded' | 'errored' | 'aborted' | 'unknown'

/** What a task came to, over everyone who finished it. */
export interface TaskOutcome {
  readonly result: TaskResult
  readonly status: TaskStatus
  readonly properties: JsonObject
}

/**
 * The outcome of a task from its answers in the order of their arrival, as Keptn 0.19 and later do
 * (wire 6.3): an empty result counts as fail, and statuses that fit nothing are `unknown`, which
 * makes the result fail as well.
 */
export function aggregate(answers: readonly TaskAnswer[]): TaskOutcome {
  const finished = answers.filter((answer) => answer.kind === 'finished')
  const status = statusOf(finished.map((answer) => answer.status))
  const properties = finished.reduce(
    (merged, answer) => mergeObjects(merged, answer.properties ?? {}),
    {} as JsonObject,
  )
  return {
    status,
    result: status === 'unknown' ? 'fail' : resultOf(finished.map((answer) => answer.result)),
    properties,
  }
}

function resultOf(results: readonly string[]): TaskResult {
  if (results.some((result) => result !== 'pass' && result !== 'warning')) return 'fail'
  return results.includes('warning') ? 'warning' : 'pass'
}

function statusOf(statuses: readonly string[]): TaskStatus {
  if (statuses.includes('errored')) return 'errored'
  if (statuses.includes('aborted')) return 'aborted'
  return statuses.every((status) => status === 'succeeded') ? 'succeeded' : 'unknown'
}
