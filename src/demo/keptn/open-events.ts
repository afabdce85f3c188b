import type { KeptnEvent } from './keptn-event.ts'

/** Which open events are asked for. An empty or missing field asks for all. */
export interface OpenEventFilter {
  readonly type?: string | undefined
  readonly stage?: string | undefined
  readonly service?: string | undefined
  readonly eventId?: string | undefined
}

interface OpenEvent {
  readonly event: KeptnEvent
  readonly stage: string
  readonly service: string
}

/**
 * The open `.triggered` events of every project (wire 5.1): what pollers see. A task's event is in
 * here from the moment it is recorded, sent or not, until the task is over.
 */
export class OpenEvents {
  readonly #projects = new Map<string, OpenEvent[]>()

  /** Records an event; one of an id that is there already is ignored. */
  insert(project: string, stage: string, service: string, event: KeptnEvent): void {
    const events = this.#projects.get(project) ?? []
    this.#projects.set(project, events)
    if (events.every((open) => open.event.id !== event.id)) events.push({ event, stage, service })
  }

  remove(project: string, id: string): void {
    const kept = (this.#projects.get(project) ?? []).filter((open) => open.event.id !== id)
    this.#projects.set(project, kept)
  }

  find(project: string, id: string): KeptnEvent | undefined {
    return this.#projects.get(project)?.find((open) => open.event.id === id)?.event
  }

  /** The events of a project that match, newest first; those dated after `nowMs` are hidden. */
  query(project: string, filter: OpenEventFilter, nowMs: number): readonly KeptnEvent[] {
    return (this.#projects.get(project) ?? [])
      .filter(
        ({ event, stage, service }) =>
          Date.parse(event.time) <= nowMs &&
          fits(filter.type, event.type) &&
          fits(filter.stage, stage) &&
          fits(filter.service, service) &&
          fits(filter.eventId, event.id),
      )
      .map((open) => open.event)
      .sort((a, b) => Date.parse(b.time) - Date.parse(a.time))
  }
}

function fits(wanted: string | undefined, value: string | undefined): boolean {
  return wanted === undefined || wanted === '' || wanted === value
}
