import type { RegisteredSubscription, Registration } from '../domain/registration.ts'
import { parseRegistration } from '../domain/registration-parse.ts'
import { SignetError } from '../errors.ts'
import type { Metrics } from '../observe/metrics.ts'
import type { KeptnAnswer, KeptnCaller } from '../tunnel/keptn-caller.ts'

const BASE = '/v1/uniform/registration'

/**
 * The Uniform API of the control plane (wire 4.1), as far as it is needed. Every call rejects with what
 * `KeptnCaller.call` does, and with `SIGNET_REGISTRATION_REFUSED` for an answer that Keptn does not give
 * where all is well.
 */
export class UpstreamUniform {
  readonly #caller: KeptnCaller
  readonly #metrics: Metrics

  constructor(caller: KeptnCaller, metrics: Metrics) {
    this.#caller = caller
    this.#metrics = metrics
  }

  /** `isNew`: there was none of this name and namespace. */
  async register(
    registration: Registration,
    signal: AbortSignal,
  ): Promise<{ readonly id: string; readonly isNew: boolean }> {
    const answer = await this.#call('POST', BASE, signal, registration)
    const { id } = (jsonOf(answer) ?? {}) as { readonly id?: unknown }
    if (typeof id !== 'string' || id === '') throw refused('POST', BASE, answer)
    return { id, isNew: answer.status === 201 }
  }

  /** Renews a registration, and returns it; undefined where it is unknown. */
  async ping(id: string, signal: AbortSignal): Promise<Registration | undefined> {
    const target = `${pathOf(id)}/ping`
    const answer = await this.#call('PUT', target, signal)
    if (answer.status === 404) return undefined
    const parsed = parseRegistration(jsonOf(answer))
    if (!parsed.ok) throw refused('PUT', target, answer)
    return parsed.value
  }

  async putSubscription(
    id: string,
    subscription: RegisteredSubscription,
    signal: AbortSignal,
  ): Promise<void> {
    await this.#call('PUT', subscriptionPath(id, subscription.id), signal, subscription)
  }

  async removeSubscription(id: string, subscriptionId: string, signal: AbortSignal): Promise<void> {
    await this.#call('DELETE', subscriptionPath(id, subscriptionId), signal)
  }

  async remove(id: string, signal: AbortSignal): Promise<void> {
    await this.#call('DELETE', pathOf(id), signal)
  }

  async #call(
    method: string,
    target: string,
    signal: AbortSignal,
    json?: object,
  ): Promise<KeptnAnswer> {
    const call = {
      service: 'shipyard-controller',
      method,
      target,
      headers: [['content-type', 'application/json']],
      ...(json === undefined ? {} : { body: Buffer.from(JSON.stringify(json)) }),
    } as const
    const answer = await this.#caller.call(call, signal).catch((error: unknown) => {
      this.#count('unreachable')
      throw error
    })
    // An unknown integration is an answer; a path or a proxy that is wrong says 404 in other words.
    const isUnknown = answer.status === 404 && method === 'PUT' && target.endsWith('/ping')
    if (!isUnknown && (answer.status < 200 || answer.status > 299)) {
      this.#count('refused')
      throw refused(method, target, answer)
    }
    this.#count(isUnknown ? 'unknown' : 'done')
    return answer
  }

  #count(result: 'done' | 'unknown' | 'refused' | 'unreachable'): void {
    this.#metrics.registrationCalls.inc({ result })
  }
}

function pathOf(id: string): string {
  return `${BASE}/${encodeURIComponent(id)}`
}

function subscriptionPath(id: string, subscriptionId: string): string {
  return `${pathOf(id)}/subscription/${encodeURIComponent(subscriptionId)}`
}

function jsonOf({ body }: KeptnAnswer): unknown {
  try {
    return JSON.parse(Buffer.from(body).toString('utf8'))
  } catch {
    return undefined
  }
}

/** How much of an unexpected answer is told. */
const SHOWN = 200

function refused(method: string, target: string, { status, body }: KeptnAnswer): SignetError {
  const text = Buffer.from(body).toString('utf8').slice(0, SHOWN)
  return new SignetError(
    'SIGNET_REGISTRATION_REFUSED',
    `The control plane answered ${method} ${target} with ${status}.`,
    { details: { method, target, status, text } },
  )
}
