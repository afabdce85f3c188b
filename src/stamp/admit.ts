import type { KeptnEvent } from '../domain/event.ts'
import { parseEvent } from '../domain/event.ts'
import { keptnSubject, tailOf } from '../domain/subject.ts'
import type { DeadLetters, SetAside } from '../flow/dead-letters.ts'
import { orSetAside } from '../flow/settle.ts'
import type { WayIn } from '../flow/way-in.ts'
import { CAUSE, HTTPS_LINK, LINK, PATH, TRACEPARENT } from '../links/header-names.ts'
import { messageId } from '../links/message-id.ts'
import type { Metrics } from '../observe/metrics.ts'
import { observeLag } from './deliver.ts'
import type { FanOutsHere } from './fan-outs-here.ts'
import type { Gate } from './gate.ts'

/**
 * What became of an event that was polled. `taken`: it is settled here, and need not be looked at again.
 * `later`: not yet, and it is to be offered again. `unnamed`: not before the hub has said that its turn has come.
 */
export type Admitted = 'taken' | 'later' | 'unnamed'

export interface AdmitOptions {
  /** The stamps that an event has been through when it is here, home first: the loop guard. */
  readonly path: string
  readonly wayIn: WayIn
  readonly fanOuts: Pick<FanOutsHere, 'note'>
  readonly gate: Gate
  readonly deadLetters: DeadLetters
  readonly metrics: Metrics
}

/**
 * Brings an event that was polled into the stamp, by the same way in as the NATS link's (DESIGN 7.9): what
 * that one has brought already is a duplicate, and the other way round. One that waits for an integration
 * is not held here, since the poller finds it again.
 */
export async function admit(
  { path, wayIn, fanOuts, gate, deadLetters, metrics }: AdmitOptions,
  event: KeptnEvent,
  text: string,
  isFanOut: boolean,
): Promise<Admitted> {
  if (!gate.isOpen(event)) return 'later'
  const body = Buffer.from(text)
  const message = polledMessage(event.type, body)
  const tail = tailOf(event.type)
  if (tail === undefined) {
    await deadLetters.store('down', message, 'bad-type', 'its type is no subject of Keptn')
    return 'taken'
  }
  if (isFanOut) await fanOuts.note(messageId(event.id))
  await orSetAside(deadLetters, 'down', message, async () => {
    const entered = await wayIn.enter(tail, event.id, body, {
      [PATH]: path,
      [LINK]: HTTPS_LINK,
      ...(isFanOut ? { [CAUSE]: messageId(event.id) } : {}),
      ...(event.traceparent === '' ? {} : { [TRACEPARENT]: event.traceparent }),
    })
    if (entered === 'conflict') {
      await deadLetters.store('down', message, 'id-conflict', `id ${event.id} has another body`)
      return
    }
    metrics.events.inc({ direction: 'down', result: entered })
    if (entered === 'duplicate') metrics.duplicates.inc({ direction: 'down' })
    else observeLag(metrics, 'down', event)
  })
  return 'taken'
}

/** Reads a polled event; what must not go on is set aside, once. */
export async function readPolled(
  deadLetters: DeadLetters,
  text: string,
): Promise<KeptnEvent | undefined> {
  const parsed = parseEvent(text)
  if (parsed.ok) return parsed.event
  const message = polledMessage(keptnSubject('polled'), Buffer.from(text))
  await deadLetters.store('down', message, parsed.reason, parsed.detail)
  return undefined
}

function polledMessage(subject: string, body: Buffer): SetAside {
  return { subject, body, sequence: 0, header: () => undefined }
}
