export interface Settling {
  /** When one will have subscribed to what it wants; undefined where it has to ping first. */
  listensFrom(id: string): number | undefined
  settled(): void
}

/** Waits until integrations have subscribed, and tells when one has. */
export class SettlingTimers {
  readonly #now: () => number
  readonly #of: Settling
  readonly #timers = new Map<string, NodeJS.Timeout>()

  constructor(now: () => number, of: Settling) {
    this.#now = now
    this.#of = of
  }

  watch(id: string): void {
    this.forget(id)
    const listensFrom = this.#of.listensFrom(id)
    if (listensFrom === undefined) return
    const wait = listensFrom - this.#now()
    if (wait <= 0) {
      this.#of.settled()
      return
    }
    // A timer may be early by a fraction of a millisecond, and so it looks again.
    const timer = setTimeout(() => {
      this.watch(id)
    }, Math.ceil(wait))
    this.#timers.set(id, timer)
  }

  forget(id: string): void {
    clearTimeout(this.#timers.get(id))
    this.#timers.delete(id)
  }

  stop(): void {
    for (const timer of this.#timers.values()) clearTimeout(timer)
    this.#timers.clear()
  }
}
