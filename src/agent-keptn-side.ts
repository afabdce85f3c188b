import { KEPTN_STREAM, LOCAL_STREAM } from './domain/store-names.ts'
import { WayIn } from './flow/way-in.ts'
import { WayInReconciler } from './flow/way-in-reconciler.ts'
import { CoreMessages } from './links/core-messages.ts'
import type { NatsSide } from './links/nats-side.ts'
import { Publisher } from './links/publisher.ts'
import { Store } from './links/store.ts'
import type { Term } from './links/term.ts'
import type { Log } from './observe/log.ts'
import type { Metrics } from './observe/metrics.ts'
import type { Part } from './runtime/lifecycle.ts'

/** What an agent that leads has at the Keptn NATS of its stamp, whatever its link is. */
export interface KeptnSide {
  readonly publisher: Publisher
  readonly store: Store
  readonly wayIn: WayIn
  readonly reconciler: WayInReconciler
}

export function createKeptnSide(options: {
  readonly keptn: NatsSide
  readonly term: Term
  readonly isHome: boolean
  readonly dedupeWindowMs: number
  readonly log: Log
  readonly metrics: Metrics
}): KeptnSide {
  const { keptn, term, isHome, dedupeWindowMs, log, metrics } = options
  const publisher = new Publisher(keptn, term)
  const store = new Store(keptn, undefined, { right: term })
  const wayIn = new WayIn({
    store,
    publisher,
    dedupeWindowMs,
    // Keptn itself does not run without JetStream; a stamp may.
    ...(isHome ? {} : { withoutJetStream: new CoreMessages(keptn) }),
  })
  const reconciler = new WayInReconciler({
    side: keptn,
    store,
    publisher,
    said: isHome ? KEPTN_STREAM : LOCAL_STREAM,
    isDurable: () => wayIn.isDurable,
    log,
    metrics,
  })
  return { publisher, store, wayIn, reconciler }
}

export function publisherPart(side: NatsSide, publisher: Publisher, { lost }: Term): Part {
  return {
    name: `publisher to the ${side.name} NATS`,
    start: () => {
      publisher.start()
      // Nothing of this term is sent any more: what waits for it is let go before the parts are stopped.
      lost.addEventListener('abort', () => {
        publisher.stop()
      })
      return Promise.resolve()
    },
    stop: async () => {
      publisher.stop()
      // The next leader begins as soon as the lease is handed over: nothing may be behind that.
      await side.flush()
    },
  }
}
