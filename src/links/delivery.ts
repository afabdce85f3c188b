/**
 * A message on loan from a JetStream consumer. Exactly one of `ack` and `nak` ends the loan; a delivery
 * that is never settled comes again after the consumer's ack wait, to whoever reads then.
 */
export interface Delivery {
  readonly subject: string
  readonly body: Uint8Array
  /** The first value of a header, by its exact name; undefined where it is missing. */
  header(name: string): string | undefined
  /** Sequence in the stream. */
  readonly sequence: number
  /** When the server stored it, in milliseconds since the epoch. */
  readonly storedAt: number
  /** How often it has been handed out, this time included. */
  readonly attempt: number
  /** How many messages the consumer has still to hand out after this one. */
  readonly pending: number
  /** Settles it for good. Fire and forget: an acknowledgement that is lost costs one redelivery. */
  ack(): void
  /** Hands it back, to come again after so many milliseconds. */
  nak(delayMs: number): void
  /** Restarts the ack wait: we are still at it. */
  working(): void
}

/** Reads one durable consumer until stopped. */
export interface DeliverySource extends AsyncIterable<Delivery> {
  /** Takes nothing new; what was already taken is still handed out. */
  stop(): void
}

/** A source that knows how far it has come. */
export interface DurableSource extends DeliverySource {
  /** How many deliveries its consumer had made when it made the last one that was handed out. */
  readonly handedOut: number
}

/** The server's answer to a publish. */
export interface Stored {
  readonly stream: string
  readonly sequence: number
  /** It was there before: the sequence is that of the first. */
  readonly duplicate: boolean
  /** How often it was sent; after the first try a duplicate may be our own. */
  readonly tries: number
}

/** Headers of a message: one value each. */
export type Headers = Readonly<Record<string, string>>
