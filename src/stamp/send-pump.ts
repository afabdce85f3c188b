import type { KeptnEvent } from '../domain/event.ts'
import { durableName, LOCAL_STREAM } from '../domain/store-names.ts'
import type { Place } from '../domain/subject.ts'
import { ACK_WAIT_MS, durableReader } from '../flow/consumer-settings.ts'
import type { DeadLetters } from '../flow/dead-letters.ts'
import { orderKey, parseDelivery } from '../flow/parse-delivery.ts'
import type { Delivery, DeliverySource } from '../links/delivery.ts'
import { PATH } from '../links/header-names.ts'
import type { Store } from '../links/store.ts'
import type { Term } from '../links/term.ts'
import { mustHold } from '../links/term.ts'
import type { Log } from '../observe/log.ts'
import type { Metrics } from '../observe/metrics.ts'
import { Pump } from '../runtime/pump.ts'
import type { Begun } from './begun.ts'
import { begunKey } from './begun.ts'
import { observeLag } from './deliver.ts'
import type { ApiSender } from './send.ts'

export interface SendPumpOptions {
  /** Where this stamp stands now. */
  readonly place: () => Place
  readonly keptnStore: Store
  readonly term: Term
  readonly listen: () => DeliverySource
  readonly isDurable: () => boolean
  readonly begun: Begun
  readonly sender: ApiSender
  readonly deadLetters: DeadLetters
  /** Called before an event is sent, so that it is known again when it comes back as Keptn's. */
  readonly onSend: (event: KeptnEvent) => void
  readonly inFlight: number
  readonly log: Log
  readonly metrics: Metrics
}

/** Posts at once: each holds a connection, and Keptn's API carries them out one by one. */
const MOST_AT_ONCE = 16

/** Up, over HTTPS: what this stamp's integrations publish, to Keptn's API, in order within a context. */
export function sendPump(options: SendPumpOptions): Pump {
  const { keptnStore, place, log, isDurable, listen } = options
  return new Pump({
    name: 'send',
    open: isDurable()
      ? durableReader(keptnStore, LOCAL_STREAM, durableName(place().stamp), options.term)
      : () => Promise.resolve(listen()),
    direction: 'up',
    inFlight: Math.min(options.inFlight, MOST_AT_ONCE),
    ackWaitMs: ACK_WAIT_MS,
    right: options.term,
    onTrouble: (error) => {
      log.debug({ error }, 'Sending waits.')
    },
    prepare: (delivery) => {
      // It came in through SIGNET_IN: Keptn has it.
      if (delivery.header(PATH) !== undefined) return undefined
      const parsed = parseDelivery(delivery, delivery.subject)
      const key = orderKey(parsed, delivery)
      if (parsed.ok) return { key, work: () => send(options, delivery, parsed.event) }
      const { reason, detail } = parsed
      return { key, work: () => options.deadLetters.store('up', delivery, reason, detail) }
    },
  })
}

async function send(
  { begun, sender, term, onSend, metrics }: SendPumpOptions,
  delivery: Delivery,
  event: KeptnEvent,
): Promise<void> {
  const key = begunKey(delivery, event)
  onSend(event)
  const hadBegun = delivery.attempt > 1 && (await begun.has(key))
  if (!hadBegun) await begun.note(key)
  // An agent that was stopped meanwhile must not post what the next one has posted.
  mustHold(term)
  await sender.send(delivery, event, hadBegun)
  await begun.forget(key)
  metrics.events.inc({ direction: 'up', result: 'stored' })
  observeLag(metrics, 'up', event)
}
