import type { BehalfIntegration, Wish } from '../domain/behalf.ts'
import { registrationFor } from '../domain/behalf.ts'
import type { Log } from '../observe/log.ts'
import type { Registrations } from './registrations.ts'

export interface BehalfRegistrationOptions {
  readonly integration: BehalfIntegration
  /** Where the stamp stands now: `<geo>/<ring>/<stamp>`. */
  readonly place: () => string
  readonly registrations: Pick<Registrations, 'register' | 'ping' | 'get'>
  readonly log: Log
}

/**
 * Keeps one integration registered, and alive as long as its agent is: it pings in the place of a
 * distributor, and registers again where it was removed. What was edited in the Bridge comes back with its
 * registration.
 */
export class BehalfRegistration {
  readonly #options: BehalfRegistrationOptions
  #id: string | undefined
  #timer: NodeJS.Timeout | undefined
  #beating: Promise<void> | undefined
  #isFull = false

  constructor(options: BehalfRegistrationOptions) {
    this.#options = options
  }

  /** What it wants now. */
  get wishes(): readonly Wish[] {
    const { integration, registrations } = this.#options
    if (!integration.isRegistered) return integration.subscriptions
    const known = this.#id === undefined ? undefined : registrations.get(this.#id)
    return known?.subscriptions ?? []
  }

  /** Why it is not registered; undefined where it is, or need not be. */
  get trouble(): string | undefined {
    return this.#isFull ? 'the stamp keeps no more registrations' : undefined
  }

  async start(): Promise<void> {
    const { integration } = this.#options
    if (!integration.isRegistered) return
    await this.#beat()
    this.#timer = setInterval(() => {
      this.#beating ??= this.#beat().finally(() => {
        this.#beating = undefined
      })
    }, integration.heartbeatMs)
  }

  async stop(): Promise<void> {
    clearInterval(this.#timer)
    await this.#beating
  }

  async #beat(): Promise<void> {
    const { integration, place, registrations, log } = this.#options
    if (this.#id !== undefined && registrations.ping(this.#id) !== undefined) return
    const registering = await registrations.register(registrationFor(integration, place()))
    const isFull = registering.kind === 'full'
    if (isFull && !this.#isFull)
      log.warn({ integration: integration.name }, 'The stamp keeps no more registrations.')
    this.#isFull = isFull
    if (registering.kind !== 'created' && registering.kind !== 'existing') return
    this.#id = registering.registration.id
    registrations.ping(this.#id)
  }
}
