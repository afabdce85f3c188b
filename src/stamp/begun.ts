import type { KeptnEvent } from '../domain/event.ts'
import { SENDING_BUCKET } from '../domain/store-names.ts'
import { Bucket } from '../links/bucket.ts'
import type { Delivery } from '../links/delivery.ts'
import { derivedId } from '../links/message-id.ts'
import type { Store } from '../links/store.ts'
import type { Link } from './link-choice.ts'

/**
 * Which events have begun to be sent, and by which link. It is written before the first byte goes out, and again
 * when the end is known, so that an agent that takes over knows of each event whether it may have arrived, and by
 * which way. The end is kept, too: an event may be handed out again although it was acknowledged.
 */
export interface Begun {
  /** Undefined where it has not begun; `done` where that has ended. */
  by(key: string): Promise<Link | 'done' | undefined>
  note(key: string, state: Link | 'done'): Promise<void>
}

/** One event in one place of the stream; a stream that is made anew counts from 1 again. */
export function begunKey(delivery: Delivery, event: KeptnEvent): string {
  return derivedId('begun', String(delivery.sequence), String(delivery.storedAt), event.id)
}

/** Kept by the stamp's own NATS for as long as the event itself. */
export async function openBegun(store: Store, retentionMs: number): Promise<Begun> {
  const plan = { name: SENDING_BUCKET, ttlMs: retentionMs, replicas: 1 } as const
  const bucket = await Bucket.open<Link | 'done'>(store, plan)
  return {
    by: async (key) => (await bucket.get(key))?.value,
    note: (key, state) => bucket.put(key, state),
  }
}

/** Of a server without JetStream, which hands nothing out again. */
export const nothingBegun: Begun = {
  by: () => Promise.resolve(undefined),
  note: () => Promise.resolve(),
}
