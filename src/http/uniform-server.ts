import type { FastifyError, FastifyInstance } from 'fastify'
import { fastify } from 'fastify'
import { SignetError } from '../errors.ts'
import type { Log } from '../observe/log.ts'
import type { Part } from '../runtime/lifecycle.ts'
import type { UniformRoutes } from './uniform-routes.ts'
import { fail, uniformRoutes } from './uniform-routes.ts'

export interface UniformServerOptions extends UniformRoutes {
  /** For errors and logs: `services server`. */
  readonly name: string
  /** Of its address in the log: `services`, `http`. */
  readonly key: string
  readonly host: string
  /** 0: any free one. */
  readonly port: number
  /** The variable that sets the port. */
  readonly setting: string
  /** What stands before `/v1`: nothing at the fixed names (wire 2.2), `/controlPlane` at a proxy (wire 3.6). */
  readonly prefix: string
  readonly log: Log
}

const BODY_LIMIT_BYTES = 1_048_576
/** A request that is not all there by then is given up, in milliseconds. */
const REQUEST_TIMEOUT_MS = 30_000

/** Answers this stamp's integrations in place of the control plane's services. */
export class UniformServer implements Part {
  readonly name: string
  readonly #options: UniformServerOptions
  readonly #server: FastifyInstance

  constructor(options: UniformServerOptions) {
    this.name = options.name
    this.#options = options
    this.#server = fastify({
      logger: false,
      bodyLimit: BODY_LIMIT_BYTES,
      requestTimeout: REQUEST_TIMEOUT_MS,
      // What is being answered is answered to its end; see `stop`.
      forceCloseConnections: 'idle',
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
    const { name, key, host, port, setting, prefix, log } = this.#options
    try {
      await this.#server.listen({ host, port })
      const url = this.url + prefix
      log.info({ url, [key]: url }, `The ${name} listens.`)
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
      return fail(reply, 404, `this stamp does not carry ${request.method} ${path} yet`)
    })
    app.get('/health', () => ({ status: 'OK' }))
    void app.register(
      (scope, _, done) => {
        uniformRoutes(scope, this.#options)
        done()
      },
      { prefix: this.#options.prefix },
    )
  }
}
