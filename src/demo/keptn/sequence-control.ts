import { removeQueuedEvents } from './event-queue.ts'
import { paused, resumed } from './execution.ts'
import type { EventData } from './keptn-event.ts'
import { endSequence } from './sequence-progress.ts'
import { removeQueuedSequences } from './sequence-queue.ts'
import type { ShipyardController } from './shipyard-controller.ts'

/** Whose sequences to control; an empty stage means all of them. */
export interface ControlScope {
  readonly project: string
  readonly context: string
  readonly stage: string
}

/**
 * Pauses, resumes or aborts a context (wire 6.7). Any other state is accepted and ignored. A pause
 * holds back what would be sent next; what was sent goes on. An abort ends every execution of the
 * context, those included that are over: each is finished once more (the code of Keptn 1.4.5).
 */
export function controlSequence(
  controller: ShipyardController,
  scope: ControlScope,
  state: string,
): void {
  switch (state) {
    case 'pause':
      return pause(controller, scope)
    case 'resume':
      return resume(controller, scope)
    case 'abort':
      return abort(controller, scope)
    default:
  }
}

function pause(controller: ShipyardController, scope: ControlScope): void {
  controller.store.pausedContexts.add(keyOf(scope))
  controller.store.states.setPaused(scope, true)
  for (const execution of inScope(controller, scope)) execution.status = paused(execution.status)
}

function resume(controller: ShipyardController, scope: ControlScope): void {
  controller.store.pausedContexts.delete(keyOf(scope))
  controller.store.states.setPaused(scope, false)
  for (const execution of inScope(controller, scope)) execution.status = resumed(execution.status)
}

function abort(controller: ShipyardController, scope: ControlScope): void {
  const { store } = controller
  store.states.setOverall(scope.project, scope.context, 'aborted')
  removeQueuedEvents(controller, (item) => item.context === scope.context)
  removeQueuedSequences(
    controller,
    (item) => item.context === scope.context && (scope.stage === '' || item.stage === scope.stage),
  )
  for (const execution of inScope(controller, scope)) {
    const { project, stage, service, status } = execution
    if (status.current !== undefined) store.openEvents.remove(project, status.current.triggeredId)
    const data: EventData = {
      project,
      stage,
      service,
      labels: undefined,
      status: 'aborted',
      result: 'pass',
      message: '',
    }
    endSequence(controller, execution, status, data, 'finished')
  }
}

function inScope(controller: ShipyardController, { project, context, stage }: ControlScope) {
  return controller.store.executions.filter(
    (execution) =>
      execution.project === project &&
      execution.context === context &&
      (stage === '' || execution.stage === stage),
  )
}

function keyOf({ context, stage }: ControlScope): string {
  return stage === '' ? context : `${context}/${stage}`
}
