import { isJsonObject } from './keptn-event.ts'
import type { EventData, KeptnEvent } from './keptn-event.ts'

interface LatestEvent {
  readonly type: string
  readonly id: string
  readonly time: string
}

interface StageState {
  readonly name: string
  readonly state: string
  readonly image?: string
  readonly latestEvent?: LatestEvent
  readonly latestFailedEvent?: LatestEvent
}

/** What the Bridge shows of a context (wire 5.3). */
export interface SequenceState {
  readonly name: string
  readonly service: string
  readonly project: string
  readonly time: string
  readonly shkeptncontext: string
  readonly state: string
  readonly stages: readonly StageState[]
}

type StageScope = Pick<EventData, 'project' | 'stage' | 'result' | 'status'>

/** The view of all contexts that shipyard-controller keeps beside its executions. */
export class SequenceStates {
  readonly #states = new Map<string, SequenceState>()

  onSequenceTriggered(event: KeptnEvent, scope: EventData, name: string): void {
    const { project, stage, service } = scope
    if (this.find(project, event.shkeptncontext) !== undefined) {
      this.#setStage(event, scope, 'triggered')
      return
    }
    this.#states.set(keyOf(project, event.shkeptncontext), {
      name,
      service,
      project,
      time: event.time,
      shkeptncontext: event.shkeptncontext,
      state: 'triggered',
      stages: [{ name: stage, state: 'triggered' }],
    })
  }

  onTaskEvent(event: KeptnEvent, scope: StageScope): void {
    this.#setStage(event, scope, 'triggered')
  }

  onSubSequenceFinished(event: KeptnEvent, scope: StageScope): void {
    this.#setStage(event, scope, scope.status)
  }

  /** Sets the overall state; `finished` waits for every stage, and nothing finished waits again. */
  setOverall(project: string, context: string, state: string): void {
    const current = this.find(project, context)
    if (current === undefined) return
    const isOpen = current.stages.some((stage) => stage.state === 'triggered')
    if (state === 'finished' && isOpen) return
    if (state === 'waiting' && current.state === 'finished') return
    this.#states.set(keyOf(project, context), { ...current, state })
  }

  /** Marks a context, or one of its stages, as paused or as going on. */
  setPaused(scope: { project: string; context: string; stage: string }, isPaused: boolean): void {
    const state = isPaused ? 'paused' : 'started'
    if (scope.stage === '') return this.setOverall(scope.project, scope.context, state)
    const current = this.find(scope.project, scope.context)
    if (current === undefined) return
    const stages = current.stages.map((stage) =>
      stage.name === scope.stage ? { ...stage, state } : stage,
    )
    this.#states.set(keyOf(scope.project, scope.context), { ...current, stages })
  }

  find(project: string, context: string): SequenceState | undefined {
    return this.#states.get(keyOf(project, context))
  }

  /** All contexts of a project, newest first. */
  ofProject(project: string): readonly SequenceState[] {
    return [...this.#states.values()]
      .filter((state) => state.project === project)
      .sort((a, b) => Date.parse(b.time) - Date.parse(a.time))
  }

  #setStage(event: KeptnEvent, scope: StageScope, state: string): void {
    const current = this.find(scope.project, event.shkeptncontext)
    if (current === undefined) return
    const latestEvent = { type: event.type ?? '', id: event.id, time: event.time }
    const failed = scope.result === 'fail' || scope.status === 'errored'
    const image = imageOf(event)
    const before = current.stages.find((stage) => stage.name === scope.stage)
    const after: StageState = {
      ...(before ?? { name: scope.stage }),
      state,
      latestEvent,
      ...(failed && { latestFailedEvent: latestEvent }),
      ...(image !== undefined && { image }),
    }
    const stages =
      before === undefined
        ? [...current.stages, after]
        : current.stages.map((stage) => (stage === before ? after : stage))
    this.#states.set(keyOf(scope.project, event.shkeptncontext), { ...current, stages })
  }
}

function keyOf(project: string, context: string): string {
  return `${project}/${context}`
}

function imageOf(event: KeptnEvent): string | undefined {
  if (event.type !== 'sh.keptn.event.deployment.triggered' || !isJsonObject(event.data)) {
    return undefined
  }
  const change = event.data['configurationChange']
  const values = isJsonObject(change) ? change['values'] : undefined
  const image = isJsonObject(values) ? values['image'] : undefined
  return typeof image === 'string' ? image : undefined
}
