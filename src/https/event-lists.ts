import { parseEventList } from '../domain/event-list.ts'
import type { OpenQuery } from '../domain/poll-interest.ts'
import { SignetError } from '../errors.ts'
import type { ApiCall, ApiResult, KeptnApi } from './keptn-api.ts'

type Failed = Extract<ApiResult, { ok: false }>

/** Events as they stood in the answers, each in its own JSON; `complete`: there are no more of them. */
export type Listed =
  { readonly ok: true; readonly events: readonly string[]; readonly complete: boolean } | Failed

/** What is asked of Keptn's datastore (wire 5.3): equal values, and newer than a time. */
export interface StoredQuery {
  readonly project?: string
  readonly context?: string
  readonly type?: string
  readonly eventId?: string
  /** RFC 3339; exclusive. */
  readonly fromTime?: string
}

/**
 * Keptn fills every page of open events with the first ones (wire 5.1), so that only a page that holds all
 * of them shows all. More than this are open in no installation that still works.
 */
const OPEN_PAGE = 1_000
/** The most that the datastore takes. */
const STORED_PAGE = 100
/** Of a list that grows faster than it is read, so many pages are looked at. */
const MOST_PAGES = 50

/** The open events of a type, newest first. */
export function openEvents(api: KeptnApi, query: OpenQuery, signal: AbortSignal): Promise<Listed> {
  const { type, ...filter } = query
  return pages(
    api,
    {
      method: 'GET',
      path: `/controlPlane/v1/event/triggered/${encodeURIComponent(type)}`,
      query: { ...filter, pageSize: String(OPEN_PAGE) },
    },
    signal,
    // What comes after the first page is the first page again.
    1,
  )
}

/** What the datastore has, newest first. What is stored meanwhile moves the pages, and hides nothing. */
export function storedEvents(
  api: KeptnApi,
  query: StoredQuery,
  signal: AbortSignal,
  mostPages = MOST_PAGES,
): Promise<Listed> {
  const { project, context, type, eventId, fromTime } = query
  return pages(
    api,
    {
      method: 'GET',
      path: '/mongodb-datastore/event',
      query: {
        project,
        keptnContext: context,
        type,
        eventID: eventId,
        fromTime,
        pageSize: String(STORED_PAGE),
      },
    },
    signal,
    mostPages,
  )
}

async function pages(
  api: KeptnApi,
  call: ApiCall,
  signal: AbortSignal,
  most: number,
): Promise<Listed> {
  const events: string[] = []
  let next: string | undefined
  for (let page = 0; page < most; page += 1) {
    const query = { ...call.query, ...(next === undefined ? {} : { nextPageKey: next }) }
    const result = await api.call({ ...call, query }, signal)
    if (!result.ok) return result
    const list = parseEventList(result.body.toString('utf8'))
    if (list === undefined) return notEvents(call.path)
    events.push(...list.events)
    next = list.next
    if (next === undefined) return { ok: true, events, complete: true }
  }
  return { ok: true, events, complete: false }
}

function notEvents(path: string): Failed {
  const error = new SignetError(
    'SIGNET_API_BAD_ANSWER',
    `The Keptn API answers ${path} with no list of events; is KEPTN_API_ENDPOINT the address of Keptn's API?`,
  )
  return { ok: false, status: 200, error, mayHaveArrived: false }
}
