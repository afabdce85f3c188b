import { observePumps } from '../flow/observe-pumps.ts'
import type { Proof } from '../flow/proofs.ts'
import { observeProofs, proofTrouble } from '../flow/proofs.ts'
import type { Metrics } from '../observe/metrics.ts'
import type { Part } from '../runtime/lifecycle.ts'
import type { Pump } from '../runtime/pump.ts'
import { drainPumps, pumpTrouble } from '../runtime/pump.ts'
import type { GatewayDelivery } from './gateway-delivery.ts'

/** What the hub store holds for a stamp comes down, beside a link over HTTPS that may be in use. */
export class Deliveries implements Part {
  readonly name = 'deliveries over NATS'
  readonly #deliveries: readonly GatewayDelivery[]
  readonly #metrics: Metrics
  readonly #isNeeded: () => boolean

  /** `isNeeded`: whether it is trouble that they do not work. */
  constructor(deliveries: readonly GatewayDelivery[], metrics: Metrics, isNeeded: () => boolean) {
    this.#deliveries = deliveries
    this.#metrics = metrics
    this.#isNeeded = isNeeded
  }

  get notReady(): string | undefined {
    return this.#isNeeded() ? (pumpTrouble(this.#pumps) ?? proofTrouble(this.proofs)) : undefined
  }

  /** How long ago something came through the gateway. */
  get proofs(): readonly Proof[] {
    return this.#deliveries.flatMap(({ watch, canary }) => [watch, canary])
  }

  get #pumps(): readonly Pump[] {
    return this.#deliveries.map(({ pump }) => pump)
  }

  start(): Promise<void> {
    for (const { pump, watch, canary } of this.#deliveries)
      for (const part of [pump, watch, canary]) part.start()
    return Promise.resolve()
  }

  stop(): Promise<void> {
    for (const { watch, canary } of this.#deliveries)
      for (const part of [watch, canary]) part.stop()
    return drainPumps(this.#pumps)
  }

  observe(): void {
    observePumps(this.#pumps, this.#metrics)
    observeProofs(this.proofs, this.#metrics)
  }
}
