import { fastify } from 'fastify'
import type { FastifyInstance } from 'fastify'
import { SignetError } from '../errors.ts'
import type { Log } from '../observe/log.ts'
import type { Part } from '../runtime/lifecycle.ts'

export interface AdminServerOptions {
  readonly host: string
  /** 0: any free one. */
  readonly port: number
  readonly log: Log
  /** Whether the agent leads its stamp, or follows another one. */
  readonly role: () => string
  /** Why the agent is not ready; empty where it is. */
  readonly reasons: () => readonly string[]
  /** What is weaker than it should be, though the agent works. */
  readonly warnings: () => readonly string[]
  readonly status: () => Promise<unknown>
  readonly metrics: () => Promise<{ readonly type: string; readonly text: string }>
}

/**
 * `/livez`, `/readyz`, `/metrics` and `/status`. Alive means that this server answers; ready means that the
 * links work. It starts first and stops last, so that both ends can be watched.
 */
export class AdminServer implements Part {
  readonly name = 'admin server'
  readonly #options: AdminServerOptions
  readonly #server: FastifyInstance

  constructor(options: AdminServerOptions) {
    this.#options = options
    this.#server = fastify({ logger: false, forceCloseConnections: true })
    this.#routes()
  }

  /** Where it listens. */
  get url(): string {
    const address = this.#server.addresses()[0]
    return typeof address === 'object' ? `http://127.0.0.1:${address.port}` : ''
  }

  async start(): Promise<void> {
    const { host, port } = this.#options
    try {
      await this.#server.listen({ host, port })
      this.#options.log.info({ admin: this.url }, 'The admin server listens.')
    } catch (error) {
      throw new SignetError(
        'SIGNET_PORT_TAKEN',
        `The admin server cannot listen on ${host}:${port}: ` +
          `${error instanceof Error ? error.message : 'unknown'}. Set SIGNET_ADMIN_PORT.`,
        { cause: error, details: { host, port } },
      )
    }
  }

  async stop(): Promise<void> {
    await this.#server.close()
  }

  #routes(): void {
    const { role, reasons, warnings, status, metrics } = this.#options
    this.#server.get('/livez', () => ({ status: 'alive' }))
    this.#server.get('/readyz', (_, reply) => {
      const found = reasons()
      const body = { role: role(), reasons: found, warnings: warnings() }
      if (found.length === 0) return { status: 'ready', ...body }
      return reply.code(503).send({ status: 'not ready', ...body })
    })
    this.#server.get('/status', () => status())
    this.#server.get('/metrics', async (_, reply) => {
      const { type, text } = await metrics()
      return reply.type(type).send(text)
    })
  }
}
