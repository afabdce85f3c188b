import { aggregate } from './aggregate.ts'
import { isTaskOver } from './completion.ts'
import type { TaskAnswer } from './completion.ts'
import type { Execution } from './execution.ts'
import type { EventData, KeptnEvent } from './keptn-event.ts'
import { isJsonObject } from './keptn-event.ts'
import { proceed } from './sequence-progress.ts'
import type { ShipyardController } from './shipyard-controller.ts'
import { announce, scopeOf } from './shipyard-controller.ts'

/**
 * Takes an answer to a task (wire 6.2). Three traps are kept: whose answer it is, and whether it
 * came before, is never asked; the match is a read and the append is another step that knows the
 * execution only, so that an answer which matched just before its task ended is counted to the next
 * one; and what arrives while the next task is being made is written over.
 *
 * @returns why the event was dropped, or undefined
 */
export async function takeAnswer(
  controller: ShipyardController,
  event: KeptnEvent,
  scope: EventData,
  kind: 'started' | 'finished',
): Promise<string | undefined> {
  const execution = controller.store.executions.find((candidate) =>
    matches(candidate, scope.project, event),
  )
  if (execution === undefined) return 'no open task has this triggeredid'
  await controller.roundTrip()
  const { current } = execution.status
  if (current === undefined) return 'the sequence has ended meanwhile'
  const answer: TaskAnswer = {
    kind,
    eventId: event.id,
    source: event.source ?? '',
    result: scope.result,
    status: scope.status,
    properties: kind === 'finished' && isJsonObject(event.data) ? event.data : undefined,
  }
  const answers = [...current.answers, answer]
  const status = { ...execution.status, current: { ...current, answers } }
  execution.status = status
  const { project, stage } = scope
  controller.store.states.onTaskEvent(event, { ...scope, project, stage })
  announce(controller, scopeOf(execution), {
    kind: kind === 'started' ? 'task.started' : 'task.finished',
    task: current.name,
    triggeredId: event.triggeredid,
    eventId: answer.eventId,
    source: answer.source,
    result: answer.result,
    status: answer.status,
  })
  return isTaskOver(answers) ? complete(controller, execution, status, event, scope) : undefined
}

async function complete(
  controller: ShipyardController,
  execution: Execution,
  status: Execution['status'],
  event: KeptnEvent,
  scope: EventData,
): Promise<string | undefined> {
  const { openEvents } = controller.store
  const task = status.current
  if (task === undefined) return undefined
  const outcome = aggregate(task.answers)
  await controller.roundTrip()
  // Looked up by the type and triggeredid of the event that made the numbers equal.
  const triggered = openEvents.find(scope.project, event.triggeredid)
  const type = event.type?.replace(/\.[^.]*$/, '.triggered')
  if (triggered === undefined || triggered.type !== type) {
    return 'no open .triggered event of this type and id'
  }
  openEvents.remove(scope.project, triggered.id)
  announce(controller, scopeOf(execution), {
    kind: 'task.completed',
    task: task.name,
    triggeredId: task.triggeredId,
    result: outcome.result,
    status: outcome.status,
  })
  const { name, triggeredId } = task
  const answered = task.answers.length / 2
  const done = [...status.done, { name, triggeredId, ...outcome, answered }]
  const next = { ...status, done, current: undefined }
  const { result, status: aggregated } = outcome
  await proceed(controller, execution, next, { ...scope, result, status: aggregated })
  return undefined
}

// An empty value leaves its part out of the query: an answer without a triggeredid is counted to
// the first execution of its context, whatever it answers (read in the code of Keptn 1.4.5).
function matches(execution: Execution, project: string, event: KeptnEvent): boolean {
  const { shkeptncontext, triggeredid } = event
  return (
    execution.project === project &&
    (shkeptncontext === '' || execution.context === shkeptncontext) &&
    (triggeredid === '' || execution.status.current?.triggeredId === triggeredid)
  )
}
