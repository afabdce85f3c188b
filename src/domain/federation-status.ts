import type { LinkKind } from './topology.ts'

/** The federation at a glance, as a hub sees it and `signet status --json` prints it. Times are ISO 8601. */
export interface FederationStatus {
  /** The hub's clock. */
  readonly at: string
  readonly federation: string
  readonly controlPlane: string
  readonly hub: HubStatus
  readonly stamps: readonly StampStatus[]
  readonly rollouts: readonly OpenRollout[]
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

export interface StampStatus {
  readonly stamp: string
  readonly geo: string
  readonly ring: string
  /** As the topology has it. */
  readonly link: LinkKind
  readonly online: boolean
  /** Since when it has been heard without a gap; absent where it is offline or was never heard. */
  readonly since?: string
  readonly heardAt?: string
  /** The version of its agent. */
  readonly agent?: string
  /** Whether its Keptn NATS is connected. */
  readonly keptn?: boolean
  /** How many integrations have registered; null where nobody knows. */
  readonly integrations: number | null
  /** What lies in the hub store for it: not fetched yet, and fetched without an acknowledgement. */
  readonly pending: number | null
  readonly unacknowledged: number | null
}

export interface OpenRollout {
  readonly id: string
  readonly task: string
  readonly context: string
  readonly project: string
  readonly stage: string
  readonly service: string
  readonly openedAt: string
  readonly targets: number
}
