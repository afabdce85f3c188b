import type { RegisteredSubscription, Registration } from '../domain/registration.ts'
import { parseRegistration } from '../domain/registration-parse.ts'
import { SignetError } from '../errors.ts'
import type { ApiResult, KeptnApi } from '../https/keptn-api.ts'
import type { Log } from '../observe/log.ts'
import { sleep } from '../runtime/clock.ts'

export interface EnrolmentOptions {
  readonly api: KeptnApi
  /** What stands before `/v1/uniform` at the API: `/controlPlane` in public, nothing at the service itself. */
  readonly prefix: string
  readonly body: Registration
  readonly heartbeatMs: number
  /** After so many failed heartbeats it registers anew. */
  readonly maxHeartbeats: number
  /** Between two tries to register, in milliseconds. */
  readonly registrationMs: number
  /** So many failed tries to register are worth an error. */
  readonly maxRegistrations: number
  /** Told after every heartbeat: what is subscribed to now. */
  readonly onSubscriptions: (subscriptions: readonly RegisteredSubscription[]) => void
  readonly log: Log
}

const BASE = '/v1/uniform/registration'

/**
 * Keeps an integration registered in Keptn's Uniform and brings what is subscribed there (wire 3.2, 4). The
 * first heartbeat follows the registration at once, since only it tells the subscriptions; and a
 * registration that is gone is made again, where Keptn's own distributor ends or goes on deaf.
 */
export class Enrolment {
  readonly #options: EnrolmentOptions
  readonly #stopping = new AbortController()
  #id: string | undefined
  #trouble: string | undefined = 'registration: not registered yet'
  #loop: Promise<void> | undefined

  constructor(options: EnrolmentOptions) {
    this.#options = options
  }

  /** The id of the registration, once there is one. */
  get id(): string | undefined {
    return this.#id
  }

  /** Why it is not registered or not renewed, or undefined. */
  get trouble(): string | undefined {
    return this.#trouble
  }

  start(): void {
    this.#loop = this.#run(this.#stopping.signal)
  }

  /** Leaves the registration as it is, as every client of Keptn does: the next one finds it. */
  async stop(): Promise<void> {
    this.#stopping.abort(new SignetError('SIGNET_STOPPED', 'The distributor stops.'))
    await this.#loop
  }

  async #run(signal: AbortSignal): Promise<void> {
    while (!signal.aborted) {
      try {
        this.#id = await this.#register(signal)
        await this.#renew(this.#id, signal)
      } catch (error) {
        if (signal.aborted) return
        // A fault of ours is told, and registering anew is another try.
        this.#options.log.error({ error }, 'The registration failed in a way that nobody foresaw.')
        await sleep(this.#options.registrationMs, signal).catch(() => undefined)
      }
    }
  }

  async #register(signal: AbortSignal): Promise<string> {
    const { api, prefix, body, registrationMs, maxRegistrations, log } = this.#options
    for (let tries = 1; ; tries += 1) {
      const path = prefix + BASE
      const result = await api.call({ method: 'POST', path, body: JSON.stringify(body) }, signal)
      const id = result.ok ? idOf(result.body) : undefined
      if (id !== undefined) {
        log.info({ id, name: body.name }, 'Registered.')
        return id
      }
      const error = reason(result)
      this.#trouble = `registration: ${error.message}`
      if (tries === maxRegistrations) log.error({ error, tries }, 'Registering fails.')
      else log.warn({ error, tries }, 'Not registered; it is tried again.')
      await sleep(registrationMs, signal)
    }
  }

  /** Returns when it must register anew. */
  async #renew(id: string, signal: AbortSignal): Promise<void> {
    const { api, prefix, heartbeatMs, maxHeartbeats, onSubscriptions, log } = this.#options
    const path = `${prefix}${BASE}/${encodeURIComponent(id)}/ping`
    for (let failures = 0; ;) {
      const result = await api.call({ method: 'PUT', path, body: '' }, signal)
      const registration = result.ok ? registrationOf(result.body) : undefined
      if (registration !== undefined) {
        failures = 0
        this.#trouble = undefined
        onSubscriptions(registration.subscriptions)
      } else {
        failures += 1
        const error = reason(result)
        this.#trouble = `registration: ${error.message}`
        log.warn({ error, failures }, 'The registration was not renewed.')
        // It has expired, or was deleted, and nothing but a new one helps (wire 4.3).
        if (!result.ok && result.status === 404) return
        if (failures >= Math.max(1, maxHeartbeats)) return
      }
      await sleep(heartbeatMs, signal)
    }
  }
}

function idOf(body: Buffer): string | undefined {
  const { id } = (parse(body) ?? {}) as { readonly id?: unknown }
  return typeof id === 'string' && id !== '' ? id : undefined
}

function registrationOf(body: Buffer): Registration | undefined {
  const parsed = parseRegistration(parse(body))
  return parsed.ok ? parsed.value : undefined
}

function parse(body: Buffer): unknown {
  try {
    return JSON.parse(body.toString('utf8')) as unknown
  } catch {
    return undefined
  }
}

function reason(result: ApiResult): SignetError {
  if (!result.ok) return result.error
  return new SignetError('SIGNET_API_BAD_ANSWER', 'The answer is none of Keptn’s registrations.')
}
