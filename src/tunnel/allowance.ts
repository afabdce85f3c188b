import { failure } from './tunnel-failure.ts'

export interface AllowanceOptions {
  /** The most calls of one stamp under way at once. */
  readonly mostCalls: number
  /** The most that their bodies may hold in memory, in bytes. */
  readonly mostBytes: number
}

interface Used {
  calls: number
  bytes: number
}

/** What each stamp may have under way at once, so that none of them takes the hub from the others. */
export class Allowance {
  readonly #options: AllowanceOptions
  readonly #used = new Map<string, Used>()

  constructor(options: AllowanceOptions) {
    this.#options = options
  }

  /**
   * Lets a call in that holds so many bytes, until the returned function is called once. Throws
   * `SIGNET_TUNNEL_BUSY` beyond the limits; one call is always let in, however large its body.
   */
  enter(stamp: string, bytes: number): () => void {
    const { mostCalls, mostBytes } = this.#options
    const used = this.#used.get(stamp) ?? { calls: 0, bytes: 0 }
    if (used.calls >= mostCalls)
      throw failure('too-many', `Stamp ${stamp} has ${mostCalls} calls under way.`)
    if (used.calls > 0 && used.bytes + bytes > mostBytes)
      throw failure('too-many', `Stamp ${stamp} has ${mostBytes} bytes under way.`)
    used.calls += 1
    used.bytes += bytes
    this.#used.set(stamp, used)
    return () => {
      used.calls -= 1
      used.bytes -= bytes
      if (used.calls === 0) this.#used.delete(stamp)
    }
  }
}
