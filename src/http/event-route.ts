import type { IncomingMessage, ServerResponse } from 'node:http'
import { HTTP } from 'cloudevents'
import type { KeptnEvent } from '../domain/event.ts'
import { malformed } from '../tunnel/event-intake.ts'
import { patient } from '../tunnel/patient-source.ts'
import { failure } from '../tunnel/tunnel-failure.ts'
import { failureBody, sendFailure } from './failure-reply.ts'

export interface EventRouteOptions {
  readonly events: { take(body: Uint8Array): Promise<KeptnEvent> }
  readonly mostBytes: number
  readonly stallMs: number
}

const MARK = 'ce-specversion'

/**
 * Takes an event that an integration posts (wire 3.5), and answers 200 when it is safe. A structured one
 * keeps its bytes, whatever its content type says, as a distributor does; a binary one, which that cannot
 * read, becomes a structured one. `answer`: nothing, as a distributor does, or the context, as Keptn's API.
 */
export async function takeEvent(
  { events, mostBytes, stallMs }: EventRouteOptions,
  request: IncomingMessage,
  response: ServerResponse,
  answer: 'nothing' | 'context',
): Promise<void> {
  try {
    if (request.method !== 'POST') throw failure('method', 'Events are posted.')
    const body = await read(request, mostBytes, stallMs)
    const isBinary = request.headers[MARK] !== undefined
    const { context } = await events.take(isBinary ? structured(request, body) : body)
    const text = answer === 'nothing' ? '' : JSON.stringify({ keptnContext: context })
    response.writeHead(200, {
      ...(answer === 'nothing' ? {} : { 'content-type': 'application/json' }),
      'content-length': Buffer.byteLength(text),
    })
    response.end(text)
  } catch (error) {
    if (!response.destroyed) sendFailure(response, failureBody(error))
  }
}

async function read(request: IncomingMessage, mostBytes: number, stallMs: number): Promise<Buffer> {
  const parts: Uint8Array[] = []
  let bytes = 0
  const late = () => failure('late', 'The client sends no more of its event.')
  for await (const part of patient(request, stallMs, late)) {
    parts.push(part)
    bytes += part.length
    if (bytes > mostBytes) throw failure('too-large', `The event is above ${mostBytes} bytes.`)
  }
  return Buffer.concat(parts)
}

function structured(request: IncomingMessage, body: Buffer): Uint8Array {
  try {
    const event = HTTP.toEvent({ headers: request.headers, body: body.toString('utf8') })
    return Buffer.from(JSON.stringify(event))
  } catch (error) {
    throw malformed('not-json', error instanceof Error ? error.message : 'unreadable', error)
  }
}
