import { SignetError } from '../errors.ts'
import type { HttpAnswer } from './exchange.ts'
import { Exchange } from './exchange.ts'

/** Where shipyard-controller answers: itself, or behind Keptn's public API. */
export interface ShipyardControllerOptions {
  /** What `/v1/…` follows: `http://shipyard-controller:8080`, `https://keptn.example/api/controlPlane`. */
  readonly url: string
  /** For the public API. */
  readonly token?: string | undefined
  readonly verifyTls?: boolean
}

/** How much an answer may take, and how long, in milliseconds. */
export interface AnswerLimits {
  readonly timeoutMs: number
  readonly maxAnswerBytes: number
}

/** What the hub asks shipyard-controller, which tells nobody unasked. */
export class ShipyardController {
  readonly #options: ShipyardControllerOptions
  readonly #exchange: Exchange

  constructor(options: ShipyardControllerOptions, limits: AnswerLimits) {
    this.#options = options
    this.#exchange = new Exchange({
      proxies: {},
      verifyTls: options.verifyTls ?? true,
      ...limits,
    })
  }

  /**
   * Asks for a path below the URL. Rejects with SIGNET_API_UNREACHABLE where nobody answers, or with
   * another status than 200, and with SIGNET_API_BAD_ANSWER where the answer is too large.
   */
  async get(path: string, query: Readonly<Record<string, string>> = {}): Promise<HttpAnswer> {
    const { url: base, token } = this.#options
    const url = new URL(base + path)
    for (const [name, value] of Object.entries(query)) url.searchParams.set(name, value)
    const headers = token === undefined ? {} : { 'x-token': token }
    const request = { method: 'GET', url, headers } as const
    const exchanged = await this.#exchange.send(request, new AbortController().signal)
    if (exchanged.kind !== 'answered') throw exchanged.error
    const { status } = exchanged.answer
    if (status !== 200)
      throw new SignetError('SIGNET_API_UNREACHABLE', `shipyard-controller answers ${status}.`)
    return exchanged.answer
  }

  /** Ends its connections. */
  close(): Promise<void> {
    return this.#exchange.close()
  }
}
