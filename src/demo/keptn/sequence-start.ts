import { hasEnded, paused } from './execution.ts'
import type { Execution } from './execution.ts'
import type { EventData, KeptnEvent } from './keptn-event.ts'
import { isJsonObject } from './keptn-event.ts'
import { sendSequenceFinished } from './sequence-progress.ts'
import { addSequence } from './sequence-queue.ts'
import type { ShipyardController } from './shipyard-controller.ts'
import { announce, isPaused, scopeOf } from './shipyard-controller.ts'
import { findSequence } from './shipyard.ts'

/**
 * Starts the sequence that an event asks for (wire 6.5). The stage that counts is the one in its
 * data, the sequence is the one in its type. What cannot start is finished at once as errored.
 *
 * @returns why the event was dropped, or undefined
 */
export async function startSequence(
  controller: ShipyardController,
  event: KeptnEvent,
  scope: EventData,
  sequenceName: string,
): Promise<string | undefined> {
  await controller.roundTrip()
  const { project, stage, service } = scope
  const { store } = controller
  const shipyard = controller.shipyards[project]
  const sequence =
    shipyard === undefined
      ? { refusal: `could not find project ${project}` }
      : findSequence(shipyard, stage, sequenceName)
  if ('refusal' in sequence) {
    const message =
      shipyard === undefined
        ? `Unable to retrieve Shipyard file: ${sequence.refusal}`
        : `Unable to start sequence ${sequenceName}: ${sequence.refusal}`
    refuse(controller, event, scope, sequenceName, message)
    return message
  }
  const gitCommitId = event.gitcommitid || controller.commitOf(project, stage)
  store.openEvents.insert(project, stage, service, { ...event, gitcommitid: gitCommitId })
  if (store.executions.some((other) => isSame(other, project, event.id))) {
    return 'a sequence with this triggeredid exists already'
  }
  const execution: Execution = {
    sequence,
    project,
    stage,
    service,
    context: event.shkeptncontext,
    triggeredId: event.id,
    gitCommitId,
    input: isJsonObject(event.data) ? event.data : {},
    triggeredAtMs: controller.now(),
    status: {
      state: 'triggered',
      stateBeforePause: undefined,
      done: [],
      current: undefined,
      outcome: undefined,
    },
  }
  if (isPaused(controller, execution.context, stage)) execution.status = paused(execution.status)
  store.executions.push(execution)
  store.states.onSequenceTriggered(event, scope, sequenceName)
  announce(controller, scopeOf(execution), { kind: 'sequence.triggered' })
  await controller.roundTrip()
  // An abort may have come in between.
  if (!hasEnded(execution)) await addSequence(controller, execution, event)
  return undefined
}

function isSame(other: Execution, project: string, triggeredId: string): boolean {
  return other.project === project && other.triggeredId === triggeredId
}

function refuse(
  controller: ShipyardController,
  event: KeptnEvent,
  scope: EventData,
  name: string,
  message: string,
): void {
  const context = event.shkeptncontext
  const refused = { ...scope, status: 'errored', result: 'fail', message }
  controller.store.states.onSequenceTriggered(event, scope, name)
  controller.store.states.setOverall(scope.project, context, 'finished')
  const { project, stage, service } = scope
  announce(
    controller,
    { context, project, stage, service, sequence: name },
    { kind: 'sequence.finished', result: 'fail', status: 'errored', message },
  )
  sendSequenceFinished(controller, refused, {
    context,
    triggeredId: event.id,
    sequence: { name },
  })
}
