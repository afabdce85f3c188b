import {
  INBOUND_CANARY,
  INBOUND_STREAM,
  LOCAL_CANARY,
  LOCAL_STREAM,
} from '../domain/store-names.ts'
import { isSignetError } from '../errors.ts'
import type { Delivery } from '../links/delivery.ts'
import type { NatsSide } from '../links/nats-side.ts'
import type { Publisher } from '../links/publisher.ts'
import type { Store } from '../links/store.ts'
import type { Log } from '../observe/log.ts'
import type { Metrics } from '../observe/metrics.ts'
import { CanaryTimer } from './canary-timer.ts'
import type { Proof } from './proofs.ts'
import type { WayIn } from './way-in.ts'

export interface KeptnCanaryOptions {
  readonly side: Pick<NatsSide, 'isConnected' | 'upSince'>
  readonly store: Store
  /** To the Keptn NATS. */
  readonly publisher: Publisher
  readonly wayIn: WayIn
  /** Whether there is a stream of ours for what integrations publish; at home it is Keptn's. */
  readonly collects: boolean
  /** How long a canary may take to be stored, in milliseconds. */
  readonly limitMs: number
  readonly log: Log
  readonly metrics: Metrics
}

const BODY = new Uint8Array()

/**
 * Canaries of a Keptn NATS: one is stored in `SIGNET_IN`, as events that come in are, and one in
 * `SIGNET_LOCAL`, from where it comes to whoever reads what the integrations publish. Neither is under
 * `sh.keptn.>`, and each is deleted as soon as it has proved something. There is never more than one of either.
 */
export class KeptnCanary implements Proof {
  readonly link = 'keptn'
  readonly direction = 'down'
  readonly #options: KeptnCanaryOptions
  readonly #timer = new CanaryTimer()
  #storedAt = performance.now()
  /** Since when one is on its way to `SIGNET_IN`. */
  #storesSince: number | undefined
  #isStoring = false
  /** The one that lies in `SIGNET_LOCAL`. */
  #local: number | undefined

  constructor(options: KeptnCanaryOptions) {
    this.#options = options
  }

  start(): void {
    this.#timer.start(this.#options.limitMs, () => {
      void this.#send()
      if (this.#options.collects) void this.#sendLocal()
    })
  }

  stop(): void {
    this.#timer.stop()
  }

  /** How long ago one was stored in `SIGNET_IN`, in milliseconds. */
  get ageMs(): number {
    return performance.now() - this.#storedAt
  }

  /** Why nothing could be brought in, or undefined. */
  get trouble(): string | undefined {
    const { side, limitMs } = this.#options
    const quietMs = performance.now() - Math.max(this.#storedAt, side.upSince)
    if (!side.isConnected || quietMs < limitMs) return undefined
    return `${INBOUND_STREAM} has stored nothing for ${Math.round(quietMs / 1_000)} s`
  }

  /** Whether a delivery of `SIGNET_LOCAL` is a canary, which is settled by that. */
  take(delivery: Pick<Delivery, 'subject' | 'sequence'>): boolean {
    if (delivery.subject !== LOCAL_CANARY) return false
    if (this.#local === delivery.sequence) this.#local = undefined
    this.#delete(LOCAL_STREAM, delivery.sequence)
    return true
  }

  async #send(): Promise<void> {
    if (this.#storesSince !== undefined) {
      await this.#look()
      return
    }
    this.#storesSince = performance.now()
    try {
      const sequence = await this.#store(INBOUND_CANARY, INBOUND_STREAM)
      this.#storedAt = performance.now()
      this.#delete(INBOUND_STREAM, sequence)
    } catch (error) {
      this.#failed(error)
    } finally {
      this.#storesSince = undefined
    }
  }

  /** One that is not stored yet may find no stream; one that waits for the connection finds it later. */
  async #look(): Promise<void> {
    const { side, store, wayIn, log, metrics } = this.#options
    if (!side.isConnected) return
    try {
      if ((await store.stream(INBOUND_STREAM)) !== undefined) return
      await wayIn.open()
      log.warn({ stream: INBOUND_STREAM }, 'A stream was gone, and is made anew.')
      metrics.healing.inc({ link: 'keptn', direction: 'down', reason: 'missing', result: 'stream' })
    } catch (error) {
      log.debug({ error }, 'The way in cannot be looked at now.')
    }
  }

  async #sendLocal(): Promise<void> {
    if (this.#isStoring) return
    this.#isStoring = true
    try {
      const before = this.#local
      this.#local = await this.#store(LOCAL_CANARY, LOCAL_STREAM)
      if (before !== undefined) this.#delete(LOCAL_STREAM, before)
    } catch (error) {
      this.#failed(error)
    } finally {
      this.#isStoring = false
    }
  }

  async #store(subject: string, stream: string): Promise<number> {
    // Without an id: it may be stored twice, and an id would be remembered for a day.
    const stored = await this.#options.publisher.store({ subject, body: BODY, stream, headers: {} })
    return stored.sequence
  }

  /** What is not deleted ages out. */
  #delete(stream: string, sequence: number): void {
    this.#options.store.deleteMessage(stream, sequence).catch((error: unknown) => {
      this.#options.log.debug({ error, stream }, 'A canary could not be deleted.')
    })
  }

  #failed(error: unknown): void {
    if (!isSignetError(error, 'SIGNET_STOPPED'))
      this.#options.log.warn({ error }, 'A canary could not be stored.')
  }
}
