import type { Direction } from '../domain/subject.ts'
import type { Topology } from '../domain/topology.ts'
import { SignetError } from '../errors.ts'
import type { Metrics } from '../observe/metrics.ts'
import type { Crossed, Way } from './residency.ts'
import { cross } from './residency.ts'

/** What was on its way when a geo did not let it go; a label of the metrics. */
export type Cargo = 'event' | 'dead-letter' | 'replay' | 'log' | 'call' | 'answer' | 'command'

export interface BorderOptions {
  readonly topology: { readonly current: Topology }
  readonly metrics: Metrics
}

/** What leaves a geo goes through here (DESIGN 7.6), by the topology of the moment; refusals are counted. */
export class Border {
  readonly #options: BorderOptions
  /** By body, for the copies of one event: what was edited once need not be parsed for every stamp. */
  readonly #edited = new WeakMap<
    Uint8Array,
    { topology: Topology; crossed: Map<string, Crossed> }
  >()

  constructor(options: BorderOptions) {
    this.#options = options
  }

  /** Takes a body across, or says why it may not go; whoever acts on it counts it. */
  look(way: Way, body: Uint8Array): Crossed {
    const { current } = this.#options.topology
    let kept = this.#edited.get(body)
    if (kept?.topology !== current) {
      kept = { topology: current, crossed: new Map() }
      this.#edited.set(body, kept)
    }
    const key = [...way.from, way.to, way.tail].join(' ')
    const known = kept.crossed.get(key) ?? cross(current, way, body)
    kept.crossed.set(key, known)
    return known
  }

  count(direction: Direction, cargo: Cargo): void {
    this.#options.metrics.residencyRefusals.inc({ direction, reason: cargo })
  }
}

/** What may not leave its geo, as an error that no retry mends. */
export function mayNotLeave(why: string): SignetError {
  return new SignetError('SIGNET_RESIDENCY_REFUSED', `It may not leave its geo: ${why}.`)
}
