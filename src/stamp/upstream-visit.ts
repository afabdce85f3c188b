import { randomUUID } from 'node:crypto'
import type { RegisteredSubscription, Registration } from '../domain/registration.ts'
import { withoutSubscription, withSubscription } from '../domain/registration.ts'
import type { EntryChange, RegistrationEntry, UpstreamEntry } from '../domain/registration-entry.ts'
import {
  comparedUpstream,
  forgottenUpstream,
  registeredUpstream,
  toldUpstream,
} from '../domain/registration-entry.ts'
import { isTheSame, toUpstream } from '../domain/registration-translate.ts'
import type { Place } from '../domain/subject.ts'
import { areSame, mergeSubscriptions } from '../domain/subscription-merge.ts'
import { SignetError } from '../errors.ts'
import type { Log } from '../observe/log.ts'
import type { UpstreamUniform } from './upstream-uniform.ts'

/** What a visit needs of the stamp's registrations. */
export interface VisitedRegistrations {
  entry(id: string): RegistrationEntry | undefined
  change(id: string, change: EntryChange): Promise<void>
  hasRoom(registration: Registration): boolean
}

export interface UpstreamVisitOptions {
  readonly registrations: VisitedRegistrations
  readonly uniform: UpstreamUniform
  /** Where this stamp stands now. */
  readonly place: () => Place
  readonly log: Log
}

/**
 * Tells the control plane of one integration, and takes over what is subscribed there: a visit leaves both
 * sides the same. What it learns is kept before it acts on it, so that another agent goes on where a killed
 * one stopped; each of its steps may be done twice.
 */
export class UpstreamVisit {
  readonly #options: UpstreamVisitOptions

  constructor(options: UpstreamVisitOptions) {
    this.#options = options
  }

  /** Rejects with what `UpstreamUniform` does, and with `SIGNET_TOO_LARGE` where the stamp cannot keep more. */
  async make(id: string, signal: AbortSignal): Promise<void> {
    const entry = this.#options.registrations.entry(id)
    if (entry === undefined) return
    if (entry.isRemoved) return this.#remove(id, entry.upstream, signal)
    const known = await this.#ensureRegistered(id, entry, signal)
    const answer = await this.#options.uniform.ping(known.id, signal)
    if (answer !== undefined) return this.#compare(id, known, answer, signal)
    // It expired there, or somebody removed it there, while the integration lives: it is due at once again.
    await this.#change(id, forgottenUpstream(known.id))
    if (known !== entry.upstream)
      throw refused('The control plane forgot what it had just taken.', id)
    const { name } = entry.registration
    this.#options.log.info({ id, name }, 'The control plane forgot an integration.')
  }

  async #remove(
    id: string,
    upstream: UpstreamEntry | undefined,
    signal: AbortSignal,
  ): Promise<void> {
    if (upstream === undefined) return
    await this.#options.uniform.remove(upstream.id, signal)
    await this.#change(id, forgottenUpstream(upstream.id))
  }

  async #ensureRegistered(
    id: string,
    { registration, upstream }: RegistrationEntry,
    signal: AbortSignal,
  ): Promise<{ readonly id: string }> {
    const { integrationversion, distributorversion } = registration.metadata
    const isUpToDate =
      upstream?.integrationversion === integrationversion &&
      upstream.distributorversion === distributorversion
    if (upstream !== undefined && isUpToDate) return upstream
    const { uniform, place } = this.#options
    const made = await uniform.register(toUpstream(registration, place()), signal)
    await this.#change(id, registeredUpstream(registration, made.id, made.isNew, randomUUID))
    return made
  }

  async #compare(
    id: string,
    known: { readonly id: string },
    answer: Registration,
    signal: AbortSignal,
  ): Promise<void> {
    const { registrations, place, log } = this.#options
    const { registration, upstream } = registrations.entry(id) ?? {}
    if (registration === undefined || upstream?.id !== known.id) return
    if (!isTheSame(answer, registration, place().stamp))
      throw refused('The control plane has another integration under this id.', id)
    const there = answer.subscriptions
    if (upstream.subscriptions === null || !areSame(upstream.subscriptions, there)) {
      const here = registration.subscriptions
      const { subscriptions } = mergeSubscriptions(here, upstream.subscriptions, there)
      if (!registrations.hasRoom({ ...registration, subscriptions })) throw tooLarge(id)
      await this.#change(id, comparedUpstream(known.id, there))
      if (!areSame(here, subscriptions))
        log.info({ id, name: registration.name }, 'The control plane changed subscriptions.')
    }
    await this.#push(id, known.id, there, signal)
  }

  /** Brings what the control plane does not have. */
  async #push(
    id: string,
    upstreamId: string,
    there: readonly RegisteredSubscription[],
    signal: AbortSignal,
  ): Promise<void> {
    const { registrations, uniform } = this.#options
    const { registration } = registrations.entry(id) ?? {}
    if (registration === undefined) return
    const { put, remove } = mergeSubscriptions(registration.subscriptions, there, there)
    if (put.length === 0 && remove.length === 0) return
    let told: Registration = { ...registration, subscriptions: there }
    try {
      for (const one of put) {
        await uniform.putSubscription(upstreamId, one, signal)
        told = withSubscription(told, one)
      }
      for (const one of remove) {
        await uniform.removeSubscription(upstreamId, one, signal)
        told = withoutSubscription(told, one)
      }
    } finally {
      await this.#change(id, toldUpstream(upstreamId, told.subscriptions))
    }
  }

  #change(id: string, change: EntryChange): Promise<void> {
    return this.#options.registrations.change(id, change)
  }
}

function refused(message: string, id: string): SignetError {
  return new SignetError('SIGNET_REGISTRATION_REFUSED', message, { details: { id } })
}

function tooLarge(id: string): SignetError {
  return new SignetError(
    'SIGNET_TOO_LARGE',
    'The stamp cannot keep what the control plane subscribes: all registrations must fit into one message.',
    { details: { id } },
  )
}
