/**
 * How far a stamp has read what Keptn's datastore has of a project. The datastore is asked for what is
 * newer than a time; times are those in the events, and an event may be stored after a newer one. So each
 * look begins a little before where the last one ended, and ids say what is new. All in milliseconds
 * since the epoch, by the server's clock.
 */

/** What was under way to the datastore when the last look ended is stored by then. */
export const OVERLAP_MS = 30_000
/** How far back the first look of an agent goes: what an agent that restarts may have missed. */
export const LOOK_BACK_MS = 600_000

/** Where the first look begins. */
export function firstCursor(serverNow: number, lookBackMs = LOOK_BACK_MS): number {
  return serverNow - lookBackMs
}

/**
 * Where the next look begins. An event whose clock is ahead must not hide those that come after it, so no
 * cursor gets ahead of the server's clock; and none goes back, or a quiet project would be read again.
 */
export function nextCursor(
  cursor: number,
  eventTimes: Iterable<string>,
  serverNow: number,
): number {
  let newest = cursor
  for (const time of eventTimes) {
    const at = Date.parse(time)
    if (at > newest) newest = at
  }
  return Math.max(cursor, Math.min(newest, serverNow) - OVERLAP_MS)
}

/** An event that was published so long ago may be over by now; whether it is, only the open events tell. */
const FRESH_MS = 60_000

/**
 * Whether a `.triggered` may be taken because it was published, without asking whether it is still open: it
 * is new, or shipyard-controller did not make it and so keeps no record of it (wire 1.6, 3.4).
 */
export function isSurelyOpen(
  event: { readonly type: string; readonly source: string; readonly time: string },
  serverNow: number,
): boolean {
  if (!event.type.endsWith('.triggered') || event.source !== 'shipyard-controller') return true
  return serverNow - Date.parse(event.time) <= FRESH_MS
}
