import type { KeptnEvent } from '../domain/event.ts'
import { SignetError } from '../errors.ts'
import type { Log } from '../observe/log.ts'
import type { TopologySource } from '../runtime/topology-source.ts'
import type { KnownIntegrations } from './registrations.ts'

/**
 * Holds a `.triggered` back until an integration that wants it listens: Keptn's core subscriptions lose
 * what arrives while a pod restarts, and a lost `.triggered` stalls its task (DESIGN 7.1).
 */
export interface Gate {
  /** Whether the event may be handed over now. */
  isOpen(event: KeptnEvent): boolean
  /** Resolves when the event may be handed over; rejects with `SIGNET_STOPPED` when the stamp stops. */
  opened(event: KeptnEvent): Promise<void>
  /** How many events wait. */
  readonly held: number
  /** Lets go of all that wait. */
  stop(): void
}

export interface InterestGateOptions {
  /** The tasks that the topology says this stamp `handles`: they need no integration that pings us. */
  readonly handles: () => readonly string[]
  readonly topology: Pick<TopologySource, 'onChange'>
  readonly integrations: KnownIntegrations
  /** An event that waits for so long is worth a warning, in milliseconds; default 10 s. */
  readonly warnMs?: number
  readonly log: Log
}

interface Waiting {
  readonly event: KeptnEvent
  resolve(): void
  reject(reason: SignetError): void
}

const WARN_MS = 10_000

/**
 * The gate that asks the registrations. It looks at what waits whenever one of them or the topology changes,
 * and never in between. What waits is bounded by what the pump takes on.
 */
export class InterestGate implements Gate {
  readonly #options: InterestGateOptions
  readonly #waiting = new Set<Waiting>()
  /** By event type: one warning for each, until none of them waits any more. */
  readonly #warnings = new Map<string, NodeJS.Timeout>()
  /** Nobody calls it any more. */
  readonly #forget: readonly (() => void)[]
  #stopped: SignetError | undefined

  constructor(options: InterestGateOptions) {
    this.#options = options
    const look = (): void => {
      this.#look()
    }
    this.#forget = [options.integrations.onChange(look), options.topology.onChange(look)]
  }

  get held(): number {
    return this.#waiting.size
  }

  isOpen(event: KeptnEvent): boolean {
    const { parsedType } = event
    // Anything else expects no answer, and nothing stalls without it.
    if (parsedType.shape !== 'task' || parsedType.kind !== 'triggered') return true
    if (this.#options.handles().includes(parsedType.task)) return true
    return this.#options.integrations.hearing(event) !== 'silent'
  }

  opened(event: KeptnEvent): Promise<void> {
    if (this.#stopped !== undefined) return Promise.reject(this.#stopped)
    if (this.isOpen(event)) return Promise.resolve()
    return new Promise((resolve, reject) => {
      this.#waiting.add({ event, resolve, reject })
      if (!this.#warnings.has(event.type)) this.#watch(event.type)
    })
  }

  stop(): void {
    this.#stopped ??= new SignetError(
      'SIGNET_STOPPED',
      'The stamp stops; what was held comes again.',
    )
    for (const forget of this.#forget) forget()
    for (const waiting of this.#waiting) waiting.reject(this.#stopped)
    this.#waiting.clear()
    this.#tidy()
  }

  #look(): void {
    if (this.#waiting.size === 0) return
    for (const waiting of this.#waiting) {
      if (!this.isOpen(waiting.event)) continue
      this.#waiting.delete(waiting)
      waiting.resolve()
    }
    this.#tidy()
  }

  #tidy(): void {
    const types = new Set([...this.#waiting].map(({ event }) => event.type))
    for (const [type, timer] of this.#warnings) {
      if (types.has(type)) continue
      clearTimeout(timer)
      this.#warnings.delete(type)
    }
  }

  #watch(type: string): void {
    const { log, warnMs = WARN_MS } = this.#options
    const timer = setTimeout(() => {
      const held = [...this.#waiting].filter(({ event }) => event.type === type).length
      log.warn(
        { type, held, seconds: warnMs / 1_000 },
        'Events are held back: no integration that wants them pings this agent.',
      )
    }, warnMs)
    this.#warnings.set(type, timer.unref())
  }
}
