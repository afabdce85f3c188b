import type { ConsumerStart } from '../links/consumer-config.ts'
import type { Store } from '../links/store.ts'

/** How far a consumer was when it was last looked at, and in which stream. */
export interface Seen {
  /** When the stream was made, in milliseconds since the epoch: another stream of the same name is another one. */
  readonly streamCreatedAt: number
  /** Everything up to this sequence is acknowledged. */
  readonly ackFloor: number
  /** The last message that was handed out for the first time. */
  readonly deliveredUpTo: number
  /** Handed out and not acknowledged. */
  readonly unacknowledged: number
}

/** Stays inside the duplicate window, clocks that differ and a slow reader included. */
const INSIDE_THE_WINDOW = 0.9

/**
 * Where a consumer begins that is made anew because somebody has deleted it. Nothing is left out that was
 * not done, and what is read again was first passed on within the duplicate window of where it goes to, so
 * that it is a duplicate there (decision 59). Rejects as `Store.stream`.
 */
export async function resumeAt(
  store: Store,
  stream: string,
  seen: Seen,
  windowMs: number,
): Promise<ConsumerStart> {
  const state = await store.stream(stream)
  // A new stream of the same name: all that it holds came after whoever deleted the old one.
  if (state === undefined || seen.streamCreatedAt !== state.createdAt) return { from: 'all' }
  const next = seen.deliveredUpTo + 1
  // A server that was restored from a copy is behind what was seen, and gives those sequences out again.
  if (next > state.lastSequence + 1) return windowBack(store, stream, windowMs)
  if (seen.unacknowledged === 0) return { from: 'sequence', at: next }
  // Between the floor and the last that was handed out all but a few are done, perhaps long ago.
  const first = await windowBack(store, stream, windowMs)
  return { from: 'sequence', at: Math.min(next, Math.max(seen.ackFloor + 1, first.at)) }
}

/** Where a consumer begins of which nobody knows how far it was: at what came within a duplicate window. */
export async function windowBack(store: Store, stream: string, windowMs: number) {
  const at = await store.firstSince(stream, Date.now() - windowMs * INSIDE_THE_WINDOW)
  return { from: 'sequence', at } as const
}
