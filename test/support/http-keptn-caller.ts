import { SignetError } from '../../src/errors.ts'
import type { KeptnAnswer, KeptnCall, KeptnCaller } from '../../src/tunnel/keptn-caller.ts'

/** A call that came through, and when. */
export interface SeenCall {
  readonly method: string
  readonly target: string
  readonly body: string
  readonly atMs: number
}

/** A way to Keptn's services that is plain HTTP, and can be cut. */
export class HttpKeptnCaller implements KeptnCaller {
  /** Whether there is no way now. */
  isCut = false
  /** What is done before a call is passed on. */
  before: (call: KeptnCall) => Promise<void> | void = () => {}
  /** What is done after a call was applied, before its answer is known: may throw. */
  after: (call: KeptnCall) => Promise<void> | void = () => {}
  readonly #baseUrl: () => string
  readonly #seen: SeenCall[] = []
  #open = 0
  #mostOpen = 0

  constructor(baseUrl: () => string) {
    this.#baseUrl = baseUrl
  }

  /** The calls that were answered, of a method and with a text in the target. */
  seen(method?: string, text = ''): readonly SeenCall[] {
    return this.#seen.filter(
      (call) => (method === undefined || call.method === method) && call.target.includes(text),
    )
  }

  /** How many calls were under way at once at most. */
  get mostOpen(): number {
    return this.#mostOpen
  }

  async call(call: KeptnCall, signal?: AbortSignal): Promise<KeptnAnswer> {
    this.#open += 1
    this.#mostOpen = Math.max(this.#mostOpen, this.#open)
    try {
      return await this.#call(call, signal)
    } finally {
      this.#open -= 1
    }
  }

  async #call(call: KeptnCall, signal?: AbortSignal): Promise<KeptnAnswer> {
    await this.before(call)
    if (this.isCut) throw away('There is no hub.')
    const { method, target, headers, body } = call
    const answer = await this.#fetch(target, {
      method,
      headers: headers.map(([name, value]): [string, string] => [name, value]),
      ...(body === undefined ? {} : { body }),
      ...(signal === undefined ? {} : { signal }),
    })
    const text = body === undefined ? '' : Buffer.from(body).toString('utf8')
    this.#seen.push({ method, target, body: text, atMs: performance.now() })
    await this.after(call)
    return answer
  }

  async #fetch(target: string, init: RequestInit): Promise<KeptnAnswer> {
    try {
      const response = await fetch(this.#baseUrl() + target, init)
      return {
        status: response.status,
        headers: [...response.headers],
        body: new Uint8Array(await response.arrayBuffer()),
      }
    } catch (error) {
      throw away(`The service does not answer: ${String(error)}`)
    }
  }
}

function away(message: string): SignetError {
  return new SignetError('SIGNET_TUNNEL_NO_HUB', message, { details: { status: 502 } })
}
