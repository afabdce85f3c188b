import { SignetError } from '../errors.ts'
import type { Delivery, DeliverySource } from '../links/delivery.ts'
import type { Right } from '../links/term.ts'
import { mustHold } from '../links/term.ts'
import type { BackoffRule } from '../domain/backoff.ts'
import { backoffMs } from '../domain/backoff.ts'
import { sleep } from './clock.ts'
import type { Park } from './lanes.ts'
import { Lanes } from './lanes.ts'

/** What is to be done with one delivery. */
export interface Job {
  /** Deliveries of one key are worked on one after the other: the `shkeptncontext`. */
  readonly key: string
  /**
   * Resolves when the delivery may be acknowledged for good; rejects to have it come again. What it waits
   * for with `park`, for as long as that takes, holds up its own key only.
   */
  work(park: Park): Promise<void>
}

export interface PumpOptions {
  /** For logs and errors: `down`, `collect`. */
  readonly name: string
  /** As metrics have it. */
  readonly direction: 'route' | 'answer' | 'down' | 'up' | 'recipient'
  /** Opens the consumer; called again after it was lost. Rejections are retried. */
  readonly open: (signal: AbortSignal) => Promise<DeliverySource>
  /** Undefined: nothing is to be done, and so it is acknowledged at once. */
  readonly prepare: (delivery: Delivery) => Job | undefined
  /** How many deliveries are worked on at once, parked ones apart. */
  readonly inFlight: number
  /** The consumer's ack wait, in milliseconds: work that takes longer says so in time. */
  readonly ackWaitMs: number
  /** Without it no work is begun, and none that is held is said to go on. */
  readonly right: Right
  readonly onTrouble: (error: unknown) => void
}

const REOPEN: BackoffRule = { firstMs: 100, mostMs: 2_000 }
/** What parked deliveries may hold in memory: some thousand events of usual size. */
const PARKED_BYTES = 16 * 1_048_576
/**
 * What the bodies of the others may hold: thousands of events of usual size, or a few of the largest,
 * each of which takes several times its size while it is read and sent on.
 */
const IN_FLIGHT_BYTES = 1_048_576

/**
 * Takes deliveries from a durable consumer, works on them in order per key, and acknowledges each one after
 * its work. A consumer that is lost is opened again. A delivery whose work fails for no reason that we know
 * is handed back, and its key waits, so that nothing of the same context overtakes it.
 */
export class Pump {
  readonly #options: PumpOptions
  readonly #lanes: Lanes
  /** By sequence. */
  readonly #held = new Map<number, Delivery>()
  readonly #stopping = new AbortController()
  #source: DeliverySource | undefined
  #loop: Promise<void> | undefined
  #keeper: NodeJS.Timeout | undefined
  #reading = false
  #pending = 0
  /** A failure that no retry mends, until some work succeeds. */
  #stuck: string | undefined

  constructor(options: PumpOptions) {
    this.#options = options
    this.#lanes = new Lanes(options.inFlight, PARKED_BYTES, IN_FLIGHT_BYTES)
  }

  get direction(): PumpOptions['direction'] {
    return this.#options.direction
  }

  /** Messages that the consumer had still to hand out when it last handed one out. */
  get pending(): number {
    return this.#pending
  }

  /** Why it does not work, or undefined. */
  get trouble(): string | undefined {
    const { name } = this.#options
    if (!this.#reading) return `${name}: waits for its stream or consumer`
    return this.#stuck === undefined ? undefined : `${name}: ${this.#stuck}`
  }

  /** Deliveries taken and not yet acknowledged. */
  get held(): number {
    return this.#held.size
  }

  start(): void {
    this.#loop = this.#run()
    this.#keeper = setInterval(() => {
      if (this.#options.right.leftMs <= 0) return
      for (const delivery of this.#held.values()) delivery.working()
    }, this.#options.ackWaitMs / 3)
    this.#keeper.unref()
  }

  /**
   * Takes nothing new, waits for what was begun, and hands the rest back. Rejects with `SIGNET_LINK_LOST`
   * where the server does not say that it has it; it then comes again after the ack wait. May be called twice.
   */
  async drain(): Promise<void> {
    this.#stopping.abort(new SignetError('SIGNET_STOPPED', `Pump ${this.#options.name} stops.`))
    this.#source?.stop()
    await this.#loop
    await this.#lanes.idle()
    clearInterval(this.#keeper)
    await this.#source?.close()
  }

  async #run(): Promise<void> {
    const { signal } = this.#stopping
    for (let attempt = 1; !signal.aborted; attempt += 1) {
      try {
        this.#source = await this.#options.open(signal)
        if (signal.aborted) this.#source.stop()
        this.#reading = true
        attempt = 0
        await this.#read(this.#source)
      } catch (error) {
        if (!signal.aborted) this.#options.onTrouble(error)
      }
      this.#reading = false
      if (signal.aborted) return
      await sleep(backoffMs(REOPEN, attempt + 1, Math.random()), signal).catch(() => undefined)
    }
  }

  async #read(source: DeliverySource): Promise<void> {
    for await (const delivery of source) {
      this.#pending = delivery.pending
      const job = this.#options.prepare(delivery)
      if (job === undefined) {
        delivery.ack()
        continue
      }
      if (!this.#lanes.hasRoom) await this.#lanes.room()
      // Stopped while it waited: not begun, and so it comes again to whoever reads next.
      if (this.#stopping.signal.aborted) {
        source.giveBack(delivery)
        return
      }
      // Handed out again because a broken connection ate our sign of work: the acknowledgement of the
      // first copy settles both, and copies of what is parked for hours must not pile up.
      if (this.#held.get(delivery.sequence)?.storedAt === delivery.storedAt) continue
      this.#held.set(delivery.sequence, delivery)
      this.#lanes.add(job.key, (park) => this.#work(delivery, job, park), delivery.body.length)
    }
  }

  async #work(delivery: Delivery, job: Job, park: Park): Promise<void> {
    for (let attempt = 1; ; attempt += 1) {
      try {
        mustHold(this.#options.right)
        await job.work(park)
        this.#release(delivery)
        delivery.ack()
        this.#stuck = undefined
        return
      } catch (error) {
        if (this.#stopping.signal.aborted) {
          this.#release(delivery)
          this.#source?.giveBack(delivery)
          return
        }
        if (error instanceof SignetError && !error.retryable) this.#stuck = error.message
        this.#options.onTrouble(error)
        await sleep(backoffMs(REOPEN, attempt, Math.random()), this.#stopping.signal).catch(
          () => undefined,
        )
      }
    }
  }

  /** A stream that was made anew gives its sequences out again: only its own entry goes. */
  #release(delivery: Delivery): void {
    if (this.#held.get(delivery.sequence) === delivery) this.#held.delete(delivery.sequence)
  }
}

/** Drains some pumps at once; rejects with the first failure when all of them have ended. */
export async function drainPumps(pumps: readonly Pump[]): Promise<void> {
  const drained = await Promise.allSettled(pumps.map((pump) => pump.drain()))
  const failed = drained.find((outcome) => outcome.status === 'rejected')
  if (failed !== undefined) throw failed.reason
}

/** What is wrong with the first of some pumps that does not work; undefined where all do. */
export function pumpTrouble(pumps: readonly Pump[]): string | undefined {
  return pumps.find((pump) => pump.trouble !== undefined)?.trouble
}
