import type { TaskAnswer } from './completion.ts'
import type { JsonObject } from './keptn-event.ts'
import type { ShipyardSequence } from './shipyard.ts'
import type { DoneTask } from './task-payload.ts'

export type ExecutionState =
  'triggered' | 'started' | 'waitingForApproval' | 'paused' | 'finished' | 'timedOut'

/** The task that a sequence waits for, with the answers it has had so far. */
export interface CurrentTask {
  readonly name: string
  /** The id of its `.triggered`: what answers are matched with. */
  readonly triggeredId: string
  readonly triggeredAtMs: number
  readonly answers: readonly TaskAnswer[]
}

/** How a sequence ended, as its `.finished` says. */
export interface SequenceOutcome {
  readonly result: string
  readonly status: string
  readonly message: string
  readonly endedAtMs: number
}

/** What of an execution changes. It is replaced as a whole, as a document in MongoDB is. */
export interface ExecutionStatus {
  readonly state: ExecutionState
  readonly stateBeforePause: ExecutionState | undefined
  readonly done: readonly DoneTask[]
  readonly current: CurrentTask | undefined
  readonly outcome: SequenceOutcome | undefined
}

/** One run of a sequence in a stage (wire 6.2). */
export interface Execution {
  readonly sequence: ShipyardSequence
  readonly project: string
  readonly stage: string
  readonly service: string
  readonly context: string
  /** The id of the sequence's own `.triggered`. */
  readonly triggeredId: string
  readonly gitCommitId: string
  readonly input: JsonObject
  readonly triggeredAtMs: number
  status: ExecutionStatus
}

/** Whether an execution has come to an end, good or bad. */
export function hasEnded(execution: Execution): boolean {
  const { state } = execution.status
  return state === 'finished' || state === 'timedOut'
}

/** The status after a pause; unchanged where the execution is paused or over already. */
export function paused(status: ExecutionStatus): ExecutionStatus {
  const { state } = status
  if (state === 'paused' || state === 'finished' || state === 'timedOut') return status
  return { ...status, state: 'paused', stateBeforePause: state }
}

/** The status after a resume; unchanged where the execution is not paused. */
export function resumed(status: ExecutionStatus): ExecutionStatus {
  if (status.state !== 'paused') return status
  return { ...status, state: status.stateBeforePause ?? 'started', stateBeforePause: undefined }
}

/** The status with a new current task. An approval waits, and does not block others (wire 6.7). */
export function withTask(status: ExecutionStatus, current: CurrentTask): ExecutionStatus {
  const state: ExecutionState = current.name === 'approval' ? 'waitingForApproval' : 'started'
  return status.state === 'paused'
    ? { ...status, current, stateBeforePause: state }
    : { ...status, current, state }
}
