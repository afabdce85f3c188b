/** Waits without taking up room: see `Lanes`. */
export type Park = <T>(wait: Promise<T>) => Promise<T>

/** What a lane runs. Must not reject: what goes wrong is its own to settle. */
export type Task = (park: Park) => Promise<void>

interface Lane {
  /** The tasks that wait for the running one, with what each of them holds. */
  readonly waiting: { readonly task: Task; readonly bytes: number }[]
  /** Those and the running one. */
  count: number
  bytes: number
  isParked: boolean
}

/**
 * Runs tasks: those of one key after each other, in the order they came; those of different keys side by
 * side. At most `limit` are taken on at once, so that whoever brings them is held back (back-pressure by
 * waiting, not by a growing list).
 *
 * A task that waits for somebody else, for as long as it takes, parks: its lane then counts no more
 * against the limit, and the other keys go on. What parked lanes hold is bounded by bytes instead.
 */
export class Lanes {
  readonly #limit: number
  readonly #mostParkedBytes: number
  /** A key is here as long as one of its tasks runs. */
  readonly #lanes = new Map<string, Lane>()
  readonly #room: (() => void)[] = []
  readonly #idle: (() => void)[] = []
  readonly #mostBytes: number
  #running = 0
  #bytes = 0
  #parked = 0
  #parkedBytes = 0

  /**
   * `limit`: how many tasks are taken on at once, those of parked lanes apart. `mostParkedBytes`: how much
   * parked lanes may hold; beyond it nothing more is taken on. `mostBytes`: the same for all other lanes.
   */
  constructor(
    limit: number,
    mostParkedBytes = Number.POSITIVE_INFINITY,
    mostBytes = Number.POSITIVE_INFINITY,
  ) {
    this.#limit = limit
    this.#mostParkedBytes = mostParkedBytes
    this.#mostBytes = mostBytes
  }

  /** Tasks that were taken on and have not ended, parked or not. */
  get running(): number {
    return this.#running
  }

  /** Those of them that a parked lane holds. */
  get parked(): number {
    return this.#parked
  }

  /** Whether a task would be taken on now. */
  get hasRoom(): boolean {
    return (
      this.#running - this.#parked < this.#limit &&
      this.#bytes - this.#parkedBytes < this.#mostBytes &&
      this.#parkedBytes < this.#mostParkedBytes
    )
  }

  /** Resolves as soon as there is room; the next `add` is then taken without waiting. */
  async room(): Promise<void> {
    while (!this.hasRoom) await new Promise<void>((resolve) => this.#room.push(resolve))
  }

  /** Takes a task on. `bytes` is what it keeps in memory. */
  add(key: string, task: Task, bytes = 0): void {
    this.#running += 1
    this.#bytes += bytes
    const lane = this.#lanes.get(key)
    if (lane === undefined) {
      const begun: Lane = { waiting: [], count: 1, bytes, isParked: false }
      this.#lanes.set(key, begun)
      void this.#run(key, begun, { task, bytes })
      return
    }
    lane.waiting.push({ task, bytes })
    lane.count += 1
    lane.bytes += bytes
    if (!lane.isParked) return
    this.#parked += 1
    this.#parkedBytes += bytes
  }

  /** Resolves when nothing is running. */
  async idle(): Promise<void> {
    if (this.#running > 0) await new Promise<void>((resolve) => this.#idle.push(resolve))
  }

  async #run(key: string, lane: Lane, first: Lane['waiting'][number]): Promise<void> {
    const park: Park = (wait) => this.#park(lane, wait)
    for (let next: typeof first | undefined = first; next; next = lane.waiting.shift()) {
      await next.task(park)
      lane.count -= 1
      lane.bytes -= next.bytes
      this.#running -= 1
      this.#bytes -= next.bytes
      this.#room.shift()?.()
    }
    this.#lanes.delete(key)
    if (this.#running === 0) for (const wake of this.#idle.splice(0)) wake()
  }

  async #park<T>(lane: Lane, wait: Promise<T>): Promise<T> {
    lane.isParked = true
    this.#parked += lane.count
    this.#parkedBytes += lane.bytes
    for (const wake of this.#room.splice(0)) wake()
    try {
      return await wait
    } finally {
      // Those that come back are in memory already: for a moment more than `limit` may run.
      lane.isParked = false
      this.#parked -= lane.count
      this.#parkedBytes -= lane.bytes
      for (const wake of this.#room.splice(0)) wake()
    }
  }
}
