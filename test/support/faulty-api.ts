import type { ServerResponse } from 'node:http'
import type { ExecutionContext } from 'ava'
import type { Came } from './loopback-http.ts'
import { LoopbackHttp } from './loopback-http.ts'

/**
 * What goes wrong with a request: a status in place of an answer, a connection that is reset or falls
 * silent, an answer that trickles. `after-…`: what was asked is done first.
 */
export type Fault =
  number | 'reset' | 'silent' | 'slow' | 'after-reset' | 'after-silent' | 'after-500'

/** A gateway in front of an API, with the faults that gateways and networks have. */
export class FaultyApi {
  /** The fault of a request, if it has any. */
  fault: (came: Came) => Fault | undefined = () => undefined
  readonly http: LoopbackHttp
  readonly #target: string

  private constructor(http: LoopbackHttp, target: string) {
    this.http = http
    this.#target = target
    http.respond = (came, response) => this.#respond(came, response)
  }

  static async start(t: ExecutionContext, target: string): Promise<FaultyApi> {
    const http = await LoopbackHttp.start(() => {})
    t.teardown(() => http[Symbol.asyncDispose]())
    return new FaultyApi(http, target)
  }

  get url(): string {
    return this.http.url
  }

  /** The posts that came, in order. */
  get posts(): readonly Came[] {
    return this.http.came.filter(({ method }) => method === 'POST')
  }

  async #respond(came: Came, response: ServerResponse): Promise<void> {
    const fault = this.fault(came)
    if (fault === 'silent') return
    if (fault === 'reset') {
      response.destroy()
      return
    }
    if (typeof fault === 'number') {
      response.writeHead(fault, { 'content-type': 'text/html' })
      response.end('<html>a page of the gateway</html>')
      return
    }
    const { status, type, text } = await this.#forward(came)
    if (fault === 'after-silent') return
    if (fault === 'after-reset') {
      response.destroy()
      return
    }
    response.writeHead(fault === 'after-500' ? 500 : status, { 'content-type': type })
    if (fault === 'slow') {
      for (const char of text.slice(0, 3)) response.write(char)
      return
    }
    response.end(text)
  }

  async #forward({ method, path, query, headers, body }: Came) {
    const search = query.size === 0 ? '' : `?${query.toString()}`
    const answer = await fetch(this.#target + path + search, {
      method,
      headers: {
        'content-type': headers['content-type'] ?? 'application/json',
        'x-token': String(headers['x-token'] ?? ''),
        connection: 'close',
      },
      ...(method === 'GET' ? {} : { body }),
    })
    const type = answer.headers.get('content-type') ?? 'text/plain'
    return { status: answer.status, type, text: await answer.text() }
  }
}
