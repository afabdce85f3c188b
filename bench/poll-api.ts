import { once } from 'node:events'
import type { Server } from 'node:http'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'

/** An API of Keptn with one project and nothing open, which counts what it is asked. */
export class CountingApi implements AsyncDisposable {
  readonly #server: Server
  #counts = { polls: 0, heartbeats: 0 }

  private constructor(server: Server) {
    this.#server = server
  }

  static async start(): Promise<CountingApi> {
    const server = createServer()
    const api = new CountingApi(server)
    server.on('request', (request, response) => {
      request.resume()
      const isHeartbeat = request.url?.includes('/uniform/') === true
      if (isHeartbeat) api.#counts.heartbeats += 1
      else api.#counts.polls += 1
      response.setHeader('content-type', 'application/json')
      response.end(
        request.url?.includes('/v1/project') === true
          ? '{"projects":[{"projectName":"shop"}],"nextPageKey":"0"}'
          : '{"events":[],"nextPageKey":"0"}',
      )
    })
    server.listen(0, '127.0.0.1')
    await once(server, 'listening')
    return api
  }

  get url(): string {
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}`
  }

  /** What came since this was asked last. */
  take(): { readonly polls: number; readonly heartbeats: number } {
    const counts = this.#counts
    this.#counts = { polls: 0, heartbeats: 0 }
    return counts
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#server.closeAllConnections()
    this.#server.close()
    await once(this.#server, 'close')
  }
}
