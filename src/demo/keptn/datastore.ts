import { decodeEvent, decodeEventData } from './go-decode.ts'
import type { KeptnEvent } from './keptn-event.ts'
import type { Page, PageQuery } from './paging.ts'
import { pageOf } from './paging.ts'

/** One row of the datastore. A message that came twice is two rows. */
export interface StoredEvent {
  readonly event: KeptnEvent
  /** The message as it came, byte for byte as text. */
  readonly payload: string
  readonly project: string
  readonly stage: string
  readonly service: string
  readonly receivedAtMs: number
  /** Whether it was the first of its context in its project. */
  readonly isRoot: boolean
}

/** Which rows: every field that is set must be equal; times are compared as times. */
export interface RowFilter {
  readonly context?: string | undefined
  readonly type?: string | undefined
  readonly project?: string | undefined
  readonly stage?: string | undefined
  readonly service?: string | undefined
  readonly eventId?: string | undefined
  readonly source?: string | undefined
  readonly triggeredId?: string | undefined
  readonly fromTime?: string | undefined
  readonly beforeTime?: string | undefined
  readonly root?: boolean | undefined
}

/** An event id that was stored more than once. */
export interface Duplicate {
  readonly id: string
  readonly type: string
  readonly copies: number
}

/**
 * mongodb-datastore: keeps every event it hears, copies included, because nothing in it is unique
 * (wire 5.3). It counts what a test wants to know about duplicates.
 */
export class Datastore {
  readonly #rows: StoredEvent[] = []
  readonly #roots = new Set<string>()
  readonly #answered = new Set<string>()

  /**
   * Stores a message. Undecodable ones are left out.
   *
   * @returns why the process dies of it, or undefined: a type is needed (wire 1.1)
   */
  store(payload: string, receivedAtMs: number): string | undefined {
    const decoded = decodeEvent(payload)
    if (!decoded.ok) return undefined
    const event = decoded.value
    if (event.type === undefined) return 'nil pointer dereference: the event has no type'
    const data = decodeEventData(event.data)
    if (!data.ok) return undefined
    const { project, stage, service } = data.value
    const root = `${project}/${event.shkeptncontext}`
    const isRoot = project !== '' && !this.#roots.has(root)
    if (isRoot) this.#roots.add(root)
    if (event.triggeredid !== '') {
      this.#answered.add(`${event.shkeptncontext}/${event.triggeredid}`)
    }
    this.#rows.push({ event, payload, project, stage, service, receivedAtMs, isRoot })
    return undefined
  }

  /** The rows that match, in the order in which they came. */
  stored(filter: RowFilter = {}): readonly StoredEvent[] {
    return this.#rows.filter((row) => fits(row, filter))
  }

  duplicates(filter: RowFilter = {}): readonly Duplicate[] {
    const counts = new Map<string, Duplicate>()
    for (const { event } of this.stored(filter)) {
      const copies = (counts.get(event.id)?.copies ?? 0) + 1
      counts.set(event.id, { id: event.id, type: event.type ?? '', copies })
    }
    return [...counts.values()].filter(({ copies }) => copies > 1)
  }

  /** A page of the rows that match, newest first by the events' own time. */
  page(filter: RowFilter, query: PageQuery): Page<StoredEvent> {
    return pageOf(newestFirst(this.stored(filter)), query)
  }

  /** The events of a type that match, newest first, without those that were invalidated if asked so. */
  ofType(
    type: string,
    filter: RowFilter,
    options: { readonly excludeInvalidated: boolean; readonly limit: number | undefined },
  ): readonly StoredEvent[] {
    const rows = newestFirst(this.stored({ ...filter, type }))
    const kept = options.excludeInvalidated ? rows.filter((row) => !this.#isInvalid(row)) : rows
    return kept.slice(0, options.limit ?? kept.length)
  }

  /** Whether anything that answers this `.triggered` was stored (wire 6.6). */
  wasAnswered(context: string, triggeredId: string): boolean {
    return this.#answered.has(`${context}/${triggeredId}`)
  }

  #isInvalid({ event }: StoredEvent): boolean {
    return this.#rows.some(
      (row) =>
        row.event.type?.endsWith('.invalidated') === true &&
        row.event.triggeredid === event.triggeredid,
    )
  }
}

function newestFirst(rows: readonly StoredEvent[]): readonly StoredEvent[] {
  return rows.toSorted((a, b) => Date.parse(b.event.time) - Date.parse(a.event.time))
}

function fits(row: StoredEvent, filter: RowFilter): boolean {
  const { event } = row
  const pairs: readonly (readonly [string | undefined, string | undefined])[] = [
    [filter.context, event.shkeptncontext],
    [filter.type, event.type],
    [filter.project, row.project],
    [filter.stage, row.stage],
    [filter.service, row.service],
    [filter.eventId, event.id],
    [filter.source, event.source],
    [filter.triggeredId, event.triggeredid],
  ]
  const at = Date.parse(event.time)
  return (
    pairs.every(([wanted, value]) => wanted === undefined || wanted === '' || wanted === value) &&
    (filter.fromTime === undefined || at >= Date.parse(filter.fromTime)) &&
    (filter.beforeTime === undefined || at < Date.parse(filter.beforeTime)) &&
    (filter.root !== true || row.isRoot)
  )
}
