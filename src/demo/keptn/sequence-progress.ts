import { dispatchTask } from './event-queue.ts'
import type { Execution, ExecutionStatus } from './execution.ts'
import { withTask } from './execution.ts'
import { parseGoDuration } from './go-duration.ts'
import { compactEventData, goJson } from './go-encode.ts'
import type { EventData } from './keptn-event.ts'
import type { ShipyardController } from './shipyard-controller.ts'
import { announce, newEvent, scopeOf, send } from './shipyard-controller.ts'
import type { ShipyardTask } from './shipyard.ts'
import { sequencesTriggeredBy } from './shipyard.ts'
import { nextPayload } from './task-payload.ts'

/**
 * Goes on with a sequence: triggers its next task, or ends it and triggers what follows from it.
 *
 * @param status what the caller read and changed; it is written back as a whole, over whatever was
 *   appended meanwhile
 * @param scope the data of the event that led here: stage, service, labels and message of the
 *   sequence's `.finished` come from it (wire 6.5)
 */
export async function proceed(
  controller: ShipyardController,
  execution: Execution,
  status: ExecutionStatus,
  scope: EventData,
): Promise<void> {
  await controller.roundTrip()
  const last = status.done.at(-1)
  const stops = last !== undefined && (last.result === 'fail' || last.status === 'errored')
  const task = stops ? undefined : execution.sequence.tasks[status.done.length]
  if (task !== undefined) {
    triggerTask(controller, execution, status, task)
    return
  }
  endSequence(controller, execution, status, scope, 'finished')
  triggerNextSequences(controller, execution, scope)
}

function triggerTask(
  controller: ShipyardController,
  execution: Execution,
  status: ExecutionStatus,
  task: ShipyardTask,
): void {
  const { project, stage, service, context, gitCommitId } = execution
  const data = nextPayload({ ...execution, done: status.done }, task)
  const type = `sh.keptn.event.${task.name}.triggered`
  const event = newEvent(controller, {
    type,
    data,
    shkeptncontext: context,
    gitcommitid: gitCommitId,
  })
  const delayMs = parseGoDuration(task.triggeredAfter ?? '0') ?? 0
  const dueMs = controller.now() + delayMs
  // Recorded first, published after: an answer can never be there before the record (wire 6.4).
  const { store } = controller
  store.openEvents.insert(project, stage, service, { ...event, time: isoTime(dueMs) })
  const triggeredId = event.id
  execution.status = withTask(status, {
    name: task.name,
    triggeredId,
    triggeredAtMs: dueMs,
    answers: [],
  })
  store.states.onTaskEvent(event, { project, stage, result: '', status: '' })
  announce(controller, scopeOf(execution), {
    kind: 'task.triggered',
    task: task.name,
    triggeredId,
  })
  dispatchTask(controller, { project, stage, service, context, eventId: event.id, dueMs }, event)
}

/** Ends a sequence and says so (wire 6.5). The `.finished` names the stage of `scope`. */
export function endSequence(
  controller: ShipyardController,
  execution: Execution,
  status: ExecutionStatus,
  scope: EventData,
  state: 'finished' | 'timedOut',
): void {
  const { result, message } = scope
  const endedAtMs = controller.now()
  execution.status = {
    ...status,
    state,
    current: undefined,
    outcome: { result, status: scope.status, message, endedAtMs },
  }
  announce(controller, scopeOf(execution), {
    kind: 'sequence.finished',
    result,
    status: scope.status,
    message,
  })
  sendSequenceFinished(controller, scope, execution)
}

/** Publishes `<stage>.<sequence>.finished` with nothing but the common data. */
export function sendSequenceFinished(
  controller: ShipyardController,
  scope: EventData,
  of: {
    readonly context: string
    readonly triggeredId: string
    readonly sequence: { readonly name: string }
  },
): void {
  const data = compactEventData(scope)
  const event = newEvent(controller, {
    type: `sh.keptn.event.${scope.stage}.${of.sequence.name}.finished`,
    shkeptncontext: of.context,
    triggeredid: of.triggeredId,
    data,
  })
  controller.store.states.onSubSequenceFinished(event, scope)
  // A struct in Go, so its fields keep their order.
  const fields = Object.entries(data).map(([name, value]) => `"${name}":${goJson(value)}`)
  send(controller, event, `{${fields.join(',')}}`)
}

function triggerNextSequences(
  controller: ShipyardController,
  execution: Execution,
  scope: EventData,
): void {
  const { store, shipyards } = controller
  const shipyard = shipyards[scope.project]
  const next =
    shipyard === undefined
      ? []
      : sequencesTriggeredBy(shipyard, {
          stage: scope.stage,
          sequence: execution.sequence.name,
          lastTask: execution.status.done.at(-1)?.name ?? '',
          result: scope.result,
        })
  if (next.length === 0) store.states.setOverall(execution.project, execution.context, 'finished')
  const payload = nextPayload({ ...execution, done: execution.status.done }, undefined)
  for (const { stage, sequence } of next) {
    const event = newEvent(controller, {
      type: `sh.keptn.event.${stage}.${sequence.name}.triggered`,
      shkeptncontext: execution.context,
      data: { ...payload, stage },
    })
    // Stored with a commit id, published without one (wire 6.5).
    const gitcommitid = controller.commitOf(scope.project, stage)
    store.openEvents.insert(scope.project, stage, scope.service, { ...event, gitcommitid })
    send(controller, event)
  }
}

function isoTime(ms: number): string {
  return new Date(ms).toISOString()
}
