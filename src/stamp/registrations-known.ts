import type { KeptnEvent } from '../domain/event.ts'
import type { Integration } from '../domain/interest.ts'
import { expectedAnswers } from '../domain/interest.ts'
import type { Registration, RegistrationFilter } from '../domain/registration.ts'
import { interestOfAll, matchesFilter } from '../domain/registration.ts'
import type { RegistrationEntry } from '../domain/registration-entry.ts'
import { differsUpstream } from '../domain/registration-entry.ts'
import type { SignsOfLife } from '../domain/sign-of-life.ts'
import { isAlive, isListening } from '../domain/sign-of-life.ts'

/**
 * Who would hear an event that is published in this stamp now. `silent`: those that want it are known, and
 * none of them listens. `unknown`: nobody is known that wants it.
 */
export type Hearing = 'listening' | 'silent' | 'unknown'

/** One registration, and when it was heard of. */
export interface KnownRegistration {
  readonly entry: RegistrationEntry
  /** The size of the registration as JSON. */
  readonly bytes: number
  readonly life: SignsOfLife
  /** When its record was last written, in milliseconds since the epoch. */
  readonly writtenAt: number
}

/** The registrations of a stamp in memory, with what can be asked of them. Times are those of the caller. */
export class KnownRegistrations {
  readonly #known = new Map<string, KnownRegistration>()

  /** How many are known. */
  get size(): number {
    return this.all().length
  }

  /** Also one that was removed, as long as somebody has to learn of it. */
  get(id: string): KnownRegistration | undefined {
    return this.#known.get(id)
  }

  /** A copy, so that what is looked at may be changed; without those that were removed. */
  all(): readonly KnownRegistration[] {
    return this.everything().filter(({ entry }) => !entry.isRemoved)
  }

  /** With those that were removed. */
  everything(): readonly KnownRegistration[] {
    return [...this.#known.values()]
  }

  registrations(): readonly Registration[] {
    return this.all().map(({ entry }) => entry.registration)
  }

  find(filter: RegistrationFilter): readonly Registration[] {
    return this.registrations().filter((one) => matchesFilter(one, filter))
  }

  /** Whether all would be within `maxBytes` with this one as it is to be. */
  hasRoom(registration: Registration, maxBytes: number): boolean {
    let total = sizeOf(registration)
    for (const { entry, bytes } of this.all())
      if (entry.registration.id !== registration.id) total += bytes
    return total <= maxBytes
  }

  keep(entry: RegistrationEntry, life: SignsOfLife, writtenAt: number): void {
    const { registration } = entry
    this.#known.set(registration.id, { entry, bytes: sizeOf(registration), life, writtenAt })
  }

  /** Changes what is known of when it was heard of. */
  renew(id: string, seen: Pick<KnownRegistration, 'entry' | 'life'>): void {
    const known = this.#known.get(id)
    if (known !== undefined) this.#known.set(id, { ...known, ...seen })
  }

  delete(id: string): void {
    this.#known.delete(id)
  }

  /** Undefined where there is none. */
  interest(now: number): readonly Integration[] | undefined {
    const known = this.all()
    if (known.length === 0) return undefined
    return interestOfAll(
      known.map(({ entry, life }) => ({ ...entry.registration, alive: isAlive(life, now) })),
    )
  }

  hearing(event: KeptnEvent, now: number): Hearing {
    let hearing: Hearing = 'unknown'
    for (const { entry, life } of this.all()) {
      if (expectedAnswers([entry.registration], event).answers === 0) continue
      if (isListening(life, now)) return 'listening'
      hearing = 'silent'
    }
    return hearing
  }

  /** How many pinged not long ago. */
  alive(now: number): number {
    return this.all().filter(({ life }) => isAlive(life, now)).length
  }

  /** For `/status`. */
  describe(now: number): readonly object[] {
    return this.all().map(({ entry, life }) => {
      const { id, name, metadata, subscriptions } = entry.registration
      return {
        id,
        name,
        namespace: metadata.kubernetesmetadata.namespace,
        alive: isAlive(life, now),
        seenSecondsAgo: Math.round((now - life.seenAt) / 1_000),
        subscriptions: subscriptions.map(({ event }) => event),
        upstreamId: entry.upstream?.id ?? null,
        inStep: !differsUpstream(entry),
      }
    })
  }
}

function sizeOf(registration: Registration): number {
  return Buffer.byteLength(JSON.stringify(registration))
}
