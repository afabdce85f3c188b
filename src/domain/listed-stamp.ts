import type { Refusal } from './join.ts'
import type { LinkInUse } from './presence.ts'
import type { LinkKind } from './topology.ts'

/** Where a stamp stands in the eyes of its hub. */
export type StampState =
  /** A ring file lists it. */
  | 'listed'
  /** It appeared by itself, and was taken in. */
  | 'joined'
  /** It appeared by itself, and waits for somebody to approve it. */
  | 'pending'
  /** It is not let in. */
  | 'refused'

/** A stamp as its hub sees it, and `signet stamp ls --json` prints it. */
export interface ListedStamp {
  readonly stamp: string
  readonly geo: string
  readonly ring: string
  readonly state: StampState
  /** Whether it takes no new tasks. */
  readonly drained: boolean
  /** Why it is refused. */
  readonly reason?: Refusal
  readonly online: boolean
  /** RFC 3339; absent where it is not online. */
  readonly onlineSince?: string
  /** RFC 3339; absent where it was never heard of. */
  readonly heardAt?: string
  /** The version of its agent. */
  readonly agent?: string
  /** The ids of its agents. */
  readonly agents?: readonly string[]
  /** As its ring file has it. */
  readonly link?: LinkKind
  /** The one that it is heard by. */
  readonly linkInUse?: LinkInUse
  /** Absent where it does not say. `subscriptions`: of all of them together. */
  readonly integrations?: {
    readonly known: number
    readonly alive?: number
    readonly subscriptions?: number
  }
}
