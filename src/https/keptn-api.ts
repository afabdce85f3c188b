import { answerKind, mayHaveArrived, retryAfterMs } from '../domain/api-answer.ts'
import type { OauthClient } from '../domain/oauth-client.ts'
import { SignetError } from '../errors.ts'
import type { ExchangeOptions, HttpRequest, Passed, Passing } from './exchange.ts'
import { Exchange, shownUrl } from './exchange.ts'
import { OauthToken } from './oauth-token.ts'

export interface KeptnApiOptions extends ExchangeOptions {
  /** Such as `https://keptn.example/api`; no slash at its end. */
  readonly endpoint: string
  /** Sent as `x-token`. */
  readonly token?: string | undefined
  readonly oauth?: OauthClient | undefined
  /** Milliseconds, by a clock that never goes back. */
  readonly now: () => number
}

export interface ApiCall {
  readonly method: HttpRequest['method']
  /** Below the endpoint, with what is in it escaped: `/controlPlane/v1/…`. */
  readonly path: string
  readonly query?: Readonly<Record<string, string | undefined>>
  readonly body?: Uint8Array | string
  /**
   * Called when the connection is there and the first byte is about to be written: what it throws ends the call,
   * and nothing was sent. Only of a call with a body.
   */
  readonly before?: () => void
}

/**
 * What came of a call. `status` is the server's, 0 where there was none. `mayHaveArrived`: whether it may
 * have been carried out although it failed.
 */
export type ApiResult =
  | { readonly ok: true; readonly status: number; readonly body: Buffer }
  | {
      readonly ok: false
      readonly status: number
      readonly error: SignetError
      readonly mayHaveArrived: boolean
      /** What the server asked to wait, in milliseconds. */
      readonly retryAfterMs?: number | undefined
    }

type Failed = Extract<ApiResult, { ok: false }>

/** The public API of one control plane (wire 5), with whatever lets us in. It tries nothing twice. */
export class KeptnApi {
  readonly #options: KeptnApiOptions
  readonly #exchange: Exchange
  readonly #oauth: OauthToken | undefined
  #trouble: string | undefined
  #clockOffsetMs = 0

  constructor(options: KeptnApiOptions) {
    this.#options = options
    this.#exchange = new Exchange(options)
    if (options.oauth !== undefined)
      this.#oauth = new OauthToken(this.#exchange, options.oauth, options.now)
  }

  /** Why it does not work, for `/readyz`; undefined where the last call was answered as it should be. */
  get trouble(): string | undefined {
    return this.#trouble
  }

  /** The server's time of day, as far as its last answer told it, in milliseconds since the epoch. */
  get serverNow(): number {
    return Date.now() + this.#clockOffsetMs
  }

  /** Its address as it may be shown. */
  get shownEndpoint(): string {
    return shownUrl(new URL(this.#options.endpoint))
  }

  /** Never rejects but with the reason of `signal`. */
  async call(call: ApiCall, signal: AbortSignal): Promise<ApiResult> {
    const first = await this.#try(call, signal)
    // A token that was revoked before its time: what was refused was not carried out.
    const result = first === 'again' ? await this.#try(call, signal) : first
    const settled = result === 'again' ? this.#unauthorized(401) : result
    this.#trouble = settled.ok || settled.status === 404 ? undefined : settled.error.message
    return settled
  }

  /** Passes a request on below the endpoint, with our credentials. Rejects as `Exchange.pass`. */
  async pass(request: Omit<Passing, 'url'>, signal: AbortSignal): Promise<Passed> {
    const url = new URL(this.#options.endpoint)
    const base = url.pathname.replace(/\/$/, '')
    const bearer = await this.#oauth?.get(signal)
    const headers = [...request.headers, ...Object.entries(this.#credentials(bearer))]
    const passing = { ...request, url, path: base + request.path, headers }
    const passed = await this.#exchange.pass(passing, signal)
    // Its body may be gone, so that it cannot be sent again; the next one has another token.
    if (passed.status === 401 && bearer !== undefined) this.#oauth?.reject(bearer)
    return passed
  }

  async close(): Promise<void> {
    await this.#exchange.close()
  }

  async #try(call: ApiCall, signal: AbortSignal): Promise<ApiResult | 'again'> {
    let bearer: string | undefined
    try {
      bearer = await this.#oauth?.get(signal)
    } catch (error) {
      signal.throwIfAborted()
      if (error instanceof SignetError) return failed(0, error, false)
      throw error
    }
    const { method, body, before } = call
    const headers = {
      accept: 'application/json',
      ...(body === undefined ? {} : { 'content-type': 'application/json' }),
      ...this.#credentials(bearer),
    }
    const url = this.#url(call)
    const request = {
      method,
      url,
      headers,
      ...(body === undefined ? {} : { body }),
      ...(before === undefined ? {} : { before }),
    }
    const exchanged = await this.#exchange.send(request, signal)
    if (exchanged.kind !== 'answered')
      return failed(0, exchanged.error, exchanged.kind === 'unclear')
    const { status, header, body: answered } = exchanged.answer
    const date = Date.parse(header('date') ?? '')
    if (!Number.isNaN(date)) this.#clockOffsetMs = date - Date.now()
    switch (answerKind(status)) {
      case 'ok':
        return { ok: true, status, body: answered }
      case 'unauthorized':
        if (status !== 401 || bearer === undefined) return this.#unauthorized(status)
        this.#oauth?.reject(bearer)
        return 'again'
      case 'later':
        return {
          ...failed(status, this.#answeredWith(status, url, answered), mayHaveArrived(status)),
          retryAfterMs: retryAfterMs(header('retry-after'), this.serverNow),
        }
      case 'missing':
      case 'refused':
        return failed(status, this.#refusal(status, url, answered), false)
    }
  }

  #credentials(bearer: string | undefined): Readonly<Record<string, string>> {
    const { token } = this.#options
    return {
      ...(token === undefined ? {} : { 'x-token': token }),
      ...(bearer === undefined ? {} : { authorization: `Bearer ${bearer}` }),
    }
  }

  #url({ path, query = {} }: ApiCall): URL {
    const url = new URL(this.#options.endpoint + path)
    for (const [name, value] of Object.entries(query))
      if (value !== undefined) url.searchParams.set(name, value)
    // A setting with credentials in it must not make an agent send them, or show them.
    url.username = ''
    url.password = ''
    return url
  }

  #unauthorized(status: number): Failed {
    const { endpoint, token } = this.#options
    const which = this.#oauth !== undefined ? 'OAUTH_CLIENT_ID and its like' : 'KEPTN_API_TOKEN'
    const why =
      this.#oauth === undefined && token === undefined
        ? 'no token is set: set KEPTN_API_TOKEN'
        : `the token is not accepted: check ${which}`
    const error = new SignetError(
      'SIGNET_API_UNAUTHORIZED',
      `The Keptn API ${shownUrl(new URL(endpoint))} answers with ${status}; ${why}.`,
      { details: { status } },
    )
    return failed(status, error, false)
  }

  #answeredWith(status: number, url: URL, body: Buffer): SignetError {
    return new SignetError(
      'SIGNET_API_UNREACHABLE',
      `The Keptn API answers ${shownUrl(url)} with ${status}${excerpt(body)}.`,
      { details: { status } },
    )
  }

  #refusal(status: number, url: URL, body: Buffer): SignetError {
    return new SignetError(
      'SIGNET_API_REFUSED',
      `The Keptn API refuses ${shownUrl(url)} with ${status}${excerpt(body)}.`,
      { details: { status } },
    )
  }
}

function failed(status: number, error: SignetError, mayHaveArrived: boolean): Failed {
  return { ok: false, status, error, mayHaveArrived }
}

/** What Keptn says of an error is short JSON; pages of gateways are not worth a line of log. */
function excerpt(body: Buffer): string {
  try {
    const { message } = JSON.parse(body.toString('utf8')) as { readonly message?: unknown }
    return typeof message === 'string' ? `: ${message.slice(0, 200)}` : ''
  } catch {
    return ''
  }
}
