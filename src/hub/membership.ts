import type { Refusal } from '../domain/join.ts'
import { judgePlace, REFUSALS, withJoined } from '../domain/join.ts'
import type { Presence } from '../domain/presence.ts'
import { joinedPlace, withDrain, withJoin, withoutDrain } from '../domain/stamp-standing.ts'
import type { Place } from '../domain/subject.ts'
import type { Stamp, Topology } from '../domain/topology.ts'
import { SignetError } from '../errors.ts'
import type { Log } from '../observe/log.ts'
import type { Metrics } from '../observe/metrics.ts'
import type { Prepare, TopologySource } from '../runtime/topology-source.ts'
import { perTopology } from '../runtime/topology-source.ts'
import type { Newcomer } from './newcomers.ts'
import { Newcomers } from './newcomers.ts'
import type { StampConsumers } from './stamp-consumers.ts'
import type { Standings } from './standings.ts'

export interface MembershipOptions {
  /** The topology as its files have it. */
  readonly listed: TopologySource
  readonly standings: Standings
  /** What stamps read their copies with. */
  readonly consumers: StampConsumers
  readonly now: () => number
  readonly log: Log
  readonly metrics: Metrics
  /** A stamp takes no new tasks any more, or takes them again. */
  readonly onDrain: (stamp: string) => void
}

/**
 * Which stamps belong to the federation: those that ring files list, and those that joined (DESIGN 5, 7.8);
 * and which of them take no new tasks. It is the topology for all that the hub does: routing, answers,
 * consumers and status see the joined ones in it.
 */
export class Membership implements TopologySource {
  readonly #options: MembershipOptions
  readonly #newcomers = new Newcomers()
  readonly #joining = new Set<string>()
  /** Those that have joined, with a consumer to read with. */
  readonly #joined = new Set<string>()
  readonly #listeners = new Set<(topology: Topology) => void>()
  #stopListening: (() => void) | undefined
  readonly #byName = perTopology(
    this,
    ({ stamps }) => new Map(stamps.map((stamp) => [stamp.name, stamp])),
  )
  #effective: { readonly listed: Topology; readonly topology: Topology } | undefined
  #places: readonly Place[] = []

  constructor(options: MembershipOptions) {
    this.#options = options
  }

  /** Reads what an earlier hub decided. */
  async start(): Promise<void> {
    const { standings, listed } = this.#options
    await standings.load()
    // Their consumers are made with those of the listed ones.
    for (const stamp of standings.names())
      if (standings.get(stamp).joined !== undefined) this.#joined.add(stamp)
    this.#stopListening ??= listed.onChange(() => {
      this.#tell()
    })
    this.#gather()
  }

  stop(): void {
    this.#stopListening?.()
  }

  /** The topology of the files with the stamps that joined. */
  get current(): Topology {
    const listed = this.#options.listed.current
    if (this.#effective?.listed !== listed)
      this.#effective = { listed, topology: withJoined(listed, this.#places) }
    return this.#effective.topology
  }

  onChange(listener: (topology: Topology) => void): () => void {
    this.#listeners.add(listener)
    return () => {
      this.#listeners.delete(listener)
    }
  }

  beforeChange(prepare: Prepare): () => void {
    return this.#options.listed.beforeChange((next, signal) =>
      prepare(withJoined(next, this.#places), signal),
    )
  }

  isDrained(stamp: string): boolean {
    return this.#options.standings.get(stamp).drainedAt !== undefined
  }

  find(stamp: string): Stamp | undefined {
    return this.#byName().get(stamp)
  }

  /**
   * Whether what a stamp says from a place counts. That of one that joins without being asked counts before
   * it has announced itself: its first events may be faster than its presence.
   */
  mayAnswer(place: Place): boolean {
    if (this.find(place.stamp)?.geo === place.geo) return true
    const { listed, standings } = this.#options
    const joined = joinedPlace(place.stamp, standings.get(place.stamp))
    const verdict = judgePlace(listed.current, place, joined)
    return verdict.kind === 'allowed' && verdict.approve === 'auto'
  }

  /** A stamp announces itself from a place. The stamp, where it belongs to the federation. */
  announced(place: Place, presence: Presence): Stamp | undefined {
    const { listed, standings, now, metrics } = this.#options
    const joined = joinedPlace(place.stamp, standings.get(place.stamp))
    const taken = joined ?? this.#newcomers.pending(place.stamp, now())?.place
    const verdict = judgePlace(listed.current, place, taken)
    if (verdict.kind === 'listed') return verdict.stamp
    if (verdict.kind === 'allowed' && this.#joined.has(place.stamp)) return this.find(place.stamp)
    if (verdict.kind === 'refused') {
      metrics.refusedStamps.inc({ reason: verdict.reason })
      this.#note(place, verdict.reason, presence)
    } else if (verdict.approve === 'auto' || joined !== undefined) this.#joinByRule(place)
    else this.#note(place, undefined, presence)
    return undefined
  }

  /**
   * Takes in a stamp that waits for it, and lets a drained one have tasks again. Resolves when it is stored.
   * Rejects with `SIGNET_UNKNOWN_ID` or `SIGNET_STAMP_REFUSED`.
   */
  async approve(stamp: string): Promise<Stamp> {
    if (this.find(stamp) === undefined) {
      const newcomer = this.#newcomers.pending(stamp, this.#options.now())
      if (newcomer === undefined) throw this.#noStamp(stamp)
      await this.#join(newcomer.place, 'hand')
    }
    return this.undrain(stamp)
  }

  /** No new tasks for a stamp; what it runs goes on, and notices still reach it. Resolves when it is stored. */
  async drain(stamp: string): Promise<Stamp> {
    const { standings, now, onDrain } = this.#options
    const found = this.find(stamp)
    if (found === undefined) throw this.#noStamp(stamp)
    await standings.change(stamp, (standing) => withDrain(standing, now()))
    onDrain(stamp)
    return found
  }

  /** Takes a drain back. Resolves when it is stored. */
  async undrain(stamp: string): Promise<Stamp> {
    const { standings, onDrain } = this.#options
    const found = this.find(stamp)
    if (found === undefined) throw this.#noStamp(stamp)
    if (!this.isDrained(stamp)) return found
    await standings.change(stamp, withoutDrain)
    onDrain(stamp)
    return found
  }

  /** Whether a stamp of the federation is in no ring file. */
  hasJoined(stamp: string): boolean {
    return !this.#options.listed.current.stamps.some(({ name }) => name === stamp)
  }

  /** Those that announce themselves and are not taken in. */
  newcomers(): readonly Newcomer[] {
    return this.#newcomers.all(this.#options.now())
  }

  /**
   * Forgets what was decided of stamps that no ring file lists and that have been silent for too long, as
   * `isGone` says.
   */
  async sweep(isGone: (stamp: string, joinedAt: number | undefined) => boolean): Promise<void> {
    const { standings, listed, consumers, log } = this.#options
    const isListed = new Set(listed.current.stamps.map(({ name }) => name))
    const gone = standings
      .names()
      .filter((stamp) => !isListed.has(stamp) && isGone(stamp, standings.get(stamp).joined?.at))
    for (const stamp of gone) {
      await consumers.drop(stamp)
      await standings.forget(stamp)
      this.#joined.delete(stamp)
      log.info({ stamp }, 'A stamp that joined and was silent for too long is forgotten.')
    }
    if (gone.length > 0) this.#gather()
  }

  /** Nothing is to be read any more for a stamp that ring files listed once. */
  async left(stamp: string): Promise<void> {
    await this.#options.consumers.drop(stamp)
  }

  #joinByRule(place: Place): void {
    if (this.#joining.has(place.stamp)) return
    // What could not be stored is tried again when it next announces itself.
    this.#join(place, 'rule').catch((error: unknown) => {
      this.#options.log.debug({ error, ...place }, 'A stamp could not be taken in yet.')
    })
  }

  async #join(place: Place, by: 'rule' | 'hand'): Promise<void> {
    const { standings, consumers, now, log } = this.#options
    this.#joining.add(place.stamp)
    try {
      const standing = await standings.change(place.stamp, (it) => withJoin(it, place, by, now()))
      const joined = joinedPlace(place.stamp, standing) ?? place
      await consumers.make(joined)
      this.#joined.add(place.stamp)
    } finally {
      this.#joining.delete(place.stamp)
    }
    this.#newcomers.forget(place)
    log.info({ ...place, by }, 'A stamp joined.')
    this.#gather()
  }

  #gather(): void {
    const { standings } = this.#options
    this.#places = standings
      .names()
      .flatMap((stamp) => joinedPlace(stamp, standings.get(stamp)) ?? [])
      .filter(({ stamp }) => this.#joined.has(stamp))
    this.#effective = undefined
    this.#tell()
  }

  #tell(): void {
    for (const listener of this.#listeners) listener(this.current)
  }

  #note(place: Place, refused: Refusal | undefined, presence: Presence): void {
    const { now, log } = this.#options
    if (!this.#newcomers.note(place, refused, presence, now())) return
    if (refused === undefined)
      log.info({ ...place }, 'A stamp waits for approval: signet stamp approve.')
    else log.warn({ ...place, reason: refused }, 'A stamp announces itself and is not let in.')
  }

  #noStamp(stamp: string): SignetError {
    const refused = this.#newcomers.named(stamp, this.#options.now())[0]
    if (refused === undefined)
      return new SignetError('SIGNET_UNKNOWN_ID', `No stamp ${stamp} is known here.`, {
        details: { stamp },
      })
    const { place } = refused
    const at = `${place.geo}/${place.ring}/${stamp}`
    return refused.refused === undefined
      ? new SignetError('SIGNET_STAMP_REFUSED', `${at} waits for approval.`, {
          details: { ...place },
        })
      : new SignetError(
          'SIGNET_STAMP_REFUSED',
          `${at} is not let in: ${REFUSALS[refused.refused]}.`,
          {
            details: { ...place, reason: refused.refused },
          },
        )
  }
}
