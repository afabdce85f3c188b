import { passes } from '../domain/interest.ts'
import { hasPatterns, openQueries } from '../domain/poll-interest.ts'
import { pollWaitMs } from '../domain/poll-pace.ts'
import { readCloudEvent } from '../domain/recipient-event.ts'
import { subjectMatches } from '../domain/subject.ts'
import { SignetError } from '../errors.ts'
import { openEvents } from '../https/event-lists.ts'
import type { ApiResult, KeptnApi } from '../https/keptn-api.ts'
import { listProjects } from '../https/project-list.ts'
import type { Log } from '../observe/log.ts'
import type { Metrics } from '../observe/metrics.ts'
import { sleep } from '../runtime/clock.ts'
import type { Dispatch, Wish } from './dispatch.ts'

export interface PollOpenOptions {
  readonly api: KeptnApi
  readonly dispatch: Dispatch
  readonly intervalMs: number
  readonly log: Log
  readonly metrics: Metrics
}

type Failed = Extract<ApiResult, { ok: false }>

/** After failures it comes again after so many intervals at most: a minute, as they are by default. */
const MOST_INTERVALS = 6
/** Which types a pattern may mean is asked again after this, in milliseconds. */
const TYPES_MS = 300_000

/** Polls open events for those that run outside of Keptn's cluster (wire 3.4): each type once in a round. */
export class PollOpen {
  readonly #options: PollOpenOptions
  readonly #stopping = new AbortController()
  #wishes: readonly Wish[] = []
  #types: readonly string[] = []
  #typesStaleAt = 0
  #wake: (() => void) | undefined
  #trouble: string | undefined
  #loop: Promise<void> | undefined

  constructor(options: PollOpenOptions) {
    this.#options = options
  }

  get trouble(): string | undefined {
    return this.#trouble
  }

  start(): void {
    this.#loop = this.#run(this.#stopping.signal)
  }

  /** What is subscribed to from now on; what is new is asked for at once. */
  update(wishes: readonly Wish[]): void {
    const known = new Set(this.#wishes.map(({ key }) => key))
    this.#wishes = wishes
    if (wishes.some(({ key }) => !known.has(key))) this.#wake?.()
  }

  async stop(): Promise<void> {
    this.#stopping.abort(new SignetError('SIGNET_STOPPED', 'The distributor stops.'))
    await this.#loop
  }

  async #run(signal: AbortSignal): Promise<void> {
    const { intervalMs, metrics, log } = this.#options
    const pace = { intervalMs, mostMs: MOST_INTERVALS * intervalMs }
    for (let failures = 0; !signal.aborted;) {
      let failed: Failed | undefined
      try {
        failed = await this.#round(signal)
      } catch (error) {
        if (signal.aborted) return
        failed = unforeseen(error)
      }
      failures = failed === undefined ? 0 : failures + 1
      metrics.polls.inc({ result: failed === undefined ? 'ok' : 'failed' })
      const trouble = failed === undefined ? undefined : `polling: ${failed.error.message}`
      if (trouble !== undefined && trouble !== this.#trouble)
        log.warn({ error: failed?.error }, 'Polling fails, and is tried again.')
      this.#trouble = trouble
      const wait = pollWaitMs(pace, failures, failed?.retryAfterMs, Math.random())
      await this.#pause(wait, failures === 0, signal)
    }
  }

  /** Waits, or until something new is subscribed to where that `mayWake`. */
  async #pause(ms: number, mayWake: boolean, signal: AbortSignal): Promise<void> {
    const woken = new AbortController()
    const stop = (): void => {
      woken.abort()
    }
    if (mayWake) this.#wake = stop
    signal.addEventListener('abort', stop, { once: true })
    await sleep(ms, woken.signal).catch(() => undefined)
    signal.removeEventListener('abort', stop)
    this.#wake = undefined
  }

  async #round(signal: AbortSignal): Promise<Failed | undefined> {
    const wishes = this.#wishes
    const integrations = [{ name: '', subscriptions: wishes }]
    const types = hasPatterns(integrations) ? await this.#knownTypes(signal) : []
    const open = new Map(wishes.map(({ key = '' }) => [key, new Set<string>()]))
    let failed: Failed | undefined
    for (const query of openQueries(integrations, types)) {
      const listed = await openEvents(this.#options.api, query, signal)
      if (listed.ok) {
        for (const text of listed.events.toReversed()) this.#offer(text, wishes, open)
        continue
      }
      // What is open is not known then, so nothing is forgotten.
      for (const { key = '' } of wanting(wishes, query.type)) open.delete(key)
      // A filter may name a project that is gone; the others must not suffer from that.
      if (listed.status !== 404 || query.project === undefined) failed ??= listed
    }
    for (const [key, ids] of open) this.#options.dispatch.keep(key, ids)
    return failed
  }

  #offer(text: string, wishes: readonly Wish[], open: ReadonlyMap<string, Set<string>>): void {
    const event = readCloudEvent(text)
    if (event === undefined) return
    for (const wish of wanting(wishes, event.type)) {
      open.get(wish.key ?? '')?.add(event.id)
      if (passes(wish, event)) this.#options.dispatch.offer(event, text, wish)
    }
  }

  async #knownTypes(signal: AbortSignal): Promise<readonly string[]> {
    if (performance.now() < this.#typesStaleAt) return this.#types
    const projects = await listProjects(this.#options.api, signal)
    if (projects === undefined) return this.#types
    this.#typesStaleAt = performance.now() + TYPES_MS
    this.#types = projects.types
    return this.#types
  }
}

/** A fault of ours is told, and the next round is another try. */
function unforeseen(cause: unknown): Failed {
  const error = new SignetError('SIGNET_INTERNAL', 'A round of polling failed.', { cause })
  return { ok: false, status: 0, error, mayHaveArrived: false }
}

function wanting(wishes: readonly Wish[], type: string): readonly Wish[] {
  return wishes.filter(({ event }) => subjectMatches(event, type))
}
