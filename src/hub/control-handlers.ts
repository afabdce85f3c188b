import type { ListedStamp } from '../domain/listed-stamp.ts'
import type { StoreNames } from '../domain/store-names.ts'
import type { ControlPlane } from '../domain/topology.ts'
import type { Store } from '../links/store.ts'
import type { TopologySource } from '../runtime/topology-source.ts'
import type { Border } from '../flow/border.ts'
import type { Publisher } from '../links/publisher.ts'
import type { Log } from '../observe/log.ts'
import type { Metrics } from '../observe/metrics.ts'
import type { ControlHandler } from './control-handler.ts'
import type { Copies } from './copies.ts'
import type { FanOuts } from './fanouts.ts'
import type { Membership } from './membership.ts'
import { stampHandlers } from './stamp-handlers.ts'
import { letterHandlers } from './letter-handlers.ts'
import { replayHandler } from './replay-handler.ts'
import { rolloutHandlers } from './rollout-handlers.ts'
import type { StampRegistry } from './stamp-registry.ts'
import { statusHandler } from './status-handler.ts'
import { traceHandler } from './trace-handler.ts'

/** What a running hub has, for those who answer commands. */
export interface HubParts {
  readonly version: string
  /** With the stamps that joined. */
  readonly topology: TopologySource
  readonly controlPlane: ControlPlane
  readonly names: StoreNames
  readonly hubStore: Store
  readonly keptnStore: Store
  readonly fanOuts: FanOuts
  readonly copies: Copies
  /** To the gateway. */
  readonly publisher: Publisher
  readonly border: Border
  readonly log: Log
  readonly metrics: Metrics
  readonly registry: StampRegistry
  readonly membership: Membership
  /** All stamps, and those that are not taken in. */
  readonly stamps: () => readonly ListedStamp[]
  /** What the hub waits for; undefined where it works. */
  readonly notReady: () => string | undefined
  readonly now: () => number
}

/** All that a hub answers to commands. */
export function controlHandlers(parts: HubParts): readonly ControlHandler[] {
  return [
    statusHandler(parts),
    ...rolloutHandlers(parts),
    traceHandler(parts),
    ...letterHandlers(parts),
    replayHandler(parts),
    ...stampHandlers(parts),
  ]
}
