import type { TaskResult, TaskStatus } from './aggregate.ts'
import type { JsonObject } from './keptn-event.ts'
import { merge, mergeObjects } from './merge.ts'
import type { ShipyardTask } from './shipyard.ts'

/** A task that is over, with what its executors sent, merged. */
export interface DoneTask {
  readonly name: string
  readonly triggeredId: string
  readonly result: TaskResult
  readonly status: TaskStatus
  readonly properties: JsonObject
  /** How many started it and finished it: the same number, or it would not be over. */
  readonly answered: number
}

/** Whose payload is made: a sequence with its input, and what its tasks have come to so far. */
export interface PayloadSource {
  readonly project: string
  readonly stage: string
  readonly service: string
  readonly input: JsonObject
  readonly done: readonly DoneTask[]
}

/**
 * The data of the next `.triggered` (wire 6.4): the sequence's input and scope, then everything
 * that earlier tasks finished with, then the last task's result and status, and the properties of
 * the task under its name. A message left over from an earlier task becomes empty.
 *
 * The scope comes before the answers, so a `.finished` that names another stage moves all later
 * tasks there (as the code of Keptn 1.4.5 has it).
 */
export function nextPayload(source: PayloadSource, task: ShipyardTask | undefined): JsonObject {
  const { project, stage, service } = source
  const merged = source.done.reduce((payload, done) => mergeObjects(payload, done.properties), {
    ...source.input,
    project,
    stage,
    service,
  } as JsonObject)
  const last = source.done.at(-1)
  const payload: Record<string, unknown> = {
    ...merged,
    ...(last !== undefined && { result: last.result, status: last.status }),
  }
  if (task?.properties !== undefined) {
    payload[task.name] = merge(payload[task.name] ?? null, task.properties)
  }
  if (payload['message'] !== undefined && payload['message'] !== null) payload['message'] = ''
  return payload
}
