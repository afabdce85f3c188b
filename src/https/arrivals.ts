import { createHash } from 'node:crypto'
import { LRUCache } from 'lru-cache'
import type { KeptnEvent } from '../domain/event.ts'
import { isPosted, storedContext } from '../domain/posted-event.ts'
import { storedEvents } from './event-lists.ts'
import type { ApiResult, KeptnApi } from './keptn-api.ts'

type Failed = Extract<ApiResult, { ok: false }>

const REMEMBERED = 10_000

/**
 * Whether an event whose post ended unclear is in Keptn. The API leaves nothing in it that would tell it
 * from one that is alike (wire 5.2), and an integration may say a thing twice; so those are counted.
 */
export class Arrivals {
  readonly #api: KeptnApi
  readonly #sentAlike = new LRUCache<string, number>({ max: REMEMBERED })

  constructor(api: KeptnApi) {
    this.#api = api
  }

  /** An event has arrived. */
  note(event: KeptnEvent): void {
    const alike = likeness(event)
    this.#sentAlike.set(alike, (this.#sentAlike.get(alike) ?? 0) + 1)
  }

  /** Whether Keptn's datastore has one more event like this than have been noted. */
  async look(event: KeptnEvent, signal: AbortSignal): Promise<boolean | Failed> {
    const context = storedContext(event.context)
    const { project, type } = event
    const query = { type, ...(context === undefined ? { project } : { context }) }
    const listed = await storedEvents(this.#api, query, signal)
    if (!listed.ok) return listed
    const there = listed.events.filter((text) => isPosted(event, text)).length
    return there > (this.#sentAlike.get(likeness(event)) ?? 0)
  }
}

/** What events have in common that the datastore cannot tell apart. */
function likeness({ context, type, triggeredid, source, data }: KeptnEvent): string {
  const text = JSON.stringify([context, type, triggeredid, source, data])
  return createHash('sha1').update(text).digest('base64url')
}
