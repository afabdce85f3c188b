import type { Metrics } from '../observe/metrics.ts'
import type { Pump } from '../runtime/pump.ts'

/** Sets the gauges of some pumps; those of one direction, such as of several control planes, add up. */
export function observePumps(pumps: readonly Pump[], metrics: Metrics): void {
  for (const direction of new Set(pumps.map((pump) => pump.direction))) {
    const alike = pumps.filter((pump) => pump.direction === direction)
    metrics.consumerPending.set({ direction }, sum(alike.map(({ pending }) => pending)))
    metrics.inFlight.set({ direction }, sum(alike.map(({ held }) => held)))
  }
}

function sum(numbers: readonly number[]): number {
  return numbers.reduce((total, number) => total + number, 0)
}
