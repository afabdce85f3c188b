/**
 * A message on loan from a JetStream consumer. Either `ack` or `DeliverySource.giveBack` ends the loan; a
 * delivery that is never settled comes again after the consumer's ack wait, to whoever reads then.
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
  /** Restarts the ack wait: we are still at it. */
  working(): void
}

/** Reads one durable consumer until stopped. */
export interface DeliverySource extends AsyncIterable<Delivery> {
  /** Takes nothing new, and hands nothing more out. */
  stop(): void
  /** Takes back what was handed out and is not done; `close` hands it back to the server. */
  giveBack(delivery: Delivery): void
  /**
   * After `stop`. Resolves when the server has back all that was taken and not handed out, or given back.
   * Rejects with `SIGNET_LINK_LOST` where that cannot be told: it then comes again after the ack wait.
   * Without the right to read it hands nothing back, for somebody else may be at work on it.
   */
  close(): Promise<void>
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
