import { createHash, randomUUID } from 'node:crypto'
import type { KeptnEvent } from '../domain/event.ts'
import type { Integration } from '../domain/interest.ts'
import type {
  RegisteredSubscription,
  Registering,
  Registration,
  RegistrationFilter,
} from '../domain/registration.ts'
import { register, seenAt, withoutSubscription, withSubscription } from '../domain/registration.ts'
import type { SignsOfLife } from '../domain/sign-of-life.ts'
import {
  afterChange,
  afterLoading,
  afterPing,
  afterRegistering,
  FORGET_MS,
  isForgotten,
} from '../domain/sign-of-life.ts'
import { REGISTRATIONS_BUCKET } from '../domain/store-names.ts'
import type { SignetError } from '../errors.ts'
import { Bucket } from '../links/bucket.ts'
import type { Store } from '../links/store.ts'
import type { Log } from '../observe/log.ts'
import type { Metrics } from '../observe/metrics.ts'
import type { Part } from '../runtime/lifecycle.ts'
import { untilDone } from '../runtime/retry.ts'
import type { Hearing } from './registrations-known.ts'
import { KnownRegistrations } from './registrations-known.ts'
import type { RegistrationEntry } from './registrations-record.ts'
import { RegistrationsRecord } from './registrations-record.ts'

/** `interest`: what `list` tells changed. `listening`: an integration began to listen. */
export type RegistrationChange = 'interest' | 'listening'

/** What is known of the integrations of a stamp. */
export interface KnownIntegrations {
  /** Undefined where none is known: a stamp that says nothing may want anything. */
  list(): readonly Integration[] | undefined
  hearing(event: KeptnEvent): Hearing
  /** Calls `listener` at every change, until the returned function is called. */
  onChange(listener: (change: RegistrationChange) => void): () => void
}

export interface RegistrationsOptions {
  readonly keptnStore: Store
  /** Milliseconds since the epoch, by a clock that never goes back. */
  readonly now: () => number
  /** How much all registrations together may take, in bytes: presence carries them in one message. */
  readonly maxBytes: () => number
  readonly log: Log
  readonly metrics: Metrics
}

/** What became of a change: `full` where the stamp keeps no more. */
export type Changed = 'kept' | 'unknown' | 'full'

/** An unchanged registration is written again after this, so that its record says roughly when it was seen. */
const REWRITE_MS = 30_000
const SWEEP_MS = 5_000

/**
 * The integrations that registered in this stamp (DESIGN 7.8): Keptn's Uniform for one stamp. Memory
 * decides; a bucket of the stamp's own NATS keeps a record, so that an agent that was killed knows them
 * again, and no integration has to restart because its ping was answered with 404 (wire 2.3).
 */
export class Registrations implements Part, KnownIntegrations {
  readonly name = 'registrations'
  readonly #options: RegistrationsOptions
  readonly #known = new KnownRegistrations()
  readonly #listeners = new Set<(change: RegistrationChange) => void>()
  readonly #settling = new Map<string, NodeJS.Timeout>()
  #record: RegistrationsRecord | undefined
  #sweeper: NodeJS.Timeout | undefined

  constructor(options: RegistrationsOptions) {
    this.#options = options
  }

  /**
   * Resolves when everything that earlier agents knew is known. Without JetStream that is nothing, and
   * what is known ends with the agent.
   */
  async start(signal: AbortSignal): Promise<void> {
    const { keptnStore, log } = this.#options
    let told = ''
    const note = (error: SignetError): void => {
      if (told !== error.message) log.warn({ error }, 'The registrations cannot be read yet.')
      told = error.message
    }
    const isVolatile = await untilDone(() => keptnStore.hasNoJetStream(), signal, note)
    if (!isVolatile) await this.#openRecord(signal, note)
    this.#changed('interest')
    this.#sweeper = setInterval(() => {
      this.#sweep()
    }, SWEEP_MS)
    this.#sweeper.unref()
  }

  async #openRecord(signal: AbortSignal, note: (error: SignetError) => void): Promise<void> {
    const { keptnStore, log } = this.#options
    const plan = { name: REGISTRATIONS_BUCKET, ttlMs: FORGET_MS, replicas: 1 }
    const open = () => Bucket.open<RegistrationEntry>(keptnStore, plan)
    const record = new RegistrationsRecord(
      await untilDone(open, signal, note),
      (id) => this.#entry(id),
      (error) => {
        log.debug({ error }, 'A registration was not kept yet.')
      },
    )
    for (const entry of await untilDone(() => record.load(), signal, note)) this.#recall(entry)
    this.#record = record
  }

  async stop(): Promise<void> {
    clearInterval(this.#sweeper)
    for (const timer of this.#settling.values()) clearTimeout(timer)
    await this.#record?.flush()
  }

  onChange(listener: (change: RegistrationChange) => void): () => void {
    this.#listeners.add(listener)
    return () => {
      this.#listeners.delete(listener)
    }
  }

  list(): readonly Integration[] | undefined {
    return this.#known.interest()
  }

  hearing(event: KeptnEvent): Hearing {
    return this.#known.hearing(event, this.#options.now())
  }

  /** How many are known, and how many of them pinged not long ago. */
  get count(): { readonly known: number; readonly alive: number } {
    return { known: this.#known.size, alive: this.#known.alive(this.#options.now()) }
  }

  /** For `/status`. */
  describe(): readonly object[] {
    return this.#known.describe(this.#options.now())
  }

  find(filter: RegistrationFilter): readonly Registration[] {
    return this.#known.find(filter)
  }

  get(id: string): Registration | undefined {
    return this.#known.get(id)?.registration
  }

  /** Registers an integration (wire 4.2). Resolves when it is kept, or the server could not be asked to. */
  async register(wanted: Registration): Promise<Registering | { readonly kind: 'full' }> {
    const registering = register(wanted, this.#known.registrations(), {
      ofIntegration: (text) => this.#newId(text),
      ofSubscription: randomUUID,
    })
    if (registering.kind === 'incomplete') return registering
    const now = this.#options.now()
    const registration = seenAt(registering.registration, now)
    const { id, name, metadata } = registration
    const life = afterRegistering(this.#known.get(id)?.life, now)
    if (!this.#keep(registration, life)) return { kind: 'full' }
    const { namespace } = metadata.kubernetesmetadata
    const { kind } = registering
    this.#options.log.info({ id, name, namespace, kind }, 'An integration registered.')
    await this.#record?.write(id)
    return { kind, registration }
  }

  /** Renews a registration, and returns what it wants now; undefined where it is unknown. */
  ping(id: string): Registration | undefined {
    const known = this.#known.get(id)
    if (known === undefined) return undefined
    const now = this.#options.now()
    const life = afterPing(known.life, now)
    const registration = seenAt(known.registration, now)
    const hasSettled = life.listensFrom === known.life.listensFrom
    const isDue = !hasSettled || now - known.writtenAt >= REWRITE_MS
    this.#known.renew({
      ...known,
      registration,
      life,
      writtenAt: isDue ? now : known.writtenAt,
    })
    if (isDue) void this.#record?.write(id)
    if (!hasSettled) this.#settle(id)
    this.#measure()
    return registration
  }

  /** Forgets an integration; one that is unknown is no failure. */
  async remove(id: string): Promise<void> {
    if (this.#known.get(id) === undefined) return
    this.#forget(id, 'An integration was removed.')
    this.#changed('interest')
    await this.#record?.write(id)
  }

  /** Adds a subscription to an integration, or replaces the one of that id. */
  putSubscription(id: string, subscription: RegisteredSubscription): Promise<Changed> {
    return this.#change(id, (registration) => withSubscription(registration, subscription))
  }

  removeSubscription(id: string, subscriptionId: string): Promise<Changed> {
    return this.#change(id, (registration) => withoutSubscription(registration, subscriptionId))
  }

  async #change(
    id: string,
    change: (registration: Registration) => Registration,
  ): Promise<Changed> {
    const known = this.#known.get(id)
    if (known === undefined) return 'unknown'
    if (!this.#keep(change(known.registration), afterChange(known.life))) return 'full'
    await this.#record?.write(id)
    return 'kept'
  }

  #keep(registration: Registration, life: SignsOfLife): boolean {
    const { now, maxBytes } = this.#options
    if (!this.#known.keep(registration, life, now(), maxBytes())) return false
    this.#changed('interest')
    return true
  }

  #entry(id: string): RegistrationEntry | undefined {
    const known = this.#known.get(id)
    if (known === undefined) return undefined
    return {
      registration: known.registration,
      hadPinged: known.life.listensFrom !== undefined,
    }
  }

  #recall({ registration, hadPinged }: RegistrationEntry): void {
    const now = this.#options.now()
    const seen = Date.parse(registration.metadata.lastseen)
    const life = afterLoading({ seenAt: Number.isNaN(seen) ? 0 : seen, hadPinged }, now)
    if (!isForgotten(life, now)) this.#known.keep(registration, life, life.seenAt, Infinity)
  }

  /** Waits until an integration has subscribed, and tells whoever waits for that. */
  #settle(id: string): void {
    clearTimeout(this.#settling.get(id))
    this.#settling.delete(id)
    const listensFrom = this.#known.get(id)?.life.listensFrom
    if (listensFrom === undefined) return
    const wait = listensFrom - this.#options.now()
    if (wait <= 0) {
      this.#changed('listening')
      return
    }
    // A timer may be early by a fraction of a millisecond, and so it looks again.
    const timer = setTimeout(() => {
      this.#settle(id)
    }, Math.ceil(wait))
    this.#settling.set(id, timer)
  }

  #sweep(): void {
    const now = this.#options.now()
    const forgotten = this.#known.all().filter(({ life }) => isForgotten(life, now))
    for (const { registration } of forgotten) {
      this.#forget(registration.id, 'An integration that was silent for a day is forgotten.')
      void this.#record?.write(registration.id)
    }
    if (forgotten.length > 0) this.#changed('interest')
    void this.#record?.flush()
    this.#measure()
  }

  #forget(id: string, why: string): void {
    const name = this.#known.get(id)?.registration.name
    this.#known.delete(id)
    clearTimeout(this.#settling.get(id))
    this.#settling.delete(id)
    this.#options.log.info({ id, name }, why)
  }

  #changed(change: RegistrationChange): void {
    this.#measure()
    for (const listener of this.#listeners) listener(change)
  }

  #measure(): void {
    this.#options.metrics.registrations.set(this.count.alive)
  }

  /** Two names and namespaces can make one text, `a-b` in `c` and `a` in `b-c`; never one record. */
  #newId(text: string): string {
    let id = sha1(text)
    while (this.#known.get(id) !== undefined) id = sha1(id)
    return id
  }
}

/** As Keptn makes its ids (wire 4.2); no secret depends on it. */
function sha1(text: string): string {
  return createHash('sha1').update(text).digest('hex')
}
