import type { FanOut, TargetRecord } from '../domain/fanout.ts'
import type { StoreNames } from '../domain/store-names.ts'
import type { ControlPlane } from '../domain/topology.ts'
import type { WayIn } from '../flow/way-in.ts'
import type { Bucket } from '../links/bucket.ts'
import type { Store } from '../links/store.ts'
import type { Log } from '../observe/log.ts'
import type { Metrics } from '../observe/metrics.ts'
import type { Tracing } from '../observe/tracing.ts'
import { AggregateEmitter } from './aggregate-emitter.ts'
import type { Copies } from './copies.ts'
import type { EndedFanOut } from './fanout-store.ts'
import { FanOutStore } from './fanout-store.ts'
import { FanOuts } from './fanouts.ts'
import type { PauseWatchOptions } from './pause-watch.ts'
import { PauseWatch } from './pause-watch.ts'
import type { StampRegistry } from './stamp-registry.ts'

export interface FanOutParts {
  readonly bucket: Bucket<FanOut | TargetRecord | EndedFanOut>
  readonly registry: StampRegistry
  readonly names: StoreNames
  readonly copies: Copies
  readonly controlPlane: ControlPlane
  readonly hubStore: Store
  readonly wayIn: WayIn
  readonly keptnMaxPayloadBytes: () => number
  /** Absent: Keptn is not asked whether a sequence is paused. */
  readonly isPaused?: PauseWatchOptions['isPaused'] | undefined
  readonly log: Log
  readonly metrics: Metrics
  readonly tracing?: Tracing | undefined
}

/** The fan-outs of a hub, with all that they decide by and tell of. */
export function makeFanOuts(parts: FanOutParts): FanOuts {
  const { bucket, registry, names, copies, controlPlane, hubStore, wayIn } = parts
  const { keptnMaxPayloadBytes, isPaused, log, metrics } = parts
  const now = Date.now
  const emitter = new AggregateEmitter({
    wayIn,
    hubStore,
    answers: names.up,
    home: controlPlane.home.stamp,
    maxPayloadBytes: keptnMaxPayloadBytes,
  })
  return new FanOuts({
    store: new FanOutStore(bucket),
    emitter,
    copies,
    ...(isPaused && { pauses: new PauseWatch({ isPaused, now, log, metrics }) }),
    presence: {
      online: (stamp) => registry.isOnline(stamp),
      onNats: (stamp) => registry.isOnNats(stamp),
      onlineSince: (stamp) => registry.onlineSince(stamp),
      drained: (stamp) => registry.isDrained(stamp),
    },
    takeBack: (sequence) => hubStore.deleteMessage(names.down, sequence),
    now,
    log,
    metrics,
    tracing: parts.tracing,
  })
}
