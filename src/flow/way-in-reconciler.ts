import { INBOUND_STREAM } from '../domain/store-names.ts'
import { inboundTail, keptnSubject } from '../domain/subject.ts'
import {
  CAUSE,
  MESSAGE_ID,
  PATH,
  REPUBLISHED_SEQUENCE,
  REPUBLISHED_STREAM,
  TRACEPARENT,
} from '../links/header-names.ts'
import type { Publisher } from '../links/publisher.ts'
import type { Store, StoredMessage } from '../links/store.ts'
import type { Log } from '../observe/log.ts'
import type { Metrics } from '../observe/metrics.ts'
import { sleep } from '../runtime/clock.ts'
import type { Part } from '../runtime/lifecycle.ts'
import { untilDone } from '../runtime/retry.ts'

export interface WayInReconcilerOptions {
  /** Calls the listener at every connect of the Keptn side from now on. */
  readonly onConnect: (listener: () => void) => void
  readonly store: Store
  readonly publisher: Publisher
  /** The stream that holds what has been said to Keptn's subscribers: Keptn's own, or the stamp's. */
  readonly said: string
  /** Whether there is a stream to compare at all. */
  readonly isDurable: () => boolean
  readonly log: Log
  readonly metrics: Metrics
}

/** How much of the stream's end is compared, in messages: minutes at the rate of deliveries. */
const TAIL = 5_000
/** What was stored is on its way to its subject for a moment; only then is it missing, in milliseconds. */
const SETTLE_MS = 1_000
/** Clocks of one server do not differ, but it may have been set back a little. */
const MARGIN_MS = 10_000
const COPIED = [MESSAGE_ID, PATH, CAUSE, TRACEPARENT]

/**
 * Closes the gap that a server leaves when it dies between storing an event in `SIGNET_IN` and republishing
 * it (DESIGN 7.5): the event is a duplicate to everyone who brings it again, and Keptn never hears of it. At
 * every connect, what was stored before is compared with what has been said, and what is missing is said, as
 * a request that the capturing stream acknowledges.
 */
export class WayInReconciler implements Part {
  readonly name = 'reconciler of the way in'
  readonly #options: WayInReconcilerOptions
  readonly #stopping = new AbortController()
  /** Up to here everything has been said. */
  #checked = 0
  #running: Promise<void> | undefined
  #again = false

  constructor(options: WayInReconcilerOptions) {
    this.#options = options
  }

  start(): Promise<void> {
    this.#options.onConnect(() => {
      this.#look()
    })
    this.#look()
    return Promise.resolve()
  }

  async stop(): Promise<void> {
    this.#stopping.abort(new Error('stopped'))
    await this.#running
  }

  #look(): void {
    if (this.#stopping.signal.aborted || !this.#options.isDurable()) return
    this.#again = true
    this.#running ??= this.#run().finally(() => {
      this.#running = undefined
    })
  }

  async #run(): Promise<void> {
    const { log } = this.#options
    const { signal } = this.#stopping
    try {
      while (this.#again) {
        this.#again = false
        await untilDone(
          () => this.#reconcile(signal),
          signal,
          (error) => {
            log.debug({ error }, 'The way in cannot be compared now.')
          },
        )
      }
    } catch (error) {
      if (!signal.aborted) log.warn({ error }, 'The way in could not be compared.')
    }
  }

  async #reconcile(signal: AbortSignal): Promise<void> {
    const { store, said } = this.#options
    const inbound = await store.stream(INBOUND_STREAM)
    const saidState = await store.stream(said)
    // Keptn makes its stream when it starts: there is nobody to tell yet.
    if (inbound === undefined || saidState === undefined) return
    const last = inbound.lastSequence
    const from = Math.max(this.#checked + 1, inbound.firstSequence, last - TAIL + 1)
    if (last === 0 || from > last) return
    await sleep(SETTLE_MS, signal)
    const stored = await store.headers(INBOUND_STREAM, { from: 'sequence', at: from }, last)
    // What is older than all that lies there cannot be judged: the stream may be new, or have been purged.
    const { firstAt = Infinity } = saidState
    const comparable = stored.filter(({ storedAt }) => storedAt >= firstAt)
    const oldest = comparable[0]
    if (oldest !== undefined) await this.#sayMissing(comparable, oldest.storedAt - MARGIN_MS)
    this.#checked = last
  }

  async #sayMissing(stored: readonly StoredMessage[], since: number): Promise<void> {
    const { store, said } = this.#options
    const lastSaid = (await store.stream(said))?.lastSequence ?? 0
    const sequences = new Set<string>()
    for (const message of await store.headers(said, { from: 'time', at: since }, lastSaid)) {
      if (message.header(REPUBLISHED_STREAM) !== INBOUND_STREAM) continue
      sequences.add(message.header(REPUBLISHED_SEQUENCE) ?? '')
    }
    for (const { sequence } of stored) {
      if (!sequences.has(String(sequence))) await this.#say(sequence)
    }
  }

  async #say(sequence: number): Promise<void> {
    const { store, publisher, said, log, metrics } = this.#options
    const message = await store.message(INBOUND_STREAM, sequence)
    const tail = message === undefined ? undefined : inboundTail(message.subject)
    if (message === undefined || tail === undefined) return
    const copied = COPIED.map((name) => [name, message.header(name)] as const)
    await publisher.store({
      subject: keptnSubject(tail),
      body: message.body,
      stream: said,
      headers: {
        ...Object.fromEntries(
          copied.filter((pair): pair is [string, string] => pair[1] !== undefined),
        ),
        // As the server would have marked it, so that the next comparison finds it.
        [REPUBLISHED_STREAM]: INBOUND_STREAM,
        [REPUBLISHED_SEQUENCE]: String(sequence),
      },
    })
    metrics.events.inc({ direction: 'in', result: 'republished' })
    log.warn(
      { subject: message.subject, sequence },
      'An event was stored and never said; it has been said now.',
    )
  }
}
