import { observePumps } from '../flow/observe-pumps.ts'
import type { Metrics } from '../observe/metrics.ts'
import type { Part } from '../runtime/lifecycle.ts'
import type { Pump } from '../runtime/pump.ts'
import { drainPumps, pumpTrouble } from '../runtime/pump.ts'

/** What the hub store holds for a stamp comes down, beside a link over HTTPS that may be in use. */
export class Deliveries implements Part {
  readonly name = 'deliveries over NATS'
  readonly #pumps: readonly Pump[]
  readonly #metrics: Metrics
  readonly #isNeeded: () => boolean

  /** `isNeeded`: whether it is trouble that they do not work. */
  constructor(pumps: readonly Pump[], metrics: Metrics, isNeeded: () => boolean) {
    this.#pumps = pumps
    this.#metrics = metrics
    this.#isNeeded = isNeeded
  }

  get notReady(): string | undefined {
    return this.#isNeeded() ? pumpTrouble(this.#pumps) : undefined
  }

  start(): Promise<void> {
    for (const pump of this.#pumps) pump.start()
    return Promise.resolve()
  }

  stop(): Promise<void> {
    return drainPumps(this.#pumps)
  }

  observe(): void {
    observePumps(this.#pumps, this.#metrics)
  }
}
