import { once } from 'node:events'
import type { AddressInfo, Server, Socket } from 'node:net'
import { connect, createServer } from 'node:net'

/** Which bytes get lost: those that the server says, those that the client says, or both. */
export type Lost = 'answers' | 'requests' | 'both'

/**
 * A way to a server that can lose bytes of the connections that are open, for good and without a word to
 * anybody, as a firewall does that has forgotten a connection. New ones work.
 */
export class HalfOpen implements AsyncDisposable {
  readonly #server: Server
  readonly #open = new Set<{ readonly client: Socket; readonly server: Socket }>()

  static async to(url: string): Promise<HalfOpen> {
    const { hostname, port } = new URL(url)
    const proxy = new HalfOpen(hostname, Number(port))
    proxy.#server.listen(0, '127.0.0.1')
    await once(proxy.#server, 'listening')
    return proxy
  }

  private constructor(host: string, port: number) {
    this.#server = createServer((client) => {
      const server = connect({ host, port })
      const pair = { client, server }
      this.#open.add(pair)
      client.pipe(server)
      server.pipe(client)
      for (const socket of [client, server]) {
        socket.on('error', () => undefined)
        socket.on('close', () => {
          this.#open.delete(pair)
          client.destroy()
          server.destroy()
        })
      }
    })
  }

  get url(): string {
    return `nats://127.0.0.1:${(this.#server.address() as AddressInfo).port}`
  }

  lose(lost: Lost): void {
    for (const { client, server } of this.#open) {
      if (lost !== 'requests') swallow(server)
      if (lost !== 'answers') swallow(client)
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#server.close()
    for (const { client, server } of this.#open) {
      client.destroy()
      server.destroy()
    }
    await once(this.#server, 'close')
  }
}

function swallow(from: Socket): void {
  from.unpipe()
  from.resume()
}
