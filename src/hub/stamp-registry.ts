import type { Integration } from '../domain/interest.ts'
import { interestOf } from '../domain/interest.ts'
import type { Interest } from '../domain/interest.ts'
import type { KeptnEvent } from '../domain/event.ts'
import { parsePresence } from '../domain/presence.ts'
import type { Scope } from '../domain/subject.ts'
import { parsePresenceSubject, presencePattern } from '../domain/subject.ts'
import type { Stamp, Topology } from '../domain/topology.ts'
import type { Bucket } from '../links/bucket.ts'
import type { CoreMessages } from '../links/core-messages.ts'
import type { Log } from '../observe/log.ts'

/** What the hub knows of a stamp; kept in the bucket of stamps, so that a new hub knows it at once. */
export interface StampRecord {
  readonly agent: string
  readonly keptn: boolean
  readonly integrations: readonly Integration[] | null
  /** When it was last heard, in milliseconds since the epoch. */
  readonly heardAt: number
  /** Since when it has been heard without a gap. */
  readonly onlineSince: number
}

export interface StampRegistryOptions {
  readonly scope: Scope
  readonly topology: Topology
  readonly messages: CoreMessages
  readonly bucket: Bucket<StampRecord>
  /** A stamp that is silent for so long is offline, in milliseconds. */
  readonly offlineAfterMs: number
  readonly now: () => number
  readonly log: Log
  /** A stamp came back, or its interest changed. */
  readonly onChange: (stamp: string) => void
}

/** An unchanged record is written again after this, so that it says roughly when the stamp was heard. */
const REWRITE_MS = 10_000

/** Which stamps are there, and what they want: from what they say of themselves. */
export class StampRegistry {
  readonly #options: StampRegistryOptions
  readonly #stamps: ReadonlyMap<string, Stamp>
  readonly #records = new Map<string, StampRecord>()
  readonly #writtenAt = new Map<string, number>()
  readonly #startedAt: number
  #stopListening: (() => void) | undefined

  constructor(options: StampRegistryOptions) {
    this.#options = options
    this.#stamps = new Map(options.topology.stamps.map((stamp) => [stamp.name, stamp]))
    this.#startedAt = options.now()
  }

  /** Reads what an earlier hub knew, and begins to listen. */
  async start(): Promise<void> {
    const { bucket, messages, scope } = this.#options
    for (const { key, value } of await bucket.load('>')) this.#records.set(key, value)
    this.#stopListening = messages.listen(presencePattern(scope), (subject, json) => {
      this.#heard(subject, json)
    })
  }

  stop(): void {
    this.#stopListening?.()
  }

  /**
   * Whether a stamp is heard of. One that was never heard of counts as there until the hub has listened
   * long enough to know better.
   */
  isOnline(stamp: string): boolean {
    const { now, offlineAfterMs } = this.#options
    const heardAt = this.#records.get(stamp)?.heardAt ?? 0
    return now() - Math.max(heardAt, this.#startedAt) < offlineAfterMs
  }

  /** Since when a stamp has been online; 0 where it never went away as far as we know. */
  onlineSince(stamp: string): number {
    return this.#records.get(stamp)?.onlineSince ?? 0
  }

  interestOf(stamp: Stamp, event: KeptnEvent): Interest {
    return interestOf(stamp, this.#records.get(stamp.name)?.integrations ?? undefined, event)
  }

  record(stamp: string): StampRecord | undefined {
    return this.#records.get(stamp)
  }

  #heard(subject: string, json: unknown): void {
    const place = parsePresenceSubject(subject)
    const presence = parsePresence(json)
    const stamp = place === undefined ? undefined : this.#stamps.get(place.stamp)
    if (place === undefined || presence === undefined || stamp === undefined) return
    if (stamp.geo !== place.geo || stamp.ring !== place.ring) {
      this.#options.log.warn({ ...place }, 'A stamp speaks from a place that the topology denies.')
      return
    }
    const now = this.#options.now()
    const before = this.#records.get(stamp.name)
    const wasSilent = before === undefined || now - before.heardAt >= this.#options.offlineAfterMs
    const { agent, keptn, integrations } = presence
    const onlineSince = wasSilent ? now : before.onlineSince
    const record: StampRecord = { agent, keptn, integrations, heardAt: now, onlineSince }
    this.#records.set(stamp.name, record)
    const isNews = wasSilent || JSON.stringify(before.integrations) !== JSON.stringify(integrations)
    if (isNews) this.#options.onChange(stamp.name)
    if (isNews || now - (this.#writtenAt.get(stamp.name) ?? 0) >= REWRITE_MS)
      this.#write(stamp.name, record, now)
  }

  #write(stamp: string, record: StampRecord, now: number): void {
    this.#writtenAt.set(stamp, now)
    // A record that could not be written is written with the next presence.
    this.#options.bucket.put(stamp, record).catch((error: unknown) => {
      this.#writtenAt.delete(stamp)
      this.#options.log.debug({ error, stamp }, 'The presence of a stamp was not kept.')
    })
  }
}
