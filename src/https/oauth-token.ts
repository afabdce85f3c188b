import type { OauthClient } from '../domain/oauth-client.ts'
import { SignetError } from '../errors.ts'
import type { Exchange } from './exchange.ts'
import { shownUrl } from './exchange.ts'

interface Token {
  readonly value: string
  /** When it is to be replaced, by the clock of `now`. */
  readonly staleAt: number
}

/** A token is replaced so long before it ends, or after four fifths of a short life. */
const MARGIN_MS = 60_000
/** What a token lives that does not say so. */
const DEFAULT_LIFE_MS = 300_000

/**
 * The access token of a client. It is fetched when it is first needed and before it ends, by one request
 * whoever asks; a server that does not take the client's credentials in a header gets them in the body.
 */
export class OauthToken {
  readonly #exchange: Exchange
  readonly #client: OauthClient
  readonly #now: () => number
  #token: Token | undefined
  #fetching: Promise<Token> | undefined
  #endpoint: URL | undefined
  #sendsInBody = false

  constructor(exchange: Exchange, client: OauthClient, now: () => number) {
    this.#exchange = exchange
    this.#client = client
    this.#now = now
  }

  /** A token that is good now. Rejects with `SIGNET_API_UNAUTHORIZED`, or as the exchange failed. */
  async get(signal: AbortSignal): Promise<string> {
    if (this.#token !== undefined && this.#now() < this.#token.staleAt) return this.#token.value
    this.#fetching ??= this.#fetch(signal).finally(() => {
      this.#fetching = undefined
    })
    this.#token = await this.#fetching
    return this.#token.value
  }

  /** The server did not take this token: it may have been revoked. */
  reject(token: string): void {
    if (this.#token?.value === token) this.#token = undefined
  }

  async #fetch(signal: AbortSignal): Promise<Token> {
    const url = await this.#tokenEndpoint(signal)
    const first = await this.#ask(url, signal)
    if (first !== undefined) return first
    this.#sendsInBody = !this.#sendsInBody
    const second = await this.#ask(url, signal)
    if (second !== undefined) return second
    throw new SignetError(
      'SIGNET_API_UNAUTHORIZED',
      `${shownUrl(url)} gives no token to this client; check OAUTH_CLIENT_ID, OAUTH_CLIENT_SECRET and OAUTH_SCOPES`,
    )
  }

  /** Undefined where the server does not take the client, or not in this way. */
  async #ask(url: URL, signal: AbortSignal): Promise<Token | undefined> {
    const { clientId, clientSecret, scopes } = this.#client
    const form = new URLSearchParams({ grant_type: 'client_credentials' })
    if (scopes.length > 0) form.set('scope', scopes.join(' '))
    if (this.#sendsInBody) {
      form.set('client_id', clientId)
      form.set('client_secret', clientSecret)
    }
    const pair = `${encodeURIComponent(clientId)}:${encodeURIComponent(clientSecret)}`
    const headers = {
      'content-type': 'application/x-www-form-urlencoded',
      accept: 'application/json',
      ...(this.#sendsInBody
        ? {}
        : { authorization: `Basic ${Buffer.from(pair).toString('base64')}` }),
    }
    const asked = this.#now()
    const exchanged = await this.#exchange.send(
      { method: 'POST', url, headers, body: form.toString() },
      signal,
    )
    if (exchanged.kind !== 'answered') throw exchanged.error
    const { status, body } = exchanged.answer
    if (status === 400 || status === 401 || status === 403) return undefined
    if (status < 200 || status > 299) throw badAnswer(url, `answers with ${status}`)
    const { access_token: value, expires_in: seconds } = fields(url, body)
    if (typeof value !== 'string' || value === '') throw badAnswer(url, 'has no access_token')
    const life = Number(seconds) > 0 ? Number(seconds) * 1_000 : DEFAULT_LIFE_MS
    return { value, staleAt: asked + life - Math.min(MARGIN_MS, life / 5) }
  }

  async #tokenEndpoint(signal: AbortSignal): Promise<URL> {
    const { tokenUrl, discovery = '' } = this.#client
    if (tokenUrl !== undefined) return new URL(tokenUrl)
    if (this.#endpoint !== undefined) return this.#endpoint
    const url = new URL(discovery)
    const headers = { accept: 'application/json' }
    const exchanged = await this.#exchange.send({ method: 'GET', url, headers }, signal)
    if (exchanged.kind !== 'answered') throw exchanged.error
    const { status, body } = exchanged.answer
    if (status < 200 || status > 299) throw badAnswer(url, `answers with ${status}`)
    const { token_endpoint: endpoint } = fields(url, body)
    if (typeof endpoint !== 'string' || !/^https?:/i.test(endpoint) || !URL.canParse(endpoint))
      throw badAnswer(url, 'has no token_endpoint')
    this.#endpoint = new URL(endpoint)
    return this.#endpoint
  }
}

function fields(url: URL, body: Buffer): Readonly<Record<string, unknown>> {
  try {
    const json: unknown = JSON.parse(body.toString('utf8'))
    if (typeof json === 'object' && json !== null) return json as Record<string, unknown>
  } catch {
    // Told below: what it was instead does not matter, and may hold a secret.
  }
  throw badAnswer(url, 'answers with something that is no JSON object')
}

function badAnswer(url: URL, why: string): SignetError {
  return new SignetError('SIGNET_API_BAD_ANSWER', `${shownUrl(url)} ${why}`)
}
