import { removeQueuedEvents } from './event-queue.ts'
import { decodeEventData } from './go-decode.ts'
import { parseEventType } from './keptn-event.ts'
import { endSequence } from './sequence-progress.ts'
import type { ShipyardController } from './shipyard-controller.ts'

/**
 * Ends the sequences whose task nobody has answered for `waitMs` (wire 6.6). Any event with the
 * task's triggeredid that reached the datastore counts as an answer, a `.status.changed` too; and a
 * task that started has no time limit at all.
 */
export function endUnansweredTasks(controller: ShipyardController, waitMs: number): void {
  const { store } = controller
  for (const project of Object.keys(controller.shipyards)) {
    for (const event of store.openEvents.query(project, {}, controller.now() - waitMs)) {
      const scope = decodeEventData(event.data)
      const isTask = parseEventType(event.type ?? '')?.of === 'task'
      const isQueued = store.eventQueue.some((item) => item.eventId === event.id)
      if (!isTask || isQueued || !scope.ok) continue
      if (controller.wasAnswered(event.shkeptncontext, event.id)) continue
      store.openEvents.remove(project, event.id)
      const execution = store.executions.find(
        (candidate) => candidate.status.current?.triggeredId === event.id,
      )
      if (execution === undefined) continue
      store.states.setOverall(project, event.shkeptncontext, 'timedOut')
      removeQueuedEvents(controller, (item) => item.context === event.shkeptncontext)
      const message = `sequence timed out while waiting for task ${event.type} to receive a correlating .started or .finished event`
      const data = { ...scope.value, status: 'errored', result: 'fail', message }
      endSequence(controller, execution, execution.status, data, 'timedOut')
    }
  }
}
