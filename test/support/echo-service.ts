import type { IncomingMessage, Server, ServerResponse } from 'node:http'
import { createServer } from 'node:http'
import { createHash } from 'node:crypto'
import type { AddressInfo } from 'node:net'

/** What reached the service. */
export interface Seen {
  readonly method: string
  /** As it stood on the wire. */
  readonly target: string
  readonly rawHeaders: readonly string[]
  readonly body: Buffer
}

type Answer = (request: IncomingMessage, response: ServerResponse, seen: Seen) => void

/** A service that says what it was asked, byte by byte, and answers as a test wants it to. */
export interface EchoService extends AsyncDisposable {
  readonly url: string
  /** Every request that has come whole, in order. */
  readonly seen: Seen[]
  /** How many requests have begun to come. */
  readonly begun: () => number
  /** Requests of which the client went away before the answer was out. */
  readonly cut: () => number
  /** Answers from now on; by default 200 with what was asked as JSON. */
  answer: Answer
}

export async function startEchoService(): Promise<EchoService> {
  let cut = 0
  let begun = 0
  const seen: Seen[] = []
  const server: Server = createServer((request, response) => {
    begun += 1
    const parts: Buffer[] = []
    response.on('close', () => {
      if (!response.writableFinished) cut += 1
    })
    request.on('error', () => undefined)
    request.on('data', (part: Buffer) => parts.push(part))
    request.on('end', () => {
      const one = {
        method: request.method ?? '',
        target: request.url ?? '',
        rawHeaders: request.rawHeaders,
        body: Buffer.concat(parts),
      }
      seen.push(one)
      service.answer(request, response, one)
    })
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const { port } = server.address() as AddressInfo
  const service: EchoService = {
    url: `http://127.0.0.1:${port}`,
    seen,
    begun: () => begun,
    cut: () => cut,
    answer: echo,
    async [Symbol.asyncDispose]() {
      server.closeAllConnections()
      await new Promise((resolve) => server.close(resolve))
    },
  }
  return service
}

function echo(_: IncomingMessage, response: ServerResponse, seen: Seen): void {
  response.setHeader('content-type', 'application/json')
  response.end(JSON.stringify({ method: seen.method, target: seen.target, sha: sha(seen.body) }))
}

export function sha(body: Uint8Array): string {
  return createHash('sha256').update(body).digest('hex')
}
