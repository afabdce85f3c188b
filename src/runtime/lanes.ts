/**
 * Runs tasks: those of one key after each other, in the order they came; those of different keys side by
 * side. At most `limit` are taken on at once, so that whoever brings them is held back (back-pressure by
 * waiting, not by a growing list).
 */
export class Lanes {
  readonly #limit: number
  /** The tasks of a key that wait for the running one; a key is here as long as one of its tasks runs. */
  readonly #lanes = new Map<string, (() => Promise<void>)[]>()
  readonly #room: (() => void)[] = []
  readonly #idle: (() => void)[] = []
  #running = 0

  constructor(limit: number) {
    this.#limit = limit
  }

  /** Tasks that were taken on and have not ended. */
  get running(): number {
    return this.#running
  }

  /** Resolves as soon as there is room; the next `add` is then taken without waiting. */
  async room(): Promise<void> {
    while (this.#running >= this.#limit) {
      await new Promise<void>((resolve) => this.#room.push(resolve))
    }
  }

  /** Takes a task on. Tasks must not reject: what goes wrong is theirs to settle. */
  add(key: string, task: () => Promise<void>): void {
    this.#running += 1
    const lane = this.#lanes.get(key)
    if (lane !== undefined) {
      lane.push(task)
      return
    }
    const waiting: (() => Promise<void>)[] = []
    this.#lanes.set(key, waiting)
    void this.#run(key, task, waiting)
  }

  /** Resolves when nothing is running. */
  async idle(): Promise<void> {
    if (this.#running > 0) await new Promise<void>((resolve) => this.#idle.push(resolve))
  }

  async #run(
    key: string,
    first: () => Promise<void>,
    waiting: (() => Promise<void>)[],
  ): Promise<void> {
    for (let task: (() => Promise<void>) | undefined = first; task; task = waiting.shift()) {
      await task()
      this.#running -= 1
      this.#room.shift()?.()
    }
    this.#lanes.delete(key)
    if (this.#running === 0) for (const wake of this.#idle.splice(0)) wake()
  }
}
