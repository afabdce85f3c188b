import { backoffMs } from '../domain/backoff.ts'
import { differsUpstream } from '../domain/registration-entry.ts'
import type { UpstreamPace } from '../domain/upstream-schedule.ts'
import { dueAt, UPSTREAM_PACE } from '../domain/upstream-schedule.ts'
import type { ErrorCode } from '../errors.ts'
import { isSignetError, SignetError } from '../errors.ts'
import type { Log } from '../observe/log.ts'
import type { Part } from '../runtime/lifecycle.ts'
import type { KnownRegistration } from './registrations-known.ts'
import type { RegistrationChange } from './registrations-shared.ts'

export interface RegistrationsUplinkOptions {
  readonly registrations: {
    everything(): readonly KnownRegistration[]
    onChange(listener: (change: RegistrationChange) => void): () => void
  }
  readonly visit: { make(id: string, signal: AbortSignal): Promise<void> }
  readonly now: () => number
  readonly pace?: UpstreamPace
  readonly log: Log
}

/** What is remembered of what the control plane was told of one integration. */
interface Told {
  readonly at: number | undefined
  readonly failedAt: number
  readonly failures: number
  readonly random: number
}

/** So many integrations are told of at once, and no two begin within so many milliseconds. */
const MOST_AT_ONCE = 4
const SPACING_MS = 50
/** What only time makes due is found within this, in milliseconds. */
const LOOK_MS = 1_000

/**
 * Tells the control plane of the stamp's integrations (DESIGN 7.8), in one agent of the stamp: what changed
 * at once, and that they live seldom. Nothing in the stamp waits for it.
 */
export class RegistrationsUplink implements Part {
  readonly name = 'registrations uplink'
  readonly #options: RegistrationsUplinkOptions
  readonly #pace: UpstreamPace
  readonly #told = new Map<string, Told>()
  readonly #visits = new Map<string, Promise<void>>()
  readonly #stopped = new AbortController()
  #timer: NodeJS.Timeout | undefined
  #isSoon = false
  #beganAt = 0
  #outage = { failures: 0, until: 0 }
  #forget: (() => void) | undefined

  constructor(options: RegistrationsUplinkOptions) {
    this.#options = options
    this.#pace = options.pace ?? UPSTREAM_PACE
  }

  start(): Promise<void> {
    this.#forget = this.#options.registrations.onChange(() => {
      this.#wake()
    })
    this.#wake()
    return Promise.resolve()
  }

  /** Gives up what is under way: it is told again by the next agent. */
  async stop(): Promise<void> {
    this.#forget?.()
    clearTimeout(this.#timer)
    this.#stopped.abort(new SignetError('SIGNET_STOPPED', 'The agent stops.'))
    await Promise.all(this.#visits.values())
  }

  #wake(): void {
    if (this.#isSoon || this.#stopped.signal.aborted) return
    this.#isSoon = true
    this.#lookIn(Math.max(0, this.#beganAt + SPACING_MS - this.#options.now()))
  }

  #lookIn(ms: number): void {
    clearTimeout(this.#timer)
    this.#timer = setTimeout(() => {
      this.#isSoon = false
      this.#look()
    }, ms)
  }

  #look(): void {
    if (this.#stopped.signal.aborted) return
    const now = this.#options.now()
    const isFree = this.#visits.size < MOST_AT_ONCE && now >= this.#outage.until
    const next = isFree ? this.#next(now) : undefined
    if (next === undefined) {
      this.#lookIn(LOOK_MS)
      return
    }
    this.#beganAt = now
    this.#visits.set(next, this.#visit(next))
    this.#wake()
  }

  /** Who has waited longest; whatever changed comes before whoever only lives. */
  #next(now: number): string | undefined {
    const known = this.#options.registrations.everything()
    const ids = new Set(known.map(({ entry }) => entry.registration.id))
    for (const id of this.#told.keys()) if (!ids.has(id)) this.#told.delete(id)
    let next: { readonly id: string; readonly at: number } | undefined
    for (const one of known) {
      const { id } = one.entry.registration
      const at = this.#visits.has(id) ? undefined : this.#dueAt(id, one, now)
      if (at !== undefined && at <= now && at < (next?.at ?? Infinity)) next = { id, at }
    }
    return next?.id
  }

  #dueAt(id: string, { entry, life }: KnownRegistration, now: number): number | undefined {
    const { at, failedAt, failures, random } = this.#told.get(id) ?? NEVER
    const need = {
      isRemoved: entry.isRemoved,
      isKnownUpstream: entry.upstream !== undefined,
      isOutdated: differsUpstream(entry),
      seenAt: life.seenAt,
      toldAt: at,
      failedAt,
      failures,
      random,
    }
    return dueAt(need, now, this.#pace)
  }

  async #visit(id: string): Promise<void> {
    const { visit, now, log } = this.#options
    try {
      await visit.make(id, this.#stopped.signal)
      this.#told.set(id, { ...NEVER, at: now(), random: Math.random() })
      if (this.#outage.failures > 0) log.info({}, 'The control plane hears of integrations again.')
      this.#outage = { failures: 0, until: 0 }
    } catch (error) {
      if (!this.#stopped.signal.aborted) this.#failed(id, error)
    }
    this.#visits.delete(id)
    this.#wake()
  }

  #failed(id: string, error: unknown): void {
    const { now, log } = this.#options
    const before = this.#told.get(id) ?? NEVER
    const failures = before.failures + 1
    this.#told.set(id, { ...before, failedAt: now(), failures, random: Math.random() })
    // An answer, if not the right one: the others may fare better.
    if (!isSignetError(error) || OF_ONE.has(error.code)) {
      if (failures === 1) log.warn({ error, id }, 'The control plane does not take an integration.')
      return
    }
    // Those that were under way together fail together, and count once.
    if (now() < this.#outage.until) return
    const count = this.#outage.failures + 1
    this.#outage = {
      failures: count,
      until: now() + backoffMs(this.#pace.outage, count, Math.random()),
    }
    if (count === 1) log.warn({ error, id }, 'The control plane cannot be told of integrations.')
  }
}

/** What may be wrong with one integration and not with another. */
const OF_ONE: ReadonlySet<ErrorCode> = new Set(['SIGNET_REGISTRATION_REFUSED', 'SIGNET_TOO_LARGE'])

const NEVER: Told = { at: undefined, failedAt: 0, failures: 0, random: 0 }
