import type { Execution, ExecutionState, SequenceOutcome } from './execution.ts'

/** A task of a sequence: over where it has a result, else the one that is waited for. */
interface TaskView {
  readonly name: string
  readonly triggeredId: string
  readonly started: number
  readonly finished: number
  readonly result: string | undefined
  readonly status: string | undefined
}

/** One run of a sequence in a stage, as it stands. */
export interface SequenceView {
  readonly project: string
  readonly stage: string
  readonly service: string
  readonly sequence: string
  readonly context: string
  readonly triggeredId: string
  readonly triggeredAtMs: number
  readonly state: ExecutionState
  readonly tasks: readonly TaskView[]
  /** Present when it has ended. */
  readonly outcome: SequenceOutcome | undefined
}

export function viewOf(execution: Execution): SequenceView {
  const { status, sequence, input: _input, gitCommitId: _commit, ...scope } = execution
  const { current } = status
  const started = current?.answers.filter(({ kind }) => kind === 'started').length ?? 0
  const open =
    current === undefined
      ? []
      : [
          {
            name: current.name,
            triggeredId: current.triggeredId,
            started,
            finished: current.answers.length - started,
            result: undefined,
            status: undefined,
          },
        ]
  const done = status.done.map(({ name, triggeredId, result, status: ended, answered }) => ({
    name,
    triggeredId,
    started: answered,
    finished: answered,
    result,
    status: ended,
  }))
  return {
    ...scope,
    sequence: sequence.name,
    state: status.state,
    tasks: [...done, ...open],
    outcome: status.outcome,
  }
}
