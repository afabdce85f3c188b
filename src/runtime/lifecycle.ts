import { SignetError } from '../errors.ts'

const LAST_GRACE_MS = 500

/** A part of the agent that is started once and stopped once. */
export interface Part {
  /** As errors have it. A part of parts may say which of them it is at. */
  readonly name: string
  /** Resolves when the part works. Must stop waiting when `signal` is aborted. */
  start(signal: AbortSignal): Promise<void>
  /** Takes nothing new, finishes what it has, lets go. `signal` is aborted when the time is up. */
  stop(signal: AbortSignal): Promise<void>
}

export type LifecycleState = 'new' | 'starting' | 'running' | 'draining' | 'stopped'

/**
 * Starts parts in order, and stops them in the reverse order within a deadline. A start that fails half-way
 * undoes itself. `stop` may be called twice, from anywhere, before or during `start`: every caller gets the
 * one outcome.
 */
export class Lifecycle {
  readonly #parts: readonly Part[]
  readonly #drainMs: number
  readonly #abort = new AbortController()
  readonly #begun: Part[] = []
  #state: LifecycleState = 'new'
  #starting: Promise<void> | undefined
  #stopping: Promise<void> | undefined
  #last: Part | undefined

  constructor(parts: readonly Part[], drainMs: number) {
    this.#parts = parts
    this.#drainMs = drainMs
  }

  get state(): LifecycleState {
    return this.#state
  }

  start(): Promise<void> {
    this.#starting ??= this.#start()
    return this.#starting
  }

  /** `deadline` is aborted when the time is up; without one it is up after `drainMs`. */
  stop(deadline?: AbortSignal): Promise<void> {
    this.#stopping ??= this.#stop(deadline)
    return this.#stopping
  }

  /** The name of the part that is being stopped. */
  get stopping(): string | undefined {
    return this.#last?.name
  }

  async #start(): Promise<void> {
    if (this.#stopping !== undefined) throw stopped()
    this.#state = 'starting'
    try {
      for (const part of this.#parts) {
        this.#abort.signal.throwIfAborted()
        // Listed before it starts, so that one that fails half-way is stopped too.
        this.#begun.push(part)
        await part.start(this.#abort.signal)
      }
    } catch (error) {
      // The first failure is the one to tell; what goes wrong while tidying up must not hide it.
      if (this.#stopping === undefined) await this.#undo().catch(() => undefined)
      throw error
    }
    if (this.#stopping !== undefined) throw stopped()
    this.#state = 'running'
  }

  async #stop(deadline?: AbortSignal): Promise<void> {
    this.#state = 'draining'
    this.#abort.abort(stopped())
    await this.#starting?.catch(() => undefined)
    await (deadline === undefined ? this.#undo() : this.#stopParts(deadline))
  }

  async #undo(): Promise<void> {
    const deadline = new AbortController()
    // Not AbortSignal.timeout(): its timer would let the process exit before the drain is over.
    const timer = setTimeout(() => {
      deadline.abort()
    }, this.#drainMs)
    await this.#stopParts(deadline.signal).finally(() => {
      clearTimeout(timer)
    })
  }

  async #stopParts(deadline: AbortSignal): Promise<void> {
    const failures: unknown[] = []
    for (const part of this.#begun.splice(0).toReversed()) {
      this.#last = part
      const over = new AbortController()
      try {
        await Promise.race([part.stop(deadline), overdue(part, deadline, over.signal)])
      } catch (error) {
        failures.push(...(error instanceof AggregateError ? (error.errors as unknown[]) : [error]))
      }
      // Not left to listen for the deadline of the others.
      over.abort()
    }
    this.#last = undefined
    this.#state = 'stopped'
    if (failures.length === 1) throw failures[0] as Error
    if (failures.length > 1) throw new AggregateError(failures, 'The agent did not stop cleanly.')
  }
}

function overdue(part: Part, deadline: AbortSignal, over: AbortSignal): Promise<never> {
  return new Promise((_, reject) => {
    const late = (): void => {
      reject(
        new SignetError(
          'SIGNET_DRAIN_OVERDUE',
          `${part.name} did not stop in time; what it held comes again after a restart.`,
          { details: { part: part.name } },
        ),
      )
    }
    // Parts that come after one that was overdue still get a moment to close what they hold open.
    const grace = (): void => {
      setTimeout(late, LAST_GRACE_MS)
    }
    if (deadline.aborted) grace()
    else deadline.addEventListener('abort', grace, { once: true, signal: over })
  })
}

function stopped(): SignetError {
  return new SignetError('SIGNET_STOPPED', 'The agent was stopped while it started.')
}
