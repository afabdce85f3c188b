import type { Topology } from '../domain/topology.ts'

/**
 * Where the parts of an agent have the topology from. It changes as a whole and between two turns of the
 * event loop: whoever decides something reads `current` once, and decides by that.
 */
export interface TopologySource {
  readonly current: Topology
  /** Calls `listener` after each change, until the returned function is called. Must not throw. */
  onChange(listener: (topology: Topology) => void): () => void
  /**
   * Has `prepare` done before a change takes effect, for what must be there by then, until the returned
   * function is called. The change waits until it resolves; it rejects when `signal` is aborted, because a
   * newer one has come.
   */
  beforeChange(prepare: Prepare): () => void
}

export type Prepare = (next: Topology, signal: AbortSignal) => Promise<void>

/** A topology that stays as it is. */
export function fixedTopology(topology: Topology): TopologySource {
  return { current: topology, onChange: () => () => {}, beforeChange: () => () => {} }
}

/** The topology of an agent, which can be replaced while it runs. */
export class LiveTopology implements TopologySource {
  readonly #listeners = new Set<(topology: Topology) => void>()
  readonly #prepares = new Set<Prepare>()
  #current: Topology

  constructor(topology: Topology) {
    this.#current = topology
  }

  get current(): Topology {
    return this.#current
  }

  onChange(listener: (topology: Topology) => void): () => void {
    this.#listeners.add(listener)
    return () => {
      this.#listeners.delete(listener)
    }
  }

  beforeChange(prepare: Prepare): () => void {
    this.#prepares.add(prepare)
    return () => {
      this.#prepares.delete(prepare)
    }
  }

  /** Puts `next` in the place of what is current, once all is prepared; then all parts see it at once. */
  async replace(next: Topology, signal: AbortSignal): Promise<void> {
    const done = new Set<Prepare>()
    for (;;) {
      // Somebody may have joined meanwhile, who made ready for the topology that is still current.
      const open = [...this.#prepares].filter((prepare) => !done.has(prepare))
      if (open.length === 0) break
      await Promise.all(open.map((prepare) => prepare(next, signal)))
      for (const prepare of open) done.add(prepare)
    }
    signal.throwIfAborted()
    this.#current = next
    for (const listener of this.#listeners) listener(next)
  }
}

/** What is derived from a topology, made once for each. */
export function perTopology<T>(source: TopologySource, derive: (topology: Topology) => T): () => T {
  let made: { readonly from: Topology; readonly value: T } | undefined
  return () => {
    const from = source.current
    if (made?.from !== from) made = { from, value: derive(from) }
    return made.value
  }
}
