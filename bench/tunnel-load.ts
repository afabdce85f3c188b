import * as http from 'node:http'
import { SignetError } from '../src/errors.ts'

/** Somebody who calls one address, on connections that are kept. */
export class Caller {
  readonly #url: URL
  readonly #host: string | undefined
  readonly #agent: http.Agent

  /** `host`: the Host that is asked for, where it is not the address. */
  constructor(url: string, connections: number, host?: string) {
    this.#url = new URL(url)
    this.#host = host
    this.#agent = new http.Agent({ keepAlive: true, maxSockets: connections })
  }

  close(): void {
    this.#agent.destroy()
  }

  /** Calls, reads the answer to its end, and returns its length in bytes. */
  call(method: string, path: string, bodyBytes = 0): Promise<number> {
    return new Promise((resolve, reject) => {
      const { hostname, port } = this.#url
      const length = bodyBytes > 0 ? { 'content-length': bodyBytes } : {}
      const host = this.#host === undefined ? {} : { host: this.#host }
      const headers = { ...length, ...host }
      const options = { hostname, port, method, path, agent: this.#agent, headers }
      const request = http.request(options, (response) => {
        let bytes = 0
        response.on('data', (part: Buffer) => {
          bytes += part.length
        })
        response.on('error', reject)
        response.on('end', () => {
          if (response.statusCode === 200) resolve(bytes)
          else reject(new SignetError('SIGNET_INTERNAL', `answered ${response.statusCode}`))
        })
      })
      request.on('error', reject)
      send(request, bodyBytes)
    })
  }
}

const PART = Buffer.alloc(65_536, 'y')

function send(request: http.ClientRequest, bytes: number): void {
  let left = bytes
  const more = (): void => {
    while (left > 0) {
      const part = PART.subarray(0, Math.min(left, PART.length))
      left -= part.length
      if (!request.write(part)) {
        request.once('drain', more)
        return
      }
    }
    request.end()
  }
  more()
}

/** The times of calls one after the other, in milliseconds. */
export async function timesOf(count: number, call: () => Promise<unknown>): Promise<number[]> {
  const times: number[] = []
  for (let n = 0; n < count; n += 1) {
    const began = performance.now()
    await call()
    times.push(performance.now() - began)
  }
  return times
}

/** Calls a second, with so many under way at once. */
export async function rateOf(
  count: number,
  atOnce: number,
  call: () => Promise<unknown>,
): Promise<number> {
  let left = count
  const began = performance.now()
  const work = async (): Promise<void> => {
    while (left > 0) {
      left -= 1
      await call()
    }
  }
  await Promise.all(Array.from({ length: atOnce }, work))
  return count / ((performance.now() - began) / 1_000)
}
