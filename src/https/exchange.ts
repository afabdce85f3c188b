import { setMaxListeners } from 'node:events'
import { readFileSync } from 'node:fs'
import { Readable } from 'node:stream'
import type { Dispatcher } from 'undici'
import { Agent, ProxyAgent, request } from 'undici'
import type { HeaderFields } from '../domain/http-fields.ts'
import type { ProxySettings } from '../domain/proxy-choice.ts'
import { proxyFor } from '../domain/proxy-choice.ts'
import { SignetError } from '../errors.ts'

/** How servers are reached over HTTP. */
export interface ExchangeOptions {
  readonly proxies: ProxySettings
  readonly verifyTls: boolean
  /** The certificates to trust instead of those that Node trusts: a PEM file, read anew after a failure. */
  readonly tlsCa?: string | undefined
  /** How long a request may take from its first byte to the last of its answer, in milliseconds. */
  readonly timeoutMs: number
  /** The largest answer that is read, in bytes. */
  readonly maxAnswerBytes: number
}

export interface HttpRequest {
  readonly method: 'GET' | 'POST' | 'PUT' | 'DELETE'
  readonly url: URL
  readonly headers: Readonly<Record<string, string>>
  readonly body?: Uint8Array | string
  /** Called just before the first byte of a request with a body is written; what it throws ends it unsent. */
  readonly before?: () => void
}

export interface HttpAnswer {
  readonly status: number
  /** The first value of a header, by its name in lower case. */
  readonly header: (name: string) => string | undefined
  readonly body: Buffer
}

/** What came of a request. `unsent`: no byte of it can have reached the server. `unclear`: it may have. */
export type Exchanged =
  | { readonly kind: 'answered'; readonly answer: HttpAnswer }
  | { readonly kind: 'unsent' | 'unclear'; readonly error: SignetError }

/** A request that is passed on. */
export interface Passing {
  readonly method: string
  /** Only its origin counts, and which proxy it has. */
  readonly url: URL
  /** Path and query as they go on the wire. */
  readonly path: string
  readonly headers: HeaderFields
  readonly body: Uint8Array | AsyncIterable<Uint8Array> | null
}

/** The answer to it; whoever gets it reads the body to its end or destroys it. */
export interface Passed {
  readonly status: number
  readonly headers: HeaderFields
  readonly body: AsyncIterable<Uint8Array> & { destroy(): void }
}

const CONNECT_TIMEOUT_MS = 10_000
/** Idle connections that are kept: shorter than the minute after which gateways drop theirs. */
const KEEP_ALIVE_MS = 20_000

const UNSENT: ReadonlySet<string> = new Set([
  'ECONNREFUSED',
  'ENOTFOUND',
  'EAI_AGAIN',
  'EHOSTUNREACH',
  'ENETUNREACH',
  'UND_ERR_CONNECT_TIMEOUT',
])

/** The one place of the agent that calls HTTP servers. It follows no redirect and tries nothing twice. */
export class Exchange {
  readonly #options: ExchangeOptions
  /** By the origin of the proxy; an empty text for none. */
  readonly #dispatchers = new Map<string, Dispatcher>()

  constructor(options: ExchangeOptions) {
    this.#options = options
  }

  /** Never rejects but with the reason of `signal`. */
  async send(
    { method, url, headers, body, before }: HttpRequest,
    signal: AbortSignal,
  ): Promise<Exchanged> {
    signal.throwIfAborted()
    const over = new AbortController()
    const timer = setTimeout(() => {
      over.abort(new SignetError('SIGNET_API_UNREACHABLE', 'no answer in time'))
    }, this.#options.timeoutMs)
    const stop = (): void => {
      over.abort(signal.reason)
    }
    // As many requests as are under way may listen to one signal.
    setMaxListeners(0, signal)
    signal.addEventListener('abort', stop, { once: true })
    try {
      const response = await request(url, {
        method,
        headers: before === undefined || body === undefined ? headers : sized(headers, body),
        body:
          before === undefined || body === undefined
            ? (body ?? null)
            : Readable.from(begun(before, body)),
        dispatcher: this.#dispatcher(url),
        signal: over.signal,
        headersTimeout: this.#options.timeoutMs,
        bodyTimeout: this.#options.timeoutMs,
      })
      const read = await this.#read(response.body)
      const header = (name: string): string | undefined => {
        const value = response.headers[name]
        return Array.isArray(value) ? value[0] : value
      }
      return { kind: 'answered', answer: { status: response.statusCode, header, body: read } }
    } catch (error) {
      signal.throwIfAborted()
      if (error instanceof Unsent && error.cause instanceof SignetError)
        return { kind: 'unsent', error: error.cause }
      return this.#failure(url, error)
    } finally {
      clearTimeout(timer)
      signal.removeEventListener('abort', stop)
    }
  }

  /**
   * Passes a request on as it is, its path not made anew, and resolves when the answer begins. Rejects with
   * `SIGNET_API_UNREACHABLE`, or with the reason of `signal`; a body that breaks off rejects while it is read.
   */
  async pass(passing: Passing, signal: AbortSignal): Promise<Passed> {
    const { method, url, path, headers, body } = passing
    const { timeoutMs } = this.#options
    try {
      const response = await this.#dispatcher(url).request({
        origin: url.origin,
        path,
        method,
        headers: headers.flat(),
        body: body instanceof Uint8Array || body === null ? body : Readable.from(body),
        signal,
        headersTimeout: timeoutMs,
        bodyTimeout: timeoutMs,
      })
      const fields = Object.entries(response.headers).flatMap(([name, value]) =>
        (Array.isArray(value) ? value : [value ?? '']).map((one) => [name, one] as const),
      )
      return { status: response.statusCode, headers: fields, body: response.body }
    } catch (error) {
      signal.throwIfAborted()
      const failed = this.#failure(url, error)
      throw failed.kind === 'answered' ? error : failed.error
    }
  }

  /** Ends the connections; what is under way fails. */
  async close(): Promise<void> {
    const dispatchers = [...this.#dispatchers.values()]
    this.#dispatchers.clear()
    await Promise.all(dispatchers.map((it) => it.destroy()))
  }

  /** Lets go of the connections that are made, once what is under way on them has ended. */
  #forget(): void {
    const dispatchers = [...this.#dispatchers.values()]
    this.#dispatchers.clear()
    for (const it of dispatchers) void it.close().catch(() => undefined)
  }

  async #read(body: AsyncIterable<Buffer>): Promise<Buffer> {
    const { maxAnswerBytes } = this.#options
    const chunks: Buffer[] = []
    let bytes = 0
    for await (const chunk of body) {
      bytes += chunk.length
      if (bytes > maxAnswerBytes)
        throw new SignetError(
          'SIGNET_API_BAD_ANSWER',
          `answers with more than ${maxAnswerBytes} bytes`,
        )
      chunks.push(chunk)
    }
    return Buffer.concat(chunks, bytes)
  }

  #dispatcher(url: URL): Dispatcher {
    const proxy = proxyFor(url, this.#options.proxies)
    const key = proxy?.href ?? ''
    const known = this.#dispatchers.get(key)
    if (known !== undefined) return known
    const { verifyTls, tlsCa } = this.#options
    const tls = {
      rejectUnauthorized: verifyTls,
      ...(tlsCa === undefined ? {} : { ca: readFileSync(tlsCa, 'utf8') }),
    }
    const connect = { ...tls, timeout: CONNECT_TIMEOUT_MS }
    const shared = { keepAliveTimeout: KEEP_ALIVE_MS, keepAliveMaxTimeout: KEEP_ALIVE_MS }
    const made =
      proxy === undefined
        ? new Agent({ ...shared, connect })
        : new ProxyAgent({
            ...shared,
            uri: proxy.origin,
            ...(proxy.username === '' ? {} : { token: basic(proxy) }),
            requestTls: tls,
            proxyTls: tls,
          })
    this.#dispatchers.set(key, made)
    return made
  }

  #failure(url: URL, error: unknown): Exchanged {
    const code = codeOf(error)
    const isTls = isCertificateFault(code)
    // The file with the certificates may have been replaced.
    if (isTls) this.#forget()
    if (error instanceof SignetError)
      return { kind: 'unclear', error: told(url, error.message, error) }
    const kind = isTls || UNSENT.has(code) ? 'unsent' : 'unclear'
    return { kind, error: told(url, reason(code, error), error) }
  }
}

/** The body of a request, whose head goes out with the first part of it. */
async function* begun(before: () => void, body: Uint8Array | string): AsyncGenerator<Uint8Array> {
  await Promise.resolve()
  try {
    before()
  } catch (error) {
    throw new Unsent(error)
  }
  yield typeof body === 'string' ? Buffer.from(body) : body
}

function sized(
  headers: Readonly<Record<string, string>>,
  body: Uint8Array | string,
): Readonly<Record<string, string>> {
  return { ...headers, 'content-length': String(Buffer.byteLength(body)) }
}

/** A request that was called off before its first byte. */
class Unsent extends Error {
  constructor(cause: unknown) {
    super('called off', { cause })
  }
}

/** Of a URL only what may be shown: no credentials, no query. */
export function shownUrl({ origin, pathname }: URL): string {
  return `${origin}${pathname}`
}

function told(url: URL, why: string, cause: unknown): SignetError {
  const code = cause instanceof SignetError ? cause.code : 'SIGNET_API_UNREACHABLE'
  return new SignetError(code, `${url.origin}: ${why}`, { cause, details: { url: shownUrl(url) } })
}

function basic({ username, password }: URL): string {
  const pair = `${decodeURIComponent(username)}:${decodeURIComponent(password)}`
  return `Basic ${Buffer.from(pair).toString('base64')}`
}

function codeOf(error: unknown): string {
  if (!(error instanceof Error)) return ''
  const { code, cause } = error as { code?: unknown; cause?: unknown }
  if (typeof code === 'string' && !code.startsWith('UND_ERR_ABORTED')) return code
  return cause === undefined ? '' : codeOf(cause)
}

/** Node names these faults after OpenSSL's; there are some thirty of them. */
function isCertificateFault(code: string): boolean {
  return /CERT|^UNABLE_TO_|^ERR_TLS_|^ERR_SSL_|^HOSTNAME_MISMATCH|^EPROTO/.test(code)
}

function reason(code: string, error: unknown): string {
  const text = error instanceof Error && error.message !== '' ? error.message : 'the request failed'
  if (isCertificateFault(code))
    return `its certificate is not accepted (${code}: ${text}); see SIGNET_API_TLS_CA and HTTP_SSL_VERIFY`
  return code === '' || text.includes(code) ? text : `${code}: ${text}`
}
