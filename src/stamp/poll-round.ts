import { LRUCache } from 'lru-cache'
import type { KeptnEvent } from '../domain/event.ts'
import { outlineOf } from '../domain/event-outline.ts'
import type { Integration } from '../domain/interest.ts'
import { expectedAnswers } from '../domain/interest.ts'
import { firstCursor, isSurelyOpen, nextCursor } from '../domain/poll-cursor.ts'
import { openQueries, wantedProjects } from '../domain/poll-interest.ts'
import { isListedWhileOpen } from '../domain/polled-turn.ts'
import { subjectMatches } from '../domain/subject.ts'
import { openEvents, storedEvents } from '../https/event-lists.ts'
import type { ApiResult, KeptnApi } from '../https/keptn-api.ts'
import type { Projects } from '../https/project-list.ts'
import { listProjects } from '../https/project-list.ts'
import type { Admitted } from './admit.ts'

/**
 * One round of asking Keptn's API for the events that a stamp wants (DESIGN 7.9). Keptn's datastore says in
 * one answer for each project what was published since the last look, of every kind, and is asked in every
 * round. Open events are what a distributor asks for, type by type (wire 5.1). They are looked at, too,
 * where the datastore is not enough: at the start, after an outage, for an event that had to wait, when the
 * interest changed, and now and then. They show also what Keptn has recorded and holds back; whether one
 * was published, the datastore tells.
 */

export interface PollRoundOptions {
  readonly api: KeptnApi
  /** What the stamp's integrations want now; undefined or empty: nothing is asked for. */
  readonly integrations: () => readonly Integration[] | undefined
  /** Reads the text of an event that is wanted; undefined where it was set aside. */
  readonly read: (text: string) => Promise<KeptnEvent | undefined>
  /**
   * Takes an event that is wanted and published, of each context the oldest first. `isListed`: it comes from
   * among the open ones, and how its turn stands may not have been heard.
   */
  readonly admit: (
    event: KeptnEvent,
    text: string,
    isListed: boolean,
    signal: AbortSignal,
  ) => Promise<Admitted>
  /** Told of all that was published; the id of an event that may be taken from now on. */
  readonly hear: (text: string) => string | undefined
  /** How often all open events are looked at, whatever the datastore says; in milliseconds. */
  readonly sweepMs: number
  /** How far back the first look goes, in milliseconds, where it is not the usual. */
  readonly lookBackMs?: number
}

export type Failed = Extract<ApiResult, { ok: false }>

export const NO_DATASTORE =
  'the Keptn API has no datastore: only open .triggered events are polled, those that Keptn holds back come early, and tasks that several stamps run wait for ever'

/** The projects and shipyards are read again after this, in milliseconds. */
const PROJECTS_MS = 300_000
/** Ids of events that are settled; beyond them `SIGNET_IN` is asked, which knows all. */
const REMEMBERED = 20_000
const UNNAMED = 1_000

export class PollRound {
  readonly #options: PollRoundOptions
  readonly #settled = new LRUCache<string, true>({ max: REMEMBERED })
  readonly #published = new LRUCache<string, true>({ max: REMEMBERED })
  /** Of those that wait for the hub, which no list of open events has: shipyard-controller did not make them. */
  readonly #unnamed = new LRUCache<string, { event: KeptnEvent; text: string }>({ max: UNNAMED })
  readonly #seenTypes = new LRUCache<string, true>({ max: 1_000 })
  readonly #cursors = new Map<string, number>()
  #projects: Projects | undefined
  #projectsStaleAt = 0
  #interest = ''
  #sweepAt = 0
  #hasDatastore = true

  constructor(options: PollRoundOptions) {
    this.#options = options
  }

  /** Whether the API tells what was published; else open events are taken as they come. */
  get hasDatastore(): boolean {
    return this.#hasDatastore
  }

  /** The next round looks at everything. */
  startOver(): void {
    // What came by the other link meanwhile need not be read again.
    this.#cursors.clear()
    this.#sweepAt = 0
    this.#projectsStaleAt = 0
  }

  /** Undefined where all that was asked was answered. */
  async run(signal: AbortSignal): Promise<Failed | undefined> {
    const integrations = this.#options.integrations() ?? []
    const interest = JSON.stringify(integrations)
    if (interest !== this.#interest) this.#sweepAt = 0
    if (integrations.length === 0) return undefined
    const projects = await this.#projectsOf(integrations, signal)
    for (const project of projects ?? []) {
      const failed = this.#hasDatastore && (await this.#look(project, integrations, signal))
      if (failed) return failed
    }
    // Open events of all projects come in one answer, so they do without a list of projects.
    const mustSweep = projects === undefined || !this.#hasDatastore || Date.now() >= this.#sweepAt
    if (!mustSweep) return undefined
    this.#sweepAt = Date.now() + this.#options.sweepMs
    const failed = await this.#sweep(integrations, signal)
    if (failed === undefined) this.#interest = interest
    else this.#sweepAt = 0
    return failed
  }

  /** Undefined where a list of all is needed and not told. */
  async #projectsOf(
    integrations: readonly Integration[],
    signal: AbortSignal,
  ): Promise<readonly string[] | undefined> {
    if (Date.now() >= this.#projectsStaleAt) {
      const listed = await listProjects(this.#options.api, signal)
      this.#projects = listed ?? this.#projects
      if (listed !== undefined) this.#projectsStaleAt = Date.now() + PROJECTS_MS
      // What the API could not do it may have learned.
      this.#hasDatastore = true
    }
    const wanted = wantedProjects(integrations)
    return wanted === 'all' ? this.#projects?.names : wanted
  }

  /** Takes what was published in a project since the last look. */
  async #look(
    project: string,
    integrations: readonly Integration[],
    signal: AbortSignal,
  ): Promise<Failed | undefined> {
    const { api, lookBackMs } = this.#options
    const cursor = this.#cursors.get(project) ?? firstCursor(api.serverNow, lookBackMs)
    const fromTime = new Date(cursor).toISOString()
    const listed = await storedEvents(api, { project, fromTime }, signal)
    if (!listed.ok) {
      if (listed.status !== 404) return listed
      this.#hasDatastore = false
      return undefined
    }
    if (!listed.complete) this.#sweepAt = 0
    const now = api.serverNow
    // Newest first in the answer; the order within a context is to be kept.
    for (const text of listed.events.toReversed()) {
      await this.#hear(text, signal)
      const event = await this.#wanted(text, integrations)
      if (event === undefined) continue
      signal.throwIfAborted()
      this.#published.set(event.id, true)
      if (isSurelyOpen(event, now)) await this.#offer(event, text, false, signal)
      else this.#sweepAt = 0
    }
    const times = listed.events.map((text) => outlineOf(text).time)
    this.#cursors.set(project, nextCursor(cursor, times, now))
    return undefined
  }

  /** Takes the open events that were published. */
  async #sweep(
    integrations: readonly Integration[],
    signal: AbortSignal,
  ): Promise<Failed | undefined> {
    const known = new Set([...(this.#projects?.types ?? []), ...this.#seenTypes.keys()])
    for (const query of openQueries(integrations, known)) {
      const listed = await openEvents(this.#options.api, query, signal)
      // A filter may name a project that is gone, or not there yet.
      if (!listed.ok && listed.status === 404 && query.project !== undefined) continue
      if (!listed.ok) return listed
      for (const text of listed.events.toReversed()) {
        const event = await this.#wanted(text, integrations)
        if (event === undefined) continue
        signal.throwIfAborted()
        const published = await this.#isPublished(event, signal)
        if (typeof published !== 'boolean') return published
        // What is held back gets a new time when it is published, and so the datastore shows it then.
        if (published) await this.#offer(event, text, true, signal)
      }
    }
    return undefined
  }

  /** The event, where somebody wants it and it is not settled yet. */
  async #wanted(
    text: string,
    integrations: readonly Integration[],
  ): Promise<KeptnEvent | undefined> {
    const { id, type } = outlineOf(text)
    const isNamed = integrations.some(({ subscriptions }) =>
      subscriptions.some(({ event }) => subjectMatches(event, type)),
    )
    if (!isNamed || this.#settled.has(id)) return undefined
    if (type.endsWith('.triggered')) this.#seenTypes.set(type, true)
    const event = await this.#options.read(text)
    if (event === undefined) {
      if (id !== '') this.#settled.set(id, true)
    } else if (expectedAnswers(integrations, event).answers > 0) return event
    return undefined
  }

  async #offer(
    event: KeptnEvent,
    text: string,
    isListed: boolean,
    signal: AbortSignal,
  ): Promise<void> {
    const admitted = await this.#options.admit(event, text, isListed, signal)
    if (admitted === 'taken') {
      this.#settled.set(event.id, true)
      this.#unnamed.delete(event.id)
    } else if (admitted === 'unnamed') {
      if (!isListedWhileOpen(event)) this.#unnamed.set(event.id, { event, text })
      // It is offered again from among the open events.
    } else this.#sweepAt = 0
  }

  /** An event whose turn has come is looked for among the open ones: it may have been aborted meanwhile. */
  async #hear(text: string, signal: AbortSignal): Promise<void> {
    const id = this.#options.hear(text)
    if (id === undefined || this.#settled.has(id)) return
    const waiting = this.#unnamed.get(id)
    if (waiting === undefined) this.#sweepAt = 0
    else await this.#offer(waiting.event, waiting.text, false, signal)
  }

  /** Keptn records a task before it publishes it, and while it is paused or queued (wire 5.1). */
  async #isPublished({ id, project }: KeptnEvent, signal: AbortSignal): Promise<boolean | Failed> {
    if (!this.#hasDatastore || this.#published.has(id)) return true
    const listed = await storedEvents(this.#options.api, { project, eventId: id }, signal, 1)
    if (!listed.ok && listed.status !== 404) return listed
    this.#hasDatastore = listed.ok
    if (!listed.ok || listed.events.length > 0) this.#published.set(id, true)
    return this.#published.has(id)
  }
}
