import type { KeptnEvent } from '../domain/event.ts'
import type { Integration } from '../domain/interest.ts'
import { expectedAnswers } from '../domain/interest.ts'
import type { Registration, RegistrationFilter } from '../domain/registration.ts'
import { interestOfAll, matchesFilter } from '../domain/registration.ts'
import type { SignsOfLife } from '../domain/sign-of-life.ts'
import { isAlive, isListening } from '../domain/sign-of-life.ts'

/**
 * Who would hear an event that is published in this stamp now. `silent`: those that want it are known, and
 * none of them listens. `unknown`: nobody is known that wants it.
 */
export type Hearing = 'listening' | 'silent' | 'unknown'

/** One registration, and when it was heard of. */
export interface KnownRegistration {
  readonly registration: Registration
  /** Its size as JSON. */
  readonly bytes: number
  readonly life: SignsOfLife
  /** When its record was last written, in milliseconds since the epoch. */
  readonly writtenAt: number
}

/** The registrations of a stamp in memory, with what can be asked of them. Times are those of the caller. */
export class KnownRegistrations {
  readonly #known = new Map<string, KnownRegistration>()

  get size(): number {
    return this.#known.size
  }

  get(id: string): KnownRegistration | undefined {
    return this.#known.get(id)
  }

  /** A copy, so that what is looked at may be changed. */
  all(): readonly KnownRegistration[] {
    return [...this.#known.values()]
  }

  registrations(): readonly Registration[] {
    return this.all().map(({ registration }) => registration)
  }

  find(filter: RegistrationFilter): readonly Registration[] {
    return this.registrations().filter((one) => matchesFilter(one, filter))
  }

  /** Keeps one, or leaves everything as it was and returns false where all would be above `maxBytes`. */
  keep(
    registration: Registration,
    life: SignsOfLife,
    writtenAt: number,
    maxBytes: number,
  ): boolean {
    const { id } = registration
    const bytes = Buffer.byteLength(JSON.stringify(registration))
    let total = bytes
    for (const one of this.#known.values()) if (one.registration.id !== id) total += one.bytes
    if (total > maxBytes) return false
    this.#known.set(id, { registration, bytes, life, writtenAt })
    return true
  }

  /** Changes one that is known in what does not change its size. */
  renew(known: KnownRegistration): void {
    this.#known.set(known.registration.id, known)
  }

  delete(id: string): void {
    this.#known.delete(id)
  }

  /** Undefined where there is none. */
  interest(): readonly Integration[] | undefined {
    return this.#known.size === 0 ? undefined : interestOfAll(this.registrations())
  }

  hearing(event: KeptnEvent, now: number): Hearing {
    let hearing: Hearing = 'unknown'
    for (const { registration, life } of this.#known.values()) {
      if (expectedAnswers([registration], event).answers === 0) continue
      if (isListening(life, now)) return 'listening'
      hearing = 'silent'
    }
    return hearing
  }

  /** How many pinged not long ago. */
  alive(now: number): number {
    let count = 0
    for (const { life } of this.#known.values()) if (isAlive(life, now)) count += 1
    return count
  }

  /** For `/status`. */
  describe(now: number): readonly object[] {
    return this.all().map(({ registration: { id, name, metadata, subscriptions }, life }) => ({
      id,
      name,
      namespace: metadata.kubernetesmetadata.namespace,
      alive: isAlive(life, now),
      seenSecondsAgo: Math.round((now - life.seenAt) / 1_000),
      subscriptions: subscriptions.map(({ event }) => event),
    }))
  }
}
