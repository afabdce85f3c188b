import type { IncomingMessage, ServerResponse } from 'node:http'
import { once } from 'node:events'
import type { HeaderFields } from '../domain/http-fields.ts'
import { pairs } from '../domain/http-fields.ts'
import type { KeptnServiceName } from '../domain/keptn-service.ts'
import { beginningOf } from '../tunnel/beginning.ts'
import { CHUNK_BYTES } from '../tunnel/body-flow.ts'
import { patient } from '../tunnel/patient-source.ts'
import { failure } from '../tunnel/tunnel-failure.ts'
import type { StreamedBody, TunnelAnswer, TunnelRequest } from '../tunnel/tunnel-request.ts'
import { isWhole } from '../tunnel/tunnel-request.ts'
import { failureBody, sendFailure } from './failure-reply.ts'

/** Where requests go on. */
export interface Tunnel {
  open(request: TunnelRequest, signal: AbortSignal): Promise<TunnelAnswer>
}

export interface TunnelRouteOptions {
  readonly tunnel: Tunnel
  /** The largest body of a request, in bytes. */
  readonly mostBytes: number
  /** How long a client may neither send nor take anything, in milliseconds. */
  readonly stallMs: number
}

/** Answers that have no body, whatever their fields say. */
const WITHOUT_BODY: ReadonlySet<number> = new Set([204, 304])

/** Passes a client's request to a service, and its answer back. Never rejects: the client hears of a failure. */
export async function passOn(
  options: TunnelRouteOptions,
  request: IncomingMessage,
  response: ServerResponse,
  to: { readonly service: KeptnServiceName; readonly target: string },
): Promise<void> {
  const gone = new AbortController()
  let letGo = (): void => undefined
  response.once('close', () => {
    if (response.writableFinished) return
    gone.abort(failure('cancelled', 'The client has gone.', 'maybe'))
    letGo()
  })
  try {
    const { method = 'GET', rawHeaders } = request
    const body = await bodyOf(request, options)
    const call = { ...to, method, headers: pairs(rawHeaders), body }
    const answer = await options.tunnel.open(call, gone.signal)
    letGo = () => {
      answer.cancel()
    }
    await reply(options, response, answer)
  } catch (error) {
    if (gone.signal.aborted) return
    // A status that is out cannot be taken back; a connection that breaks says that the rest is missing.
    if (response.headersSent) response.destroy()
    else sendFailure(response, failureBody(error))
  }
}

async function bodyOf(
  request: IncomingMessage,
  { mostBytes, stallMs }: TunnelRouteOptions,
): Promise<Uint8Array | StreamedBody> {
  const { 'content-length': told, 'transfer-encoding': encoding } = request.headers
  if (told === undefined && encoding === undefined) return new Uint8Array()
  const length = told === undefined ? undefined : Number(told)
  if (length !== undefined && length > mostBytes) throw tooLarge(mostBytes)
  if (length === 0) return new Uint8Array()
  const late = () => failure('late', 'The client sends no more of its body.')
  const source = limited(patient(request, stallMs, late), mostBytes)
  // What is known to be large need not be waited for.
  if (length !== undefined && length > CHUNK_BYTES) return { length, read: () => source }
  const { first, rest } = await beginningOf(source, CHUNK_BYTES)
  if (rest === undefined) return first
  return { ...(length === undefined ? {} : { length }), read: () => rest }
}

async function* limited(
  source: AsyncGenerator<Uint8Array>,
  mostBytes: number,
): AsyncGenerator<Uint8Array> {
  let bytes = 0
  for await (const part of source) {
    bytes += part.length
    if (bytes > mostBytes) throw tooLarge(mostBytes)
    yield part
  }
}

async function reply(
  { stallMs }: TunnelRouteOptions,
  response: ServerResponse,
  answer: TunnelAnswer,
): Promise<void> {
  const { status, headers, body } = answer
  // The service's own is among the fields, or it has none.
  response.sendDate = false
  const hasNoBody = response.req.method === 'HEAD' || WITHOUT_BODY.has(status)
  if (isWhole(body) && !hasNoBody) {
    response.writeHead(status, [
      ...withoutLength(headers).flat(),
      'content-length',
      String(body.length),
    ])
    response.end(body)
    return
  }
  response.writeHead(status, headers.flat())
  if (hasNoBody || isWhole(body)) {
    if (!isWhole(body)) answer.cancel()
    response.end()
    return
  }
  try {
    for await (const part of body) await written(response, part, stallMs)
    response.end()
  } catch (error) {
    answer.cancel()
    throw error
  }
}

async function written(response: ServerResponse, part: Uint8Array, stallMs: number): Promise<void> {
  if (response.destroyed) throw failure('cancelled', 'The client has gone.', 'maybe')
  if (response.write(part)) return
  const over = new AbortController()
  const timer = setTimeout(() => {
    over.abort()
  }, stallMs)
  try {
    await Promise.race([
      once(response, 'drain', { signal: over.signal }),
      once(response, 'close', { signal: over.signal }),
    ])
  } catch (error) {
    throw failure('late', 'The client takes no more of its answer.', 'yes', error)
  } finally {
    clearTimeout(timer)
    over.abort()
  }
}

function withoutLength(fields: HeaderFields): HeaderFields {
  return fields.filter(([name]) => name.toLowerCase() !== 'content-length')
}

function tooLarge(mostBytes: number): Error {
  return failure(
    'too-large',
    `The body is above ${mostBytes} bytes (API_PROXY_MAX_PAYLOAD_BYTES_KB).`,
  )
}
