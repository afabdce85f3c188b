import { createHash, randomUUID } from 'node:crypto'
import type { KeptnEvent } from '../domain/event.ts'
import type { Integration } from '../domain/interest.ts'
import type {
  RegisteredSubscription,
  Registration,
  RegistrationFilter,
} from '../domain/registration.ts'
import type { EntryChange, RegistrationEntry } from '../domain/registration-entry.ts'
import { pinged, removed, subscribed, unsubscribed } from '../domain/registration-entry.ts'
import type { Registering } from '../domain/registration-identity.ts'
import { register } from '../domain/registration-identity.ts'
import { afterRegistering } from '../domain/sign-of-life.ts'
import { isSignetError } from '../errors.ts'
import type { Log } from '../observe/log.ts'
import type { Metrics } from '../observe/metrics.ts'
import type { Part } from '../runtime/lifecycle.ts'
import type { Hearing, KnownRegistration, KnownRegistrations } from './registrations-known.ts'
import type { RegistrationChange, SharedRegistrationsOptions } from './registrations-shared.ts'
import { SharedRegistrations } from './registrations-shared.ts'

/** What is known of the integrations of a stamp. */
export interface KnownIntegrations {
  /** Undefined where none is known: a stamp that says nothing may want anything. */
  list(): readonly Integration[] | undefined
  hearing(event: KeptnEvent): Hearing
  /** Listens until the returned function is called. */
  onChange(listener: (change: RegistrationChange) => void): () => void
}

export interface RegistrationsOptions extends SharedRegistrationsOptions {
  /** How much all registrations together may take, in bytes: presence carries them in one message. */
  readonly maxBytes: () => number
  readonly log: Log
  readonly metrics: Metrics
}

/** What became of a change: `full` where the stamp keeps no more. */
export type Changed = 'kept' | 'unknown' | 'full'

/**
 * The integrations that registered in this stamp (DESIGN 7.8): Keptn's Uniform for one stamp. Memory
 * decides; a bucket of the stamp's own NATS keeps a record that all agents of the stamp share, so that an
 * integration may turn to any of them, and an agent that was killed knows them again: an integration whose
 * pings are answered with 404 ends (wire 2.3).
 */
export class Registrations implements Part, KnownIntegrations {
  readonly name = 'registrations'
  readonly #options: RegistrationsOptions
  readonly #listeners = new Set<(change: RegistrationChange) => void>()
  readonly #shared: SharedRegistrations
  readonly #known: KnownRegistrations

  constructor(options: RegistrationsOptions) {
    this.#options = options
    this.#shared = new SharedRegistrations(options, (change) => {
      for (const listener of this.#listeners) listener(change)
    })
    this.#known = this.#shared.known
  }

  /** Resolves when everything that earlier agents knew is known. */
  start(signal: AbortSignal): Promise<void> {
    return this.#shared.start(signal)
  }

  stop(): Promise<void> {
    return this.#shared.stop()
  }

  onChange(listener: (change: RegistrationChange) => void): () => void {
    this.#listeners.add(listener)
    return () => {
      this.#listeners.delete(listener)
    }
  }

  list(): readonly Integration[] | undefined {
    return this.#known.interest(this.#options.now())
  }

  hearing(event: KeptnEvent): Hearing {
    return this.#known.hearing(event, this.#options.now())
  }

  /** How many are known, and how many of them pinged not long ago. */
  get count(): { readonly known: number; readonly alive: number } {
    return { known: this.#known.size, alive: this.#known.alive(this.#options.now()) }
  }

  /** Sets the gauge that says how things stand now: an integration dies without a word. */
  observe(): void {
    this.#options.metrics.registrations.set(this.count.alive)
  }

  /** For `/status`. */
  describe(): readonly object[] {
    return this.#known.describe(this.#options.now())
  }

  find(filter: RegistrationFilter): readonly Registration[] {
    return this.#known.find(filter)
  }

  get(id: string): Registration | undefined {
    return this.#present(id)?.entry.registration
  }

  /** All that is kept of one, also after it was removed. */
  entry(id: string): RegistrationEntry | undefined {
    return this.#known.get(id)?.entry
  }

  /** All that are kept, also those that were removed. */
  everything(): readonly KnownRegistration[] {
    return this.#known.everything()
  }

  /** Whether all registrations would fit in with this one as it is to be. */
  hasRoom(registration: Registration): boolean {
    return this.#known.hasRoom(registration, this.#options.maxBytes())
  }

  /** Changes what is kept of one; see `SharedRegistrations.change`. */
  change(id: string, change: EntryChange): Promise<void> {
    return this.#shared.change(id, change)
  }

  /** See `SharedRegistrations.lookUp`. */
  lookUp(id: string): Promise<void> {
    return this.#shared.lookUp(id)
  }

  /** Registers an integration (wire 4.2). Resolves when it is kept, or the server could not be asked to. */
  async register(wanted: Registration): Promise<Registering | { readonly kind: 'full' }> {
    let registering = this.#identify(wanted)
    if (registering.kind === 'created') {
      // It may have registered at another agent a moment ago. One that cannot be asked decides nothing.
      await this.lookUp(registering.registration.id).catch((error: unknown) => {
        if (!isSignetError(error)) throw error
      })
      registering = this.#identify(wanted)
    }
    if (registering.kind === 'incomplete') return registering
    const { kind, registration, change } = registering
    if (!this.hasRoom(registration)) return { kind: 'full' }
    const { id, name, metadata } = registration
    const life = afterRegistering(this.#known.get(id)?.life, this.#options.now())
    const stored = this.#shared.change(id, change, life)
    const { namespace } = metadata.kubernetesmetadata
    this.#options.log.info({ id, name, namespace, kind }, 'An integration registered.')
    await stored
    return registering
  }

  /** Renews a registration, and returns what it wants now; undefined where it is unknown. */
  ping(id: string): Registration | undefined {
    const known = this.#present(id)
    if (known === undefined) return undefined
    const { subscriptions } = known.entry.registration
    this.#shared.ping(id, known, pinged(subscriptions, this.#options.now()))
    return this.get(id)
  }

  /** Forgets an integration; one that is unknown is no failure. */
  async remove(id: string): Promise<void> {
    const known = this.#present(id)
    if (known === undefined) return
    const { name } = known.entry.registration
    const stored = this.#shared.change(id, removed)
    this.#options.log.info({ id, name }, 'An integration was removed.')
    await stored
  }

  /** Adds a subscription to an integration, or replaces the one of that id. */
  putSubscription(id: string, subscription: RegisteredSubscription): Promise<Changed> {
    return this.#rewire(id, subscribed(subscription))
  }

  removeSubscription(id: string, subscriptionId: string): Promise<Changed> {
    return this.#rewire(id, unsubscribed(subscriptionId))
  }

  async #rewire(id: string, change: EntryChange): Promise<Changed> {
    const known = this.#present(id)
    const after = known === undefined ? undefined : change(known.entry)
    if (after === undefined) return 'unknown'
    if (!this.hasRoom(after.registration)) return 'full'
    await this.#shared.change(id, change)
    return 'kept'
  }

  #present(id: string): KnownRegistration | undefined {
    const known = this.#known.get(id)
    return known?.entry.isRemoved === false ? known : undefined
  }

  #identify(wanted: Registration): Registering {
    const ids = {
      ofIntegration: (text: string) => this.#newId(text, wanted),
      ofSubscription: randomUUID,
    }
    return register(wanted, this.#known.registrations(), ids, this.#options.now())
  }

  /** Two names and namespaces can make one text, `a-b` in `c` and `a` in `b-c`; never one record. */
  #newId(text: string, wanted: Registration): string {
    let id = sha1(text)
    for (;;) {
      const taken = this.entry(id)?.registration
      if (taken === undefined || isSameIdentity(taken, wanted)) return id
      id = sha1(id)
    }
  }
}

function isSameIdentity(a: Registration, b: Registration): boolean {
  const namespace = a.metadata.kubernetesmetadata.namespace
  return a.name === b.name && namespace === b.metadata.kubernetesmetadata.namespace
}

/** As Keptn makes its ids (wire 4.2); no secret depends on it. */
function sha1(text: string): string {
  return createHash('sha1').update(text).digest('hex')
}
