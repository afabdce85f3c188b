import { createHash } from 'node:crypto'
import type { HeaderFields } from '../domain/http-fields.ts'
import { CACHE_FIELD } from '../domain/http-fields.ts'
import { isImmutable } from '../domain/immutable-resource.ts'
import type { Log } from '../observe/log.ts'
import type { Metrics } from '../observe/metrics.ts'
import type { TunnelAnswer, TunnelRequest } from './tunnel-request.ts'
import { isWhole } from './tunnel-request.ts'

/** Where copies lie; `links/shelf.ts`. */
export interface CacheShelf {
  get(key: string): Promise<Uint8Array | undefined>
  put(key: string, bytes: Uint8Array): Promise<void>
}

export interface ResourceCacheOptions {
  readonly open: (request: TunnelRequest, signal: AbortSignal) => Promise<TunnelAnswer>
  readonly shelf: CacheShelf
  /** The largest part of a copy in one message, in bytes. */
  readonly partBytes: () => number
  readonly log: Log
  readonly metrics: Metrics
}

/** What lies under the key of a copy; its body lies under the keys `<key>.<number>`. */
interface CopyHead {
  readonly status: number
  readonly headers: HeaderFields
  readonly parts: number
  /** Of the body: parts of two copies must not be taken for one. */
  readonly sha256: string
}

/** Larger bodies are not kept: a few of them would put everything else out. */
const MOST_BYTES = 8_388_608

/**
 * Keeps what can never change, resources at a commit, in the stamp: all its agents have it, and go on
 * serving it while no hub can be reached (DESIGN 7.7). Nothing else is kept.
 */
export class ResourceCache {
  readonly #options: ResourceCacheOptions

  constructor(options: ResourceCacheOptions) {
    this.#options = options
  }

  async open(request: TunnelRequest, signal: AbortSignal): Promise<TunnelAnswer> {
    if (!isImmutable(request)) return this.#options.open(request, signal)
    const key = createHash('sha256').update(request.target).digest('hex')
    const copy = await this.#copy(key)
    if (copy !== undefined) return copy
    const answer = await this.#options.open(request, signal)
    const marked = { ...answer, headers: marks(answer.headers, 'miss') }
    if (answer.status !== 200) return marked
    if (!isWhole(answer.body)) return { ...marked, body: this.#kept(key, answer, answer.body) }
    // Not awaited: whoever asked need not wait for the next one's sake.
    void this.#keep(key, answer, [answer.body])
    return marked
  }

  async #copy(key: string): Promise<TunnelAnswer | undefined> {
    const { shelf, metrics, log } = this.#options
    try {
      const bytes = await shelf.get(key)
      if (bytes === undefined) return undefined
      const head = JSON.parse(Buffer.from(bytes).toString()) as CopyHead
      const wanted = Array.from({ length: head.parts }, (_, n) => shelf.get(`${key}.${n}`))
      const parts = await Promise.all(wanted)
      const body = Buffer.concat(parts.filter((part) => part !== undefined))
      // Some of it has made room for something else.
      if (digest(body) !== head.sha256) return undefined
      metrics.tunnelRequests.inc({ direction: 'entry', result: 'cached', reason: '' })
      const headers = marks(head.headers, 'hit')
      return { status: head.status, headers, body, cancel: () => undefined }
    } catch (error) {
      log.debug({ error }, 'A kept resource could not be read.')
      return undefined
    }
  }

  /** The parts of a body as they pass; they are kept when all of them have. */
  async *#kept(
    key: string,
    answer: TunnelAnswer,
    body: AsyncIterable<Uint8Array>,
  ): AsyncGenerator<Uint8Array> {
    const parts: Uint8Array[] = []
    let bytes = 0
    for await (const part of body) {
      bytes += part.length
      if (bytes <= MOST_BYTES) parts.push(part)
      else parts.length = 0
      yield part
    }
    if (bytes <= MOST_BYTES) void this.#keep(key, answer, parts)
  }

  async #keep(key: string, answer: TunnelAnswer, parts: readonly Uint8Array[]): Promise<void> {
    const { shelf, partBytes, log } = this.#options
    try {
      const body = Buffer.concat(parts)
      const size = partBytes()
      const count = Math.ceil(body.length / size)
      for (let n = 0; n < count; n += 1)
        await shelf.put(`${key}.${n}`, body.subarray(n * size, (n + 1) * size))
      const { status, headers } = answer
      const head: CopyHead = { status, headers, parts: count, sha256: digest(body) }
      // Last: a copy is there when all of it is.
      await shelf.put(key, Buffer.from(JSON.stringify(head)))
    } catch (error) {
      log.debug({ error }, 'A resource could not be kept.')
    }
  }
}

function marks(headers: HeaderFields, mark: 'hit' | 'miss'): HeaderFields {
  return [...headers, [CACHE_FIELD, mark]]
}

function digest(body: Uint8Array): string {
  return createHash('sha256').update(body).digest('hex')
}
