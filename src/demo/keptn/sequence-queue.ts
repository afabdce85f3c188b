import type { Execution } from './execution.ts'
import { decodeEventData } from './go-decode.ts'
import type { KeptnEvent } from './keptn-event.ts'
import { parseEventType, zeroTime } from './keptn-event.ts'
import { proceed } from './sequence-progress.ts'
import type { QueuedSequence, ShipyardController } from './shipyard-controller.ts'
import { announce, isPaused, scopeOf } from './shipyard-controller.ts'

/** Starts a sequence, or queues it where another one of its service and stage comes first (wire 6.7). */
export async function addSequence(
  controller: ShipyardController,
  execution: Execution,
  event: KeptnEvent,
): Promise<void> {
  const { project, stage, context } = execution
  if (await dispatch(controller, execution, event)) return
  const item = { project, stage, context, eventId: event.id }
  controller.store.sequenceQueue = [...controller.store.sequenceQueue, item]
  controller.store.states.setOverall(project, context, 'waiting')
  announce(controller, scopeOf(execution), { kind: 'sequence.waiting' })
}

/** Starts the queued sequences that nothing blocks any more. */
export async function dispatchQueuedSequences(controller: ShipyardController): Promise<void> {
  for (const item of controller.store.sequenceQueue) {
    const { project, eventId } = item
    const event = controller.store.openEvents.find(project, eventId)
    const execution = controller.store.executions.find(
      (candidate) => candidate.project === project && candidate.triggeredId === eventId,
    )
    if (event === undefined || execution === undefined) continue
    if (await dispatch(controller, execution, event)) {
      removeQueuedSequences(controller, (queued) => queued.eventId === eventId)
    }
  }
}

export function removeQueuedSequences(
  controller: ShipyardController,
  which: (item: QueuedSequence) => boolean,
): void {
  const { store } = controller
  store.sequenceQueue = store.sequenceQueue.filter((item) => !which(item))
}

async function dispatch(
  controller: ShipyardController,
  execution: Execution,
  event: KeptnEvent,
): Promise<boolean> {
  const { status, context, stage, project } = execution
  if (status.state === 'paused' || isPaused(controller, context, stage)) return false
  if (isBlocked(controller, execution, event)) return false
  const scope = decodeEventData(event.data)
  // The name in the type must be the sequence's; an execution that is no longer waiting was
  // started by someone else.
  const type = parseEventType(event.type ?? '')
  if (!scope.ok || type?.of !== 'sequence' || status.state !== 'triggered') return true
  execution.status = { ...status, state: 'started' }
  controller.store.states.setOverall(project, context, 'started')
  announce(controller, scopeOf(execution), { kind: 'sequence.started' })
  await proceed(controller, execution, execution.status, scope.value)
  return true
}

// The others' time is the server's, this one's is its event's: clock skew changes the order, and
// an event without a time comes after every waiting one (wire 6.7).
function isBlocked(controller: ShipyardController, own: Execution, event: KeptnEvent): boolean {
  const queue = controller.store.executions.filter(
    (other) =>
      other.project === own.project && other.stage === own.stage && other.service === own.service,
  )
  const started = queue.find((other) => other.status.state === 'started')
  if (started !== undefined && started.context !== own.context) return true
  const earlier = queue.filter(
    (other) =>
      other.status.state === 'triggered' &&
      (event.time === zeroTime || other.triggeredAtMs < Date.parse(event.time)),
  )
  return earlier.length > 1 || (earlier.length === 1 && earlier[0]?.context !== own.context)
}
