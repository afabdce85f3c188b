import * as http from 'node:http'
import * as https from 'node:https'
import { Readable } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import type { HeaderFields } from '../domain/http-fields.ts'
import { answerFields, pairs, withoutCredentials } from '../domain/http-fields.ts'
import type { KeptnServiceName } from '../domain/keptn-service.ts'
import { gatewayTarget } from '../domain/gateway-target.ts'
import { failure } from './tunnel-failure.ts'
import type { StreamedBody } from './tunnel-request.ts'
import { isWhole } from './tunnel-request.ts'

/** Where the hub finds Keptn's services: by themselves, or behind Keptn's own public gateway. */
export type ServiceWay =
  | { readonly kind: 'internal'; readonly urls: Readonly<Record<KeptnServiceName, string>> }
  | {
      readonly kind: 'gateway'
      /** Such as `https://keptn.example/api`. */
      readonly endpoint: string
      readonly token: string | undefined
      readonly verifyTls: boolean
    }

export interface ServiceCall {
  readonly service: KeptnServiceName
  readonly method: string
  readonly target: string
  readonly headers: HeaderFields
  readonly body: Uint8Array | StreamedBody
  /** Whether it may be sent twice where a kept connection turns out to be dead. */
  readonly isRepeatable: boolean
}

export interface ServiceAnswer {
  readonly status: number
  readonly headers: HeaderFields
  readonly body: AsyncIterable<Uint8Array>
}

/**
 * Calls Keptn's services. `node:http` takes a path as it is, where `fetch` would make a new one; redirects
 * are answers like any other.
 */
export class ServiceCaller {
  readonly #way: ServiceWay
  readonly #plain: http.Agent
  readonly #tls: https.Agent

  constructor(way: ServiceWay) {
    this.#way = way
    const kept = { keepAlive: true, maxFreeSockets: 64 }
    this.#plain = new http.Agent(kept)
    const rejectUnauthorized = way.kind === 'internal' || way.verifyTls
    this.#tls = new https.Agent({ ...kept, rejectUnauthorized })
  }

  /**
   * Resolves when the answer begins. Rejects with `SIGNET_TUNNEL_BROKEN`: `service-away` where nothing was
   * sent, `service-broken` where the service may have done it.
   */
  async request(call: ServiceCall, signal: AbortSignal): Promise<ServiceAnswer> {
    try {
      return await this.#send(call, signal, call.isRepeatable)
    } catch (error) {
      if (!(error instanceof DeadConnection)) throw error
      return this.#send(call, signal, false)
    }
  }

  close(): void {
    this.#plain.destroy()
    this.#tls.destroy()
  }

  /**
   * `mayReuse`: on a connection that was used before. The service may be closing it just then, and nobody
   * can tell whether it has read the request: not for what must be done once.
   */
  #send(call: ServiceCall, signal: AbortSignal, mayReuse: boolean): Promise<ServiceAnswer> {
    const { service, method, body } = call
    const url = new URL(this.#base(service))
    const isTls = url.protocol === 'https:'
    const kept = isTls ? this.#tls : this.#plain
    const options: https.RequestOptions = {
      hostname: url.hostname.replace(/^\[(.*)\]$/, '$1'),
      port: url.port === '' ? (isTls ? 443 : 80) : url.port,
      method,
      path: this.#path(url, call),
      headers: this.#fields(url, call).flat(),
      agent: mayReuse ? kept : false,
      ...(isTls ? { rejectUnauthorized: this.#tls.options.rejectUnauthorized ?? true } : {}),
      signal,
    }
    return new Promise((resolve, reject) => {
      const request = (isTls ? https : http).request(options)
      let isConnected = false
      request.on('socket', (socket) => {
        if (!socket.connecting) isConnected = true
        else socket.once(isTls ? 'secureConnect' : 'connect', () => (isConnected = true))
      })
      request.on('error', (error: NodeJS.ErrnoException) => {
        if (signal.aborted) reject(signal.reason as Error)
        else if (request.reusedSocket && isWhole(body)) reject(new DeadConnection())
        else reject(serviceFailure(service, error, isConnected))
      })
      request.on('response', (response) => {
        const fields = answerFields(pairs(response.rawHeaders))
        resolve({ status: response.statusCode ?? 502, headers: fields, body: response })
      })
      if (isWhole(body)) request.end(body)
      // A service may answer before it has read all: what breaks then, breaks the answer too, or nothing.
      else pipeline(Readable.from(body.read()), request).catch(reject)
    })
  }

  #base(service: KeptnServiceName): string {
    return this.#way.kind === 'internal' ? this.#way.urls[service] : this.#way.endpoint
  }

  #path(url: URL, { service, target }: ServiceCall): string {
    const prefix = url.pathname === '/' ? '' : url.pathname
    return this.#way.kind === 'internal' ? prefix + target : prefix + gatewayTarget(service, target)
  }

  #fields(url: URL, { method, headers, body }: ServiceCall): HeaderFields {
    const fields: (readonly [string, string])[] = [
      ['host', url.host],
      ...withoutCredentials(headers),
    ]
    if (this.#way.kind === 'gateway' && this.#way.token !== undefined)
      fields.push(['x-token', this.#way.token])
    const length = isWhole(body) ? body.length : body.length
    const isBare = length === 0 && ['GET', 'HEAD', 'OPTIONS', 'DELETE'].includes(method)
    if (length === undefined) fields.push(['transfer-encoding', 'chunked'])
    else if (!isBare) fields.push(['content-length', String(length)])
    return fields
  }
}

/** A kept connection that the service had closed before it read a word. */
class DeadConnection extends Error {}

function serviceFailure(
  service: string,
  error: NodeJS.ErrnoException,
  isConnected: boolean,
): Error {
  const code = error.code ?? error.name
  return isConnected
    ? failure('service-broken', `${service} broke the connection off (${code}).`, 'maybe', error)
    : failure('service-away', `${service} cannot be reached from the hub (${code}).`, 'no', error)
}
