import { LRUCache } from 'lru-cache'
import type { KeptnEvent } from '../domain/event.ts'
import { parseEvent } from '../domain/event.ts'
import { outlineOf } from '../domain/event-outline.ts'
import type { Integration } from '../domain/interest.ts'
import type { PolledRoute } from '../domain/polled-turn.ts'
import { begunHere, progressType, routePolled } from '../domain/polled-turn.ts'
import type { Stamp } from '../domain/topology.ts'
import { storedEvents } from '../https/event-lists.ts'
import type { KeptnApi } from '../https/keptn-api.ts'
import type { TopologySource } from '../runtime/topology-source.ts'

/** What a poller asks of an event before it takes it. */
export interface Turns {
  judge(event: KeptnEvent): PolledRoute
  /** Reads what was published, wanted or not; the id of a task that this stamp may begin by it. */
  hear(text: string): string | undefined
  /**
   * Whether the hub has said that this stamp may begin a task. `mayAsk`: Keptn's datastore is asked where it has
   * not been heard. Rejects with what is wrong with the API.
   */
  hasBegun(event: KeptnEvent, mayAsk: boolean, signal: AbortSignal): Promise<boolean>
}

export interface HubTurnsOptions {
  readonly api: KeptnApi
  readonly topology: TopologySource
  /** The name of the one whose API it is. */
  readonly controlPlane: string
  /** The stamp, as it stands now. */
  readonly stamp: () => Stamp
  readonly integrations: () => readonly Integration[] | undefined
}

const REMEMBERED = 20_000

/** Knows the turn of the stamp from the topology, and from what the hub tells Keptn. */
export class HubTurns implements Turns {
  readonly #options: HubTurnsOptions
  readonly #begun = new LRUCache<string, true>({ max: REMEMBERED })

  constructor(options: HubTurnsOptions) {
    this.#options = options
  }

  judge(event: KeptnEvent): PolledRoute {
    const { topology, controlPlane: name, stamp, integrations } = this.#options
    const { current } = topology
    const controlPlane = current.controlPlanes.find((plane) => plane.name === name)
    if (controlPlane === undefined) return 'leave'
    return routePolled({
      topology: current,
      controlPlane,
      stamp: stamp(),
      integrations: integrations() ?? [],
      event,
    })
  }

  hear(text: string): string | undefined {
    if (!outlineOf(text).type.endsWith('.status.changed')) return undefined
    const parsed = parseEvent(text)
    if (!parsed.ok) return undefined
    const id = begunHere(parsed.event, this.#options.stamp().name)
    if (id !== undefined) this.#begun.set(id, true)
    return id
  }

  async hasBegun(event: KeptnEvent, mayAsk: boolean, signal: AbortSignal): Promise<boolean> {
    if (this.#begun.has(event.id) || !mayAsk) return this.#begun.has(event.id)
    const query = { context: event.context, type: progressType(event.type) }
    const listed = await storedEvents(this.#options.api, query, signal)
    // Without a datastore nobody can say it.
    if (!listed.ok && listed.status === 404) return false
    if (!listed.ok) throw listed.error
    for (const text of listed.events) this.hear(text)
    return this.#begun.has(event.id)
  }
}
