import type { FastifyError, FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
import { fastify } from 'fastify'
import type { Destination } from '../domain/stamp-surface.ts'
import { SignetError } from '../errors.ts'
import { sendFailure } from '../http/failure-reply.ts'
import type { Tunnel } from '../http/tunnel-route.ts'
import { passOn } from '../http/tunnel-route.ts'
import type { Log } from '../observe/log.ts'
import type { Part } from '../runtime/lifecycle.ts'
import type { Forwarded } from './outgoing.ts'

export interface SidecarServerOptions {
  readonly host: string
  /** 0: any free one. */
  readonly port: number
  /** The largest body of a request, in bytes; Infinity: no limit. */
  readonly mostBytes: number
  readonly timeoutMs: number
  readonly destination: (target: string) => Destination
  /** The way to Keptn's services. */
  readonly tunnel: Tunnel
  readonly onEvent: (text: string) => Promise<Forwarded>
  /** What does not work, for `/readyz`. */
  readonly reasons: () => readonly string[]
  readonly metrics: () => Promise<{ readonly type: string; readonly text: string }>
  readonly log: Log
}

/** What an integration finds beside itself: Keptn's API, and where it posts its events (wire 3.5, 3.6). */
export class SidecarServer implements Part {
  readonly name = 'HTTP server'
  readonly #options: SidecarServerOptions
  readonly #server: FastifyInstance

  constructor(options: SidecarServerOptions) {
    this.#options = options
    this.#server = fastify({
      logger: false,
      forceCloseConnections: 'idle',
      // The router sees one path, for it would decode what must arrive as it is.
      rewriteUrl: () => '/',
      frameworkErrors: (error, _, reply) => {
        const code = error.statusCode ?? 400
        reply.hijack()
        sendFailure(reply.raw, { code, message: error.message, reason: 'bad-request' })
      },
    })
    this.#server.removeAllContentTypeParsers()
    this.#server.addContentTypeParser('*', (_, body, done) => {
      done(null, body)
    })
    this.#server.setErrorHandler<FastifyError>((error, _, reply) => {
      const code = error.statusCode ?? 500
      reply.hijack()
      sendFailure(reply.raw, { code, message: error.message, reason: 'internal' })
    })
    this.#server.all('/', (request, reply) => this.#answer(request, reply))
  }

  /** Where it listens. */
  get url(): string {
    const address = this.#server.addresses()[0]
    return typeof address === 'object' ? `http://127.0.0.1:${address.port}` : ''
  }

  async start(): Promise<void> {
    const { host, port, log } = this.#options
    try {
      await this.#server.listen({ host, port })
      log.info({ url: this.url }, 'The HTTP server listens.')
    } catch (error) {
      const why = error instanceof Error ? error.message : 'unknown'
      throw new SignetError(
        'SIGNET_PORT_TAKEN',
        `The HTTP server cannot listen on ${host}:${port}: ${why}. Set API_PROXY_PORT.`,
        { cause: error, details: { host, port } },
      )
    }
  }

  async stop(signal: AbortSignal): Promise<void> {
    const letGo = (): void => {
      this.#server.server.closeAllConnections()
    }
    if (signal.aborted) letGo()
    signal.addEventListener('abort', letGo, { once: true })
    await this.#server.close()
    signal.removeEventListener('abort', letGo)
  }

  async #answer(request: FastifyRequest, reply: FastifyReply): Promise<FastifyReply> {
    const target = request.originalUrl
    const { reasons, metrics, destination, mostBytes, timeoutMs, tunnel } = this.#options
    if (target === '/livez') return reply.send({ status: 'ok' })
    if (target === '/readyz') {
      const found = reasons()
      return reply
        .code(found.length === 0 ? 200 : 503)
        .send({ ready: found.length === 0, reasons: found })
    }
    if (target === '/metrics') {
      const { type, text } = await metrics()
      return reply.type(type).send(text)
    }
    const to = destination(target)
    switch (to.kind) {
      case 'health':
        return reply.send({ status: 'OK' })
      case 'event':
        return this.#event(request, reply)
      case 'unknown':
        reply.hijack()
        sendFailure(reply.raw, { code: 404, message: to.message, reason: 'no-such-service' })
        return reply
      case 'registrations':
      case 'service': {
        const service = to.kind === 'service' ? to.service : 'shipyard-controller'
        reply.hijack()
        const options = { tunnel, mostBytes, stallMs: timeoutMs }
        await passOn(options, request.raw, reply.raw, { service, target: to.target })
        return reply
      }
    }
  }

  async #event(request: FastifyRequest, reply: FastifyReply): Promise<FastifyReply> {
    const { mostBytes, onEvent } = this.#options
    const chunks: Buffer[] = []
    let bytes = 0
    for await (const chunk of request.raw as AsyncIterable<Buffer>) {
      bytes += chunk.length
      if (bytes > mostBytes)
        return reply
          .header('connection', 'close')
          .code(413)
          .send({
            code: 413,
            message: `the body is above ${mostBytes} bytes (API_PROXY_MAX_PAYLOAD_BYTES_KB)`,
          })
      chunks.push(chunk)
    }
    const { status, message } = await onEvent(Buffer.concat(chunks).toString('utf8'))
    if (message !== undefined) return reply.code(status).send({ code: status, message })
    return reply.code(status).send()
  }
}
