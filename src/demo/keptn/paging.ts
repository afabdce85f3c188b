/** A page of a list, and the key of the next one: an offset as text, `"0"` at the end. */
export interface Page<T> {
  readonly items: readonly T[]
  readonly nextPageKey: string
  readonly totalCount: number
}

export interface PageQuery {
  /** Default 20, as in all of Keptn. */
  readonly pageSize?: number | undefined
  readonly nextPageKey?: string | undefined
}

/** A page as it should be. */
export function pageOf<T>(all: readonly T[], query: PageQuery): Page<T> {
  const { start, end, nextPageKey } = bounds(all.length, query)
  return { items: all.slice(start, end), nextPageKey, totalCount: all.length }
}

/**
 * A page as shipyard-controller makes it of the open events (wire 5.1): with the right bounds, but
 * filled from the first item on, so that later pages repeat the newest events and the oldest are
 * out of reach.
 */
export function buggyPageOf<T>(all: readonly T[], query: PageQuery): Page<T> {
  const { start, end, nextPageKey } = bounds(all.length, query)
  return { items: all.slice(0, Math.max(0, end - start)), nextPageKey, totalCount: all.length }
}

function bounds(total: number, { pageSize = 20, nextPageKey = '0' }: PageQuery) {
  const asked = Number.parseInt(nextPageKey, 10)
  const start = Number.isNaN(asked) ? 0 : Math.max(0, asked)
  const end = Math.min(total, start + pageSize)
  const next = start + pageSize
  return { start, end, nextPageKey: next < total ? String(next) : '0' }
}
