import type { ParsedEvent } from '../domain/event.ts'
import { parseEvent } from '../domain/event.ts'
import type { Delivery } from '../links/delivery.ts'

/** Reads the event of a delivery; `subject` is the Keptn subject that its type must equal. */
export function parseDelivery(delivery: Pick<Delivery, 'body'>, subject: string): ParsedEvent {
  const { body } = delivery
  const text = Buffer.from(body.buffer, body.byteOffset, body.byteLength).toString('utf8')
  return parseEvent(text, subject)
}

/** What order is kept by: the context, and for an event without one its own id. */
export function orderKey(parsed: ParsedEvent, delivery: Delivery): string {
  if (!parsed.ok) return `#${delivery.sequence}`
  return parsed.event.context === '' ? parsed.event.id : parsed.event.context
}
