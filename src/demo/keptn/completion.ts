import type { JsonObject } from './keptn-event.ts'

/** One `.started` or `.finished` as the current task of a sequence keeps it (wire 6.2). */
export interface TaskAnswer {
  readonly kind: 'started' | 'finished'
  readonly eventId: string
  readonly source: string
  readonly result: string
  readonly status: string
  /** The whole `data` of a `.finished`; a `.started` brings none. */
  readonly properties: JsonObject | undefined
}

/**
 * Whether a task is over: as many `.finished` as `.started`, and at least one (wire 6.2). Nothing
 * else is asked, neither who sent them nor whether one came twice, and that is where a federation's
 * troubles begin.
 */
export function isTaskOver(answers: readonly TaskAnswer[]): boolean {
  const finished = answers.filter((answer) => answer.kind === 'finished').length
  return finished > 0 && finished === answers.length - finished
}
