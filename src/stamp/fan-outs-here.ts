import { LRUCache } from 'lru-cache'
import { SENDING_BUCKET } from '../domain/store-names.ts'
import { Bucket } from '../links/bucket.ts'
import { derivedId, messageId } from '../links/message-id.ts'
import type { Store } from '../links/store.ts'

/**
 * Which tasks came into this stamp as fan-outs: an answer to one of them is the hub's to count, and Keptn must
 * not see it as one (DESIGN 7.9). It is noted before the task is handed over: a server may store an answer before
 * the task that it says again (decision 65). An agent that takes over in between finds it in the bucket.
 */
export interface FanOutsHere {
  /** `cause`: the header `Signet-Cause`. */
  note(cause: string): Promise<void>
  /** By the id of the `.triggered`. */
  has(triggeredid: string): Promise<boolean>
}

const REMEMBERED = 20_000

/** Kept by the stamp's own NATS for as long as the events themselves. */
export async function openFanOutsHere(store: Store, retentionMs: number): Promise<FanOutsHere> {
  const plan = { name: SENDING_BUCKET, ttlMs: retentionMs, replicas: 1 } as const
  const bucket = await Bucket.open<true>(store, plan)
  const recent = new LRUCache<string, true>({ max: REMEMBERED })
  return {
    note: async (cause) => {
      if (recent.has(cause)) return
      await bucket.put(key(cause), true)
      recent.set(cause, true)
    },
    has: async (triggeredid) => {
      const cause = messageId(triggeredid)
      return recent.has(cause) || (await bucket.get(key(cause))) !== undefined
    },
  }
}

/** Of a server without JetStream: as long as the agent lives. */
export function rememberedFanOuts(): FanOutsHere {
  const recent = new LRUCache<string, true>({ max: REMEMBERED })
  return {
    note: (cause) => {
      recent.set(cause, true)
      return Promise.resolve()
    },
    has: (triggeredid) => Promise.resolve(recent.has(messageId(triggeredid))),
  }
}

function key(cause: string): string {
  return derivedId('fan-out', cause)
}
