import type { NatsLook } from '../domain/link-state.ts'
import { SignetError } from '../errors.ts'
import { sleep } from '../runtime/clock.ts'
import type { Part } from '../runtime/lifecycle.ts'

export interface NatsProofOptions {
  /** Whether the gateway is connected. */
  readonly isConnected: () => boolean
  /**
   * Goes to the hub store and back, to the stamp's own consumer there, and tells whether all was fetched that lies
   * there; rejects where that fails.
   */
  readonly roundTrip: () => Promise<boolean>
  /** Called after each proof, and each failure of one. */
  readonly onLook: (look: Omit<NatsLook, 'at'>) => void
  /** From one to the next, in milliseconds. */
  readonly everyMs: number
}

/**
 * Proves that NATS leads to the hub store, as long as it runs: a connection to the own gateway says nothing of the
 * gateways between.
 */
export class NatsProof implements Part {
  readonly name = 'proof of NATS'
  readonly #options: NatsProofOptions
  readonly #stopping = new AbortController()
  #isProved = false

  constructor(options: NatsProofOptions) {
    this.#options = options
  }

  /** Whether the last round trip came back, and nothing has broken since. */
  isNatsProven(): boolean {
    return this.#isProved && this.#options.isConnected()
  }

  start(): Promise<void> {
    void this.#run(this.#stopping.signal)
    return Promise.resolve()
  }

  /** The round trip that is under way ends by itself. */
  stop(): Promise<void> {
    this.#stopping.abort(new SignetError('SIGNET_STOPPED', 'The agent stops.'))
    return Promise.resolve()
  }

  async #run(signal: AbortSignal): Promise<void> {
    const { isConnected, roundTrip, onLook, everyMs } = this.#options
    while (!signal.aborted) {
      const told = isConnected() ? await roundTrip().catch(() => undefined) : undefined
      if (signal.aborted) return
      this.#isProved = told !== undefined
      onLook({ isProved: this.isNatsProven(), isCaughtUp: told === true })
      await sleep(everyMs, signal).catch(() => undefined)
    }
  }
}
