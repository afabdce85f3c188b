import { durableName, storeNames } from '../domain/store-names.ts'
import type { Place } from '../domain/subject.ts'
import { ConsumerWatch } from '../flow/consumer-watch.ts'
import { DurableReader } from '../flow/durable-reader.ts'
import type { NatsSide } from '../links/nats-side.ts'
import type { Publisher } from '../links/publisher.ts'
import type { Store } from '../links/store.ts'
import type { Pump } from '../runtime/pump.ts'
import type { DeliverOptions } from './deliver.ts'
import { deliverPump } from './deliver.ts'
import { LinkCanary } from './link-canary.ts'

export interface GatewayDeliveryOptions extends Omit<DeliverOptions, 'open' | 'canary' | 'place'> {
  /** Where this stamp stands now. */
  readonly place: () => Place
  readonly gateway: NatsSide
  readonly hubStore: Store
  /** To the gateway. */
  readonly publisher: Publisher
  /** How long (ms) nothing may come through the link. */
  readonly canaryLimitMs: number
  /** Called when no step has helped: another link may do. */
  readonly onHopeless?: () => void
}

/** What brings events down from one control plane, with what proves both directions of the link to it. */
export interface GatewayDelivery {
  readonly pump: Pump
  readonly watch: ConsumerWatch
  readonly canary: LinkCanary
}

export function gatewayDelivery(options: GatewayDeliveryOptions): GatewayDelivery {
  const { scope, place, gateway, hubStore, term, canaryLimitMs: limitMs } = options
  const reader = new DurableReader({
    store: hubStore,
    stream: storeNames(scope).down,
    durable: durableName(place().stamp),
    term,
  })
  const canary = new LinkCanary({
    ...options,
    side: gateway,
    hears: () => pump.waitsSince !== undefined,
    limitMs,
  })
  const pump: Pump = deliverPump({
    ...options,
    place: place(),
    open: (signal) => reader.open(signal),
    canary,
  })
  const watch = new ConsumerWatch({
    ...options,
    direction: 'down',
    pump,
    reader,
    side: gateway,
    steps: ['pull', 'consumer', 'connection', 'link'],
    hasCanaries: true,
    limitMs,
    right: term,
    // It is the hub's to make.
    remake: () => canary.askForConsumer(),
  })
  return { pump, watch, canary }
}
