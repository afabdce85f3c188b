import { encodeCloudEvent } from './go-encode.ts'
import type { QueuedEvent, ShipyardController } from './shipyard-controller.ts'
import { isPaused, send } from './shipyard-controller.ts'
import type { KeptnEvent } from './keptn-event.ts'

/** Sends a task's `.triggered` now, or queues it until it is due and nothing holds it back. */
export function dispatchTask(
  controller: ShipyardController,
  item: QueuedEvent,
  event: KeptnEvent,
): void {
  if (item.dueMs <= controller.now() && isFree(controller, item)) send(controller, event)
  else controller.store.eventQueue = [...controller.store.eventQueue, item]
}

/**
 * Sends what is due and free. These events went through the database, so they come without a
 * content type and with the time of now, under the id they always had (wire 1.1).
 */
export function dispatchQueuedEvents(controller: ShipyardController): void {
  for (const item of controller.store.eventQueue) {
    const event = controller.store.openEvents.find(item.project, item.eventId)
    if (event === undefined || item.dueMs > controller.now() || !isFree(controller, item)) continue
    removeQueuedEvents(controller, (queued) => queued.eventId === item.eventId)
    const time = new Date(controller.now()).toISOString()
    const payload = encodeCloudEvent({ ...event, time }, { datacontenttype: false })
    controller.publish(event.type ?? '', payload)
  }
}

export function removeQueuedEvents(
  controller: ShipyardController,
  which: (item: QueuedEvent) => boolean,
): void {
  const { store } = controller
  store.eventQueue = store.eventQueue.filter((item) => !which(item))
}

// Another sequence that is started for the same service in the same stage goes first, unless it has
// itself been waiting in the queue for longer.
function isFree(controller: ShipyardController, item: QueuedEvent): boolean {
  if (isPaused(controller, item.context, item.stage)) return false
  const { executions, eventQueue } = controller.store
  return executions.every((other) => {
    const taskId = other.status.current?.triggeredId
    const blocks =
      other.project === item.project &&
      other.stage === item.stage &&
      other.service === item.service &&
      other.status.state === 'started' &&
      taskId !== item.eventId
    return (
      !blocks || eventQueue.some((queued) => queued.eventId === taskId && queued.dueMs < item.dueMs)
    )
  })
}
