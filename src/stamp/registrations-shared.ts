import { seenAt } from '../domain/registration.ts'
import type { EntryChange, RegistrationEntry } from '../domain/registration-entry.ts'
import type { SignsOfLife } from '../domain/sign-of-life.ts'
import {
  afterChange,
  afterLoading,
  afterPing,
  afterPingElsewhere,
  afterRegistering,
  FORGET_MS,
  isForgotten,
} from '../domain/sign-of-life.ts'
import { REGISTRATIONS_BUCKET } from '../domain/store-names.ts'
import { areSame } from '../domain/subscription-merge.ts'
import type { SignetError } from '../errors.ts'
import { Bucket } from '../links/bucket.ts'
import type { CoreMessages } from '../links/core-messages.ts'
import type { Store } from '../links/store.ts'
import type { Log } from '../observe/log.ts'
import { untilDone } from '../runtime/retry.ts'
import type { KnownRegistration } from './registrations-known.ts'
import { KnownRegistrations } from './registrations-known.ts'
import { SharedPings } from './registrations-pings.ts'
import { RegistrationsRecord } from './registrations-record.ts'
import { SettlingTimers } from './registrations-settling.ts'

/**
 * `interest`: who is known, or what one wants, changed. `listening`: an integration began to listen.
 * `entry`: something else is known of one.
 */
export type RegistrationChange = 'interest' | 'listening' | 'entry'

export interface SharedRegistrationsOptions {
  readonly keptnStore: Store
  /** To the other agents of the stamp. */
  readonly messages: CoreMessages
  /** Calls the listener whenever the server is there again. */
  readonly onConnect: (listener: () => void) => void
  /** Milliseconds since the epoch, by a clock that never goes back. */
  readonly now: () => number
  readonly log: Log
}

/** An unchanged registration is written again after this, so that its record says roughly when it was seen. */
const REWRITE_MS = 30_000
const SWEEP_MS = 5_000
/** Nothing else was ever kept under. */
const OUR_ID = /^[0-9a-f]{40}$/

/**
 * What the agents of a stamp know of its integrations together. Each has all of it in memory and changes it
 * there at once; the record brings the changes to the others, and core messages the pings.
 */
export class SharedRegistrations {
  readonly known = new KnownRegistrations()
  readonly #options: SharedRegistrationsOptions
  readonly #onChange: (change: RegistrationChange) => void
  readonly #pings: SharedPings
  readonly #settling: SettlingTimers
  #record: RegistrationsRecord | undefined
  #following: Promise<void> | undefined
  #sweeper: NodeJS.Timeout | undefined

  constructor(options: SharedRegistrationsOptions, onChange: (change: RegistrationChange) => void) {
    this.#options = options
    this.#onChange = onChange
    this.#pings = new SharedPings(options.messages)
    this.#settling = new SettlingTimers(options.now, {
      listensFrom: (id) => this.known.get(id)?.life.listensFrom,
      settled: () => {
        onChange('listening')
      },
    })
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
    this.#onChange('interest')
    this.#sweeper = setInterval(() => {
      this.#sweep()
    }, SWEEP_MS)
    this.#sweeper.unref()
  }

  async #openRecord(signal: AbortSignal, note: (error: SignetError) => void): Promise<void> {
    const { keptnStore, log } = this.#options
    const plan = { name: REGISTRATIONS_BUCKET, ttlMs: FORGET_MS, replicas: 1 }
    const open = () => Bucket.open<unknown>(keptnStore, plan)
    const view = {
      entry: (id: string) => this.known.get(id)?.entry,
      shared: (id: string, entry: RegistrationEntry) => {
        this.#shared(id, entry)
      },
    }
    const onTrouble = (error: unknown): void => {
      log.debug({ error }, 'A registration was not kept, or not heard of, yet.')
    }
    const record = new RegistrationsRecord(await untilDone(open, signal, note), view, onTrouble)
    for (const entry of await untilDone(() => record.load(), signal, note)) this.#recall(entry)
    this.#pings.listen((id) => {
      this.#heardOf(id)
    })
    this.#record = record
    this.#options.onConnect(() => {
      record.followAnew()
    })
    this.#following = record.follow()
  }

  async stop(): Promise<void> {
    clearInterval(this.#sweeper)
    this.#settling.stop()
    this.#pings.stop()
    await this.#record?.stop()
    await this.#following
  }

  /**
   * Reads what the record has of one that is unknown here: it may have registered at another agent a
   * moment ago. Rejects with `SIGNET_JETSTREAM_MISSING`.
   */
  async lookUp(id: string): Promise<void> {
    if (OUR_ID.test(id)) await this.#record?.read(id)
  }

  /**
   * Changes what is kept of one, at once; resolves when that is stored, or the server could not be asked
   * to. `life` is what is known of its signs of life, where that is more than the change tells.
   */
  change(id: string, change: EntryChange, life?: SignsOfLife): Promise<void> {
    const before = this.known.get(id)
    const entry = change(before?.entry)
    if (entry === undefined) return Promise.resolve()
    this.#keep(entry, life ?? this.#lifeAfter(before, entry), before)
    if (life !== undefined) this.#settling.watch(id)
    return this.#record?.change(id, change) ?? Promise.resolve()
  }

  /** One that is known pinged here; `change` is what that means for what is kept of it. */
  ping(id: string, { entry, life, writtenAt }: KnownRegistration, change: EntryChange): void {
    const now = this.#options.now()
    const after = afterPing(life, now)
    const hasSettled = after.listensFrom === life.listensFrom
    const isOld = now - writtenAt >= REWRITE_MS && this.#record?.isStored(id) !== false
    if (!hasSettled || isOld) void this.change(id, change, after)
    else this.known.renew(id, { entry: change(entry) ?? entry, life: after })
    this.#pings.say(id)
  }

  #shared(id: string, entry: RegistrationEntry): void {
    const before = this.known.get(id)
    this.#keep(entry, this.#lifeAfter(before, entry), before)
    if (entry.isRemoved) this.#settling.forget(id)
    else this.#settling.watch(id)
  }

  #recall(entry: RegistrationEntry): void {
    const now = this.#options.now()
    const { registration, hadPinged } = entry
    const seen = Date.parse(registration.metadata.lastseen)
    const life = afterLoading({ seenAt: Number.isNaN(seen) ? 0 : seen, hadPinged }, now)
    if (!isForgotten(life, now)) this.known.keep(entry, life, life.seenAt)
  }

  /** What a change of the record says of the life of an integration. */
  #lifeAfter(before: KnownRegistration | undefined, entry: RegistrationEntry): SignsOfLife {
    const now = this.#options.now()
    const isNew = before === undefined || before.entry.isRemoved
    const life = isNew ? afterRegistering(undefined, now) : before.life
    if (!entry.hadPinged) return life.listensFrom === undefined ? life : afterChange(life)
    return isNew || !before.entry.hadPinged ? afterPing(life, now) : life
  }

  #heardOf(id: string): void {
    const before = this.known.get(id)
    if (before === undefined || before.entry.isRemoved) return
    const now = this.#options.now()
    const life = afterPingElsewhere(before.life, now)
    const { entry } = before
    const registration = seenAt(entry.registration, now)
    this.known.renew(id, { entry: { ...entry, registration }, life })
    if (life.listensFrom !== before.life.listensFrom) this.#settling.watch(id)
  }

  #keep(entry: RegistrationEntry, life: SignsOfLife, before: KnownRegistration | undefined): void {
    this.known.keep(entry, life, this.#options.now())
    const isSame =
      before !== undefined &&
      before.entry.isRemoved === entry.isRemoved &&
      areSame(before.entry.registration.subscriptions, entry.registration.subscriptions)
    this.#onChange(isSame ? 'entry' : 'interest')
  }

  #sweep(): void {
    const now = this.#options.now()
    const over = this.known.everything().filter(({ entry, life }) => {
      if (isForgotten(life, now)) return true
      if (!entry.isRemoved || entry.upstream !== undefined) return false
      return this.#record?.isStored(entry.registration.id) !== false
    })
    for (const { entry } of over) this.#forget(entry)
    this.#onChange(over.some(({ entry }) => !entry.isRemoved) ? 'interest' : 'entry')
    void this.#record?.flush()
  }

  #forget({ registration: { id, name }, isRemoved }: RegistrationEntry): void {
    this.known.delete(id)
    this.#record?.drop(id)
    this.#settling.forget(id)
    if (isRemoved) return
    this.#options.log.info({ id, name }, 'An integration that was silent for a day is forgotten.')
  }
}
