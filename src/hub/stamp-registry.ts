import { interestOf } from '../domain/interest.ts'
import type { Interest } from '../domain/interest.ts'
import type { KeptnEvent } from '../domain/event.ts'
import type { Presence } from '../domain/presence.ts'
import { parsePresence } from '../domain/presence.ts'
import type { SeenStamp } from '../domain/stamp-registrations.ts'
import { SEEN_ALIVE_MS } from '../domain/stamp-registrations.ts'
import type { Standing } from '../domain/stamp-standing.ts'
import type { Place, Scope } from '../domain/subject.ts'
import { parsePresenceSubject, presencePattern } from '../domain/subject.ts'
import type { Stamp, Topology } from '../domain/topology.ts'
import type { Bucket } from '../links/bucket.ts'
import type { CoreMessages } from '../links/core-messages.ts'
import type { Log } from '../observe/log.ts'
import type { Membership } from './membership.ts'

/** What the hub knows of a stamp; kept in the bucket of stamps, so that a new hub knows it at once. */
export interface StampRecord extends Omit<Presence, 'version'> {
  /** When it was last heard, in milliseconds since the epoch. */
  readonly heardAt: number
  /** Since when it has been heard without a gap. */
  readonly onlineSince: number
}

export interface StampRegistryOptions {
  readonly scope: Scope
  readonly membership: Membership
  readonly messages: CoreMessages
  readonly bucket: Bucket<StampRecord | Standing>
  /** Whether something that was begun waits for a stamp, though the topology has it no more. */
  readonly isWaitedFor: (place: Place) => boolean
  /** A stamp that is silent for so long is offline, in milliseconds. */
  readonly offlineAfterMs: () => number
  /** A stamp that no ring file lists is forgotten after so long a silence, in milliseconds. */
  readonly forgetAfterMs: number
  readonly now: () => number
  readonly log: Log
  /** A stamp came back, or its interest changed. */
  readonly onChange: (stamp: string) => void
}

/** An unchanged record is written again after this, so that it says roughly when the stamp was heard. */
const REWRITE_MS = 10_000
const SWEEP_MS = 60_000

/** Which stamps are there, and what they want: from what they say of themselves, or Keptn of them. */
export class StampRegistry {
  readonly #options: StampRegistryOptions
  readonly #records = new Map<string, StampRecord>()
  readonly #writtenAt = new Map<string, number>()
  readonly #startedAt: number
  /** When (ms) stamps became members, of those that were none at the start. */
  readonly #joinedAt = new Map<string, number>()
  /** Rings in which stamps speak that stand in others. */
  readonly #otherRings = new Map<string, string>()
  #members: ReadonlySet<string> = new Set()
  #hasReadKeptn = false
  #stopListening: (() => void) | undefined
  #stopWatching: (() => void) | undefined
  #sweeper: NodeJS.Timeout | undefined

  constructor(options: StampRegistryOptions) {
    this.#options = options
    this.#startedAt = options.now()
  }

  /** Reads what an earlier hub knew, and begins to listen. */
  async start(): Promise<void> {
    const { bucket, messages, scope, membership } = this.#options
    for (const { key, value } of await bucket.load('*'))
      this.#records.set(key, value as StampRecord)
    this.#stopListening = messages.listen(presencePattern(scope), (subject, json) => {
      this.#heard(subject, json)
    })
    this.#members = namesOf(membership.current)
    this.#stopWatching = membership.onChange((topology) => {
      this.#membersChanged(namesOf(topology))
    })
    this.#sweeper = setInterval(() => void this.#sweep(), SWEEP_MS)
    this.#sweeper.unref()
  }

  stop(): void {
    clearInterval(this.#sweeper)
    this.#stopListening?.()
    this.#stopWatching?.()
  }

  /**
   * Whether a stamp is heard of. One that was never heard of counts as there until the hub has listened
   * for it long enough to know better.
   */
  isOnline(stamp: string): boolean {
    const heardAt = this.#records.get(stamp)?.heardAt ?? 0
    const since = this.#joinedAt.get(stamp) ?? this.#startedAt
    return this.#options.now() - Math.max(heardAt, since) < this.#silenceMs(stamp)
  }

  /** Whether a stamp is heard over NATS; with the same patience for one that was never heard of. */
  isOnNats(stamp: string): boolean {
    const { membership } = this.#options
    if (membership.find(stamp)?.link === 'https' || this.#records.get(stamp)?.link === 'https')
      return false
    return this.isOnline(stamp)
  }

  /** Since when a stamp has been online; 0 where it never went away as far as we know. */
  onlineSince(stamp: string): number {
    return this.#records.get(stamp)?.onlineSince ?? 0
  }

  interestOf(stamp: Stamp, event: KeptnEvent): Interest {
    const record = this.#records.get(stamp.name)
    const interest = interestOf(stamp, record?.integrations ?? undefined, event)
    // It polls for what its integrations registered for, and for nothing else: there is nothing to assume.
    const isUnregistered = stamp.link === 'https' && this.#hasReadKeptn
    return interest.kind === 'assumed' && isUnregistered ? { kind: 'none' } : interest
  }

  /**
   * Takes in what Keptn's registrations say of all stamps. It counts for those that NATS does not reach: the
   * others say more of themselves, and sooner.
   */
  readKeptn(seen: ReadonlyMap<string, SeenStamp>): void {
    this.#hasReadKeptn = true
    for (const { name, link } of this.#options.membership.current.stamps) {
      const its = seen.get(name)
      if (its !== undefined && link !== 'nats' && !this.isOnNats(name)) this.#seen(name, its)
    }
  }

  isDrained(stamp: string): boolean {
    return this.#options.membership.isDrained(stamp)
  }

  record(stamp: string): StampRecord | undefined {
    return this.#records.get(stamp)
  }

  #heard(subject: string, json: unknown): void {
    const place = parsePresenceSubject(subject)
    const presence = parsePresence(json)
    if (place === undefined || presence === undefined) return
    const { membership, isWaitedFor } = this.#options
    const hasLeft = membership.find(place.stamp) === undefined && isWaitedFor(place)
    const member = hasLeft ? undefined : membership.announced(place, presence)
    if (!hasLeft && member === undefined) return
    if (member !== undefined) this.#compareRing(place, member.ring)
    const { version: _, ...said } = presence
    this.#take(place.stamp, { ...said, heardAt: this.#options.now() })
  }

  #seen(name: string, { integrations, alive, seenAt }: SeenStamp): void {
    const before = this.#records.get(name)
    // A stamp that NATS reached until a moment ago was seen by Keptn before that.
    if (before !== undefined && seenAt < before.heardAt) return
    const { agent = '' } = before ?? {}
    this.#take(name, { agent, keptn: true, integrations, alive, link: 'https', heardAt: seenAt })
  }

  #take(name: string, said: Omit<StampRecord, 'onlineSince'>): void {
    const before = this.#records.get(name)
    const wasSilent = before === undefined || said.heardAt - before.heardAt >= this.#silenceMs(name)
    const onlineSince = wasSilent ? said.heardAt : before.onlineSince
    const record: StampRecord = { ...said, onlineSince }
    this.#records.set(name, record)
    const isNews =
      wasSilent ||
      before.link !== record.link ||
      JSON.stringify(before.integrations) !== JSON.stringify(record.integrations)
    if (isNews) this.#options.onChange(name)
    const now = this.#options.now()
    if (isNews || now - (this.#writtenAt.get(name) ?? 0) >= REWRITE_MS)
      this.#write(name, record, now)
  }

  /** How long (ms) a stamp may be silent that is there: it is heard of more seldom where it polls. */
  #silenceMs(name: string): number {
    const { membership, offlineAfterMs } = this.#options
    const isPolling = this.#records.get(name)?.link === 'https'
    const polls = isPolling || membership.find(name)?.link === 'https'
    return polls ? Math.max(SEEN_ALIVE_MS, offlineAfterMs()) : offlineAfterMs()
  }

  /** After a change of the topology, stamp and hub read their copies of it at different times. */
  #compareRing(place: Place, ring: string): void {
    if (place.ring === ring) this.#otherRings.delete(place.stamp)
    else if (this.#otherRings.get(place.stamp) !== place.ring) {
      this.#otherRings.set(place.stamp, place.ring)
      this.#options.log.warn(
        { ...place, topology: ring },
        'A stamp speaks from another ring than the topology here has it in.',
      )
    }
  }

  /** A stamp that has just become a member may take as long to be heard as one at the start. */
  #membersChanged(members: ReadonlySet<string>): void {
    const now = this.#options.now()
    for (const name of members) if (!this.#members.has(name)) this.#joinedAt.set(name, now)
    for (const name of this.#joinedAt.keys()) if (!members.has(name)) this.#joinedAt.delete(name)
    this.#members = members
  }

  #write(stamp: string, record: StampRecord, now: number): void {
    this.#writtenAt.set(stamp, now)
    // A record that could not be written is written with the next presence.
    this.#options.bucket.put(stamp, record).catch((error: unknown) => {
      this.#writtenAt.delete(stamp)
      this.#options.log.debug({ error, stamp }, 'The presence of a stamp was not kept.')
    })
  }

  /** Nothing ages in the bucket by itself, for what was decided of a stamp must outlive its silence. */
  async #sweep(): Promise<void> {
    const { membership, bucket, log } = this.#options
    try {
      await membership.sweep((stamp, joinedAt) => this.#isGone(stamp, joinedAt))
      const members = new Set(membership.current.stamps.map(({ name }) => name))
      for (const stamp of this.#records.keys()) {
        if (members.has(stamp) || !this.#isGone(stamp)) continue
        // All that it has had is older than the hub store keeps: a new consumer would begin with nothing old.
        await membership.left(stamp)
        await bucket.forget(stamp)
        this.#records.delete(stamp)
      }
    } catch (error) {
      log.debug({ error }, 'Stamps that are gone could not be forgotten yet.')
    }
  }

  /** A hub that was away itself first listens for a while. */
  #isGone(stamp: string, joinedAt = 0): boolean {
    const { now, offlineAfterMs, forgetAfterMs } = this.#options
    const heardAt = Math.max(this.#records.get(stamp)?.heardAt ?? 0, joinedAt)
    return now() - heardAt >= forgetAfterMs && now() - this.#startedAt >= 10 * offlineAfterMs()
  }
}

function namesOf({ stamps }: Topology): ReadonlySet<string> {
  return new Set(stamps.map(({ name }) => name))
}
