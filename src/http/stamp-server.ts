import type { IncomingMessage } from 'node:http'
import type { FastifyError, FastifyInstance } from 'fastify'
import { fastify } from 'fastify'
import type { Destination } from '../domain/stamp-surface.ts'
import { SignetError } from '../errors.ts'
import type { Log } from '../observe/log.ts'
import type { Part } from '../runtime/lifecycle.ts'
import { sendFailure } from './failure-reply.ts'
import type { EventRouteOptions } from './event-route.ts'
import { takeEvent } from './event-route.ts'
import type { TunnelRouteOptions } from './tunnel-route.ts'
import { passOn } from './tunnel-route.ts'
import type { UniformRoutes } from './uniform-routes.ts'
import { fail, uniformRoutes } from './uniform-routes.ts'

export interface StampServerOptions extends UniformRoutes, TunnelRouteOptions, EventRouteOptions {
  /** For errors and logs: `services server`. */
  readonly name: string
  /** Of its address in the log: `services`, `http`. */
  readonly key: string
  readonly host: string
  /** 0: any free one. */
  readonly port: number
  /** The variable that sets the port. */
  readonly setting: string
  /** Where a request belongs, by what it says before anything is decoded. */
  readonly destination: (request: IncomingMessage) => Destination
  readonly log: Log
}

/** Of a registration or a log: all of them must fit into one message (docs/operations.md). */
const BODY_LIMIT_BYTES = 1_048_576
/** A request that is not all there by then is given up, in milliseconds. */
const REQUEST_TIMEOUT_MS = 600_000
const HEADERS_TIMEOUT_MS = 30_000

/** Inner paths that no destination leads to by itself: the router would decode the targets of services. */
const INNER = {
  health: '/-/health',
  event: '/-/event',
  service: '/-/service',
  unknown: '/-/unknown',
} as const

/**
 * What this stamp's integrations take for Keptn (DESIGN 7.7): registrations are answered here, everything
 * else by the control plane, at the other end of the tunnel.
 */
export class StampServer implements Part {
  readonly name: string
  readonly #options: StampServerOptions
  readonly #server: FastifyInstance
  readonly #destinations = new WeakMap<IncomingMessage, Destination>()

  constructor(options: StampServerOptions) {
    this.name = options.name
    this.#options = options
    this.#server = fastify({
      logger: false,
      bodyLimit: BODY_LIMIT_BYTES,
      requestTimeout: REQUEST_TIMEOUT_MS,
      http: { headersTimeout: HEADERS_TIMEOUT_MS },
      // What is being answered is answered to its end; see `stop`.
      forceCloseConnections: 'idle',
      rewriteUrl: (request) => this.#rewrite(request),
      frameworkErrors: (error, _, reply) => {
        void fail(reply, error.statusCode ?? 400, error.message)
      },
    })
    this.#routes()
  }

  /** Where it listens. */
  get url(): string {
    const address = this.#server.addresses()[0]
    return typeof address === 'object' ? `http://127.0.0.1:${address.port}` : ''
  }

  async start(): Promise<void> {
    const { name, key, host, port, setting, log } = this.#options
    try {
      await this.#server.listen({ host, port })
      log.info({ url: this.url, [key]: this.url }, `The ${name} listens.`)
    } catch (error) {
      throw new SignetError(
        'SIGNET_PORT_TAKEN',
        `The ${name} cannot listen on ${host}:${port}: ` +
          `${error instanceof Error ? error.message : 'unknown'}. Set ${setting}.`,
        { cause: error, details: { host, port } },
      )
    }
  }

  async stop(signal: AbortSignal): Promise<void> {
    const letGo = (): void => {
      this.#server.server.closeAllConnections()
    }
    if (signal.aborted) letGo()
    else signal.addEventListener('abort', letGo, { once: true })
    try {
      await this.#server.close()
    } finally {
      signal.removeEventListener('abort', letGo)
    }
  }

  /** Notes where a request belongs, and gives the router a path that it can do no harm to. */
  #rewrite(raw: object): string {
    // Node's own request, whatever HTTP version the router's types allow for.
    const request = raw as IncomingMessage
    const destination = this.#options.destination(request)
    this.#destinations.set(request, destination)
    return destination.kind === 'registrations' ? destination.target : INNER[destination.kind]
  }

  #routes(): void {
    const app = this.#server
    app.removeAllContentTypeParsers()
    app.addContentTypeParser('*', { parseAs: 'buffer' }, (_, body, done) => {
      done(null, body)
    })
    app.setErrorHandler<FastifyError>((error, _, reply) =>
      fail(reply, error.statusCode ?? 500, error.message),
    )
    app.setNotFoundHandler((request, reply) => {
      const path = request.url.split('?', 1)[0] ?? ''
      return fail(reply, 404, `this stamp does not carry ${request.method} ${path}`)
    })
    app.get(INNER.health, () => ({ status: 'OK' }))
    uniformRoutes(app, this.#options)
    void app.register((scope, _, done) => {
      this.#tunnelRoutes(scope)
      done()
    })
  }

  #tunnelRoutes(scope: FastifyInstance): void {
    scope.removeAllContentTypeParsers()
    // Bodies are not read here: they go where they belong as they come.
    scope.addContentTypeParser('*', (_, body, done) => {
      done(null, body)
    })
    scope.all(INNER.unknown, (request, reply) => {
      const found = this.#destinations.get(request.raw)
      const { status, message } = found?.kind === 'unknown' ? found : UNKNOWN
      reply.hijack()
      sendFailure(reply.raw, { code: status, message, reason: 'no-such-service' })
    })
    scope.all(INNER.event, (request, reply) => {
      const found = this.#destinations.get(request.raw)
      const answer = found?.kind === 'event' ? found.answer : 'nothing'
      reply.hijack()
      void takeEvent(this.#options, request.raw, reply.raw, answer)
    })
    scope.all(INNER.service, (request, reply) => {
      const found = this.#destinations.get(request.raw)
      reply.hijack()
      if (found?.kind === 'service') void passOn(this.#options, request.raw, reply.raw, found)
      else
        sendFailure(reply.raw, { code: 404, message: UNKNOWN.message, reason: 'no-such-service' })
    })
  }
}

const UNKNOWN = { status: 404, message: 'there is no such service' } as const
