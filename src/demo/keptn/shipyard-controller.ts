import type { Change, ChangeFeed, ChangeScope, Dropped } from './changes.ts'
import { encodeCloudEvent } from './go-encode.ts'
import type { Execution } from './execution.ts'
import type { KeptnEvent } from './keptn-event.ts'
import type { OpenEvents } from './open-events.ts'
import type { SequenceStates } from './sequence-states.ts'
import type { Shipyard } from './shipyard.ts'

/** A task's `.triggered` that is recorded and not sent yet (wire 6.4, 6.7). */
export interface QueuedEvent {
  readonly project: string
  readonly stage: string
  readonly service: string
  readonly context: string
  readonly eventId: string
  readonly dueMs: number
}

/** A sequence that waits for another one to end (wire 6.7). */
export interface QueuedSequence {
  readonly project: string
  readonly stage: string
  readonly context: string
  readonly eventId: string
}

/** What shipyard-controller keeps in MongoDB: it survives a restart. */
export interface ShipyardStore {
  readonly openEvents: OpenEvents
  readonly executions: Execution[]
  readonly states: SequenceStates
  eventQueue: readonly QueuedEvent[]
  sequenceQueue: readonly QueuedSequence[]
  /** Paused contexts: `<context>` for all of its stages, `<context>/<stage>` for one. */
  readonly pausedContexts: Set<string>
  readonly dropped: Dropped[]
}

/** One life of shipyard-controller: its store, and what it needs from outside. */
export interface ShipyardController {
  readonly store: ShipyardStore
  readonly shipyards: Readonly<Record<string, Shipyard>>
  readonly changes: ChangeFeed
  readonly specVersion: string
  /** The head of the stage's branch in the project's repository. */
  readonly commitOf: (project: string, stage: string) => string
  readonly now: () => number
  readonly newId: () => string
  /** One round trip to the database. Rejects when this life has ended. */
  readonly roundTrip: () => Promise<void>
  /** A core publish, whose loss nobody notices, as in Keptn (wire 1.6). */
  readonly publish: (subject: string, payload: string) => void
  /** Whether any event carrying this triggeredid has reached the datastore (wire 6.6). */
  readonly wasAnswered: (context: string, triggeredId: string) => boolean
}

/** An event as shipyard-controller makes it, with a new id and the time of now (wire 1.4). */
export function newEvent(
  controller: ShipyardController,
  fields: Pick<KeptnEvent, 'type' | 'shkeptncontext' | 'data'> & Partial<KeptnEvent>,
): KeptnEvent {
  return {
    contenttype: '',
    id: controller.newId(),
    shkeptnspecversion: controller.specVersion,
    source: 'shipyard-controller',
    specversion: '1.0',
    time: new Date(controller.now()).toISOString(),
    triggeredid: '',
    gitcommitid: '',
    ...fields,
  }
}

/** Publishes an event that shipyard-controller has just made. */
export function send(controller: ShipyardController, event: KeptnEvent, dataText?: string): void {
  controller.publish(
    event.type ?? '',
    encodeCloudEvent(event, {
      datacontenttype: true,
      ...(dataText !== undefined && { dataText }),
    }),
  )
}

export function scopeOf(execution: Execution): ChangeScope {
  const { context, project, stage, service, sequence } = execution
  return { context, project, stage, service, sequence: sequence.name }
}

type Distribute<T> = T extends Change ? Omit<T, keyof ChangeScope | 'atMs'> : never

/** Tells listeners what happened in `scope`. */
export function announce(
  controller: ShipyardController,
  scope: ChangeScope,
  what: Distribute<Change>,
): void {
  controller.changes.emit({ ...scope, atMs: controller.now(), ...what })
}

/** Whether a context is paused, in all of its stages or in this one. */
export function isPaused(controller: ShipyardController, context: string, stage: string): boolean {
  const { pausedContexts } = controller.store
  return pausedContexts.has(context) || pausedContexts.has(`${context}/${stage}`)
}
