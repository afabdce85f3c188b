import type { ClientRequest, IncomingMessage } from 'node:http'
import { request } from 'node:http'

export interface RawAnswer {
  readonly status: number
  /** As they came, repeated ones too. */
  readonly rawHeaders: readonly string[]
  header(name: string): string | undefined
  readonly body: Buffer
}

export interface RawCall {
  readonly method?: string
  /** As it shall stand on the wire. */
  readonly target: string
  readonly host?: string
  /** In pairs, flat. */
  readonly headers?: readonly string[]
  readonly body?: Uint8Array | undefined
}

/** A request whose target and headers are left as they are, its answer still to be read. */
export function begin(
  url: string,
  { method = 'GET', target, host, headers = [], body }: RawCall,
): { readonly request: ClientRequest; readonly answer: Promise<IncomingMessage> } {
  const { hostname, port } = new URL(url)
  const length = body === undefined ? [] : ['content-length', String(body.length)]
  const call = request({
    hostname,
    port,
    method,
    path: target,
    headers: ['host', host ?? `${hostname}:${port}`, ...length, ...headers],
    agent: false,
  })
  const answer = new Promise<IncomingMessage>((resolve, reject) => {
    call.on('response', resolve)
    call.on('error', reject)
  })
  // Some tests only break things off.
  answer.catch(() => undefined)
  return { request: call, answer }
}

/** Calls, and reads the answer to its end; rejects where that is missing. */
export async function rawCall(url: string, call: RawCall): Promise<RawAnswer> {
  const { request: sent, answer } = begin(url, call)
  sent.end(call.body)
  const response = await answer
  const parts: Buffer[] = []
  for await (const part of response) parts.push(part as Buffer)
  return {
    status: response.statusCode ?? 0,
    rawHeaders: response.rawHeaders,
    header: (name) => {
      const value = response.headers[name]
      return Array.isArray(value) ? value.join() : value
    },
    body: Buffer.concat(parts),
  }
}
