import { once } from 'node:events'
import { readFileSync } from 'node:fs'
import type { IncomingMessage, RequestListener, Server, ServerResponse } from 'node:http'
import { createServer } from 'node:http'
import { createServer as createTlsServer } from 'node:https'
import type { AddressInfo } from 'node:net'
import { connect } from 'node:net'

export const TLS_CA = 'test/fixtures/tls/ca.pem'

/** A request as it came, with its whole body. */
export interface Came {
  readonly method: string
  readonly path: string
  readonly query: URLSearchParams
  readonly headers: IncomingMessage['headers']
  readonly body: string
}

export type Respond = (came: Came, response: ServerResponse) => void | Promise<void>

/** A real HTTP or HTTPS server on loopback that answers as a test says, and keeps what came. */
export class LoopbackHttp implements AsyncDisposable {
  readonly came: Came[] = []
  /** The targets of the requests, as they stood on the wire. */
  readonly targets: string[] = []
  respond: Respond
  readonly #server: Server
  readonly #scheme: string

  private constructor(respond: Respond, certificate: string | undefined) {
    this.respond = respond
    const listener: RequestListener = (request, response) => {
      void this.#answer(request, response)
    }
    this.#scheme = certificate === undefined ? 'http' : 'https'
    this.#server =
      certificate === undefined
        ? createServer(listener)
        : createTlsServer(
            {
              cert: readFileSync(`test/fixtures/tls/${certificate}.pem`),
              key: readFileSync(`test/fixtures/tls/${certificate}.key`),
            },
            listener,
          )
  }

  static async start(
    respond: Respond,
    certificate?: 'loopback' | 'elsewhere',
    port = 0,
  ): Promise<LoopbackHttp> {
    const server = new LoopbackHttp(respond, certificate)
    server.#server.listen(port, '127.0.0.1')
    await once(server.#server, 'listening')
    return server
  }

  get port(): number {
    return (this.#server.address() as AddressInfo).port
  }

  get url(): string {
    return `${this.#scheme}://127.0.0.1:${this.port}`
  }

  /** Makes this a proxy as well, to which every name is this machine; `onConnect` is told of each. */
  tunnel(onConnect: (target: string, authorization: string | undefined) => void): void {
    this.#server.on('connect', (request: IncomingMessage, client, head) => {
      onConnect(request.url ?? '', request.headers['proxy-authorization'])
      const port = Number(request.url?.split(':')[1])
      const onward = connect(port, '127.0.0.1', () => {
        client.write('HTTP/1.1 200 Connection established\r\n\r\n')
        onward.write(head)
        onward.pipe(client)
        client.pipe(onward)
      })
      onward.on('error', () => client.destroy())
      client.on('error', () => onward.destroy())
    })
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (!this.#server.listening) return
    this.#server.close()
    this.#server.closeAllConnections()
    await once(this.#server, 'close')
  }

  async #answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const chunks: Buffer[] = []
    try {
      for await (const chunk of request) chunks.push(chunk as Buffer)
    } catch {
      return // The client has gone away in the middle of it.
    }
    this.targets.push(request.url ?? '')
    const url = new URL(request.url ?? '/', this.url)
    const came = {
      method: request.method ?? '',
      path: url.pathname,
      query: url.searchParams,
      headers: request.headers,
      body: Buffer.concat(chunks).toString('utf8'),
    }
    this.came.push(came)
    await this.respond(came, response)
  }
}

/** Answers with JSON. */
export function json(response: ServerResponse, status: number, body: unknown): void {
  response.writeHead(status, { 'content-type': 'application/json' })
  response.end(JSON.stringify(body))
}
