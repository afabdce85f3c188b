import type { ListedStamp } from './listed-stamp.ts'
import type { Rollout } from './rollout.ts'

/** The federation at a glance, as a hub sees it and `signet status --json` prints it. Times are ISO 8601. */
export interface FederationStatus {
  /** The hub's clock. */
  readonly at: string
  readonly federation: string
  readonly controlPlane: string
  readonly hub: HubStatus
  readonly stamps: readonly StampStatus[]
  readonly rollouts: readonly Rollout[]
  /** How many lie in the dead letters; null where the hub store does not say. */
  readonly deadLetters: number | null
}

export interface HubStatus {
  readonly geo: string
  /** The home stamp. */
  readonly stamp: string
  /** The version of the agent that answers. */
  readonly version: string
  readonly ready: boolean
  /** What it waits for. */
  readonly reason?: string
}

/** A stamp with what waits for it. */
export interface StampStatus extends ListedStamp {
  /** Whether its Keptn NATS is connected; absent where it was never heard of. */
  readonly keptn?: boolean
  /** What lies in the hub store for it: not fetched yet, and fetched without an acknowledgement. */
  readonly pending: number | null
  readonly unacknowledged: number | null
}
