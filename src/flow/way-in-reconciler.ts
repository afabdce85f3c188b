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
import type { Store, StreamState } from '../links/store.ts'
import type { Log } from '../observe/log.ts'
import type { Metrics } from '../observe/metrics.ts'
import { sleep } from '../runtime/clock.ts'
import type { Part } from '../runtime/lifecycle.ts'
import { untilDone } from '../runtime/retry.ts'

export interface WayInReconcilerOptions {
  /** The Keptn side, whose connects and disconnects are told until the returned functions are called. */
  readonly side: {
    onConnect(listener: () => void): () => void
    onDisconnect(listener: () => void): () => void
  }
  readonly store: Store
  /** What brings events in; paused until all that came before has been said. */
  readonly publisher: Publisher
  /** The stream that holds what has been said to Keptn's subscribers: Keptn's own, or the stamp's. */
  readonly said: string
  /** Whether there is a stream to compare at all. */
  readonly isDurable: () => boolean
  readonly log: Log
  readonly metrics: Metrics
}

/** How much of the stream's end is compared at first, in messages, and how much at most. */
const FIRST_WINDOW = 250
const WINDOW_FACTOR = 5
const LAST_WINDOW = 50_000
/** What was stored is on its way to its subject for a moment; only then is it missing, in milliseconds. */
const SETTLE_MS = 500
/** Clocks of one server do not differ, but it may have been set back a little. */
const MARGIN_MS = 10_000
const COPIED = [MESSAGE_ID, PATH, CAUSE, TRACEPARENT]

/**
 * Closes the gap that a server leaves when it dies between storing an event in `SIGNET_IN` and republishing
 * it (DESIGN 7.5): the event is a duplicate to everyone who brings it again, and Keptn never hears of it. At
 * 14,000 events a second, every second kill of a server loses some: 435 at most of 40 kills, PubAcks and all.
 *
 * At every connect, what was stored before is compared with what has been said, and what is missing is said,
 * as a request that the capturing stream acknowledges. Until then nothing new comes in, for it would overtake
 * what is missing.
 */
export class WayInReconciler implements Part {
  readonly name = 'reconciler of the way in'
  readonly #options: WayInReconcilerOptions
  readonly #stopping = new AbortController()
  /** Up to here everything has been said. */
  #checked = 0
  #running: Promise<void> | undefined
  #again = false
  #isConnected = true
  #forgetSide: readonly (() => void)[] = []

  constructor(options: WayInReconcilerOptions) {
    this.#options = options
  }

  start(): Promise<void> {
    const { side, publisher } = this.#options
    this.#forgetSide = [
      side.onConnect(() => {
        this.#isConnected = true
        this.#look()
      }),
      side.onDisconnect(() => {
        this.#isConnected = false
        publisher.pause()
      }),
    ]
    publisher.pause()
    this.#look()
    return Promise.resolve()
  }

  async stop(): Promise<void> {
    for (const forget of this.#forgetSide) forget()
    this.#stopping.abort(new Error('stopped'))
    await this.#running
  }

  #look(): void {
    if (this.#stopping.signal.aborted) return
    this.#again = true
    this.#running ??= this.#run().finally(() => {
      this.#running = undefined
    })
  }

  async #run(): Promise<void> {
    const { log, publisher } = this.#options
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
      // A way in that waits for ever would be worse than one that has a gap.
      if (!signal.aborted) log.warn({ error }, 'The way in could not be compared.')
    }
    // If it broke meanwhile, the next connect looks again.
    if (this.#isConnected || signal.aborted) publisher.resume()
  }

  async #reconcile(signal: AbortSignal): Promise<void> {
    const { store, said, isDurable } = this.#options
    if (!isDurable()) return
    const inbound = await store.stream(INBOUND_STREAM)
    const saidState = await store.stream(said)
    // Keptn makes its stream when it starts: there is nobody to tell yet.
    if (inbound === undefined || saidState === undefined) return
    const last = inbound.lastSequence
    const lowest = Math.max(this.#checked + 1, inbound.firstSequence, last - LAST_WINDOW + 1)
    if (lowest > last) return
    const since = judgedSince(saidState)
    for (let window = FIRST_WINDOW; ; window *= WINDOW_FACTOR) {
      const from = Math.max(lowest, last - window + 1)
      const missing = await this.#missingForGood(from, last, since, signal)
      // A server that dies loses the end of what it stored: if the oldest was said, so was all before it.
      if (missing.isOldestMissing && from > lowest) continue
      for (const sequence of missing.sequences) await this.#say(sequence)
      break
    }
    this.#checked = last
  }

  /** What is still missing when as much was missing a moment before. */
  async #missingForGood(from: number, last: number, since: number, signal: AbortSignal) {
    let found = await this.#missing(from, last, since)
    while (found.sequences.length > 0) {
      const before = found.sequences.length
      await sleep(SETTLE_MS, signal)
      found = await this.#missing(from, last, since)
      if (found.sequences.length === before) break
    }
    return found
  }

  async #missing(from: number, last: number, since: number) {
    const { store, said } = this.#options
    const missing = new Set<number>()
    let oldest: { readonly sequence: number; readonly storedAt: number } | undefined
    await store.headers(INBOUND_STREAM, from, last, ({ sequence, storedAt }) => {
      if (storedAt < since) return true
      oldest ??= { sequence, storedAt }
      missing.add(sequence)
      return true
    })
    if (oldest === undefined) return { sequences: [], isOldestMissing: false }
    const [first, lastSaid] = await this.#saidSince(oldest.storedAt - MARGIN_MS)
    await store.headers(said, first, lastSaid, ({ header }) => {
      if (header(REPUBLISHED_STREAM) === INBOUND_STREAM)
        missing.delete(Number(header(REPUBLISHED_SEQUENCE)))
      return missing.size > 0
    })
    return { sequences: [...missing], isOldestMissing: missing.has(oldest.sequence) }
  }

  /** From where to where lies all that was said since a time (ms), and perhaps some more before it. */
  async #saidSince(at: number): Promise<readonly [first: number, last: number]> {
    const { store, said } = this.#options
    const { firstSequence = 0, lastSequence = 0 } = (await store.stream(said)) ?? {}
    for (let back = FIRST_WINDOW; lastSequence - back > firstSequence; back *= 2) {
      const message = await store.message(said, lastSequence - back)
      if (message !== undefined && message.storedAt < at) return [lastSequence - back, lastSequence]
    }
    return [firstSequence, lastSequence]
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
      goesFirst: true,
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

/**
 * What was stored before this time (ms) cannot be judged: the stream of what was said may be new, or have
 * been purged, or be without its beginning by now.
 */
function judgedSince({ createdAt, firstSequence, firstAt = Infinity }: StreamState): number {
  return firstSequence <= 1 ? createdAt : firstAt
}
