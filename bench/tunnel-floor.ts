import type { NatsConnection } from '@nats-io/transport-node'
import { connect } from '@nats-io/transport-node'
import type { Supercluster } from '../src/demo/supercluster.ts'

const SUBJECT = 'bench.floor'
const QUESTION = Buffer.alloc(300, 'q')
const ANSWER = Buffer.alloc(500, 'a')
const TRIES = 100
const TRY_MS = 100

/**
 * A bare request and reply between the gateway servers of two geos: about the least that a
 * call over them takes. Both ends are in this process, so that an agent's own time is not in it.
 */
export class Floor implements AsyncDisposable {
  readonly #asks: NatsConnection
  readonly #answers: NatsConnection

  private constructor(asks: NatsConnection, answers: NatsConnection) {
    this.#asks = asks
    this.#answers = answers
  }

  /** Resolves when the first answer came. */
  static async open(supercluster: Supercluster, from: string, to: string): Promise<Floor> {
    const answers = await connect({ servers: supercluster.gateway(to).url })
    const asks = await connect({ servers: supercluster.gateway(from).url })
    answers.subscribe(SUBJECT, {
      callback: (error, message) => {
        if (error === null) message.respond(ANSWER)
      },
    })
    await answers.flush()
    const floor = new Floor(asks, answers)
    await floor.#reached(TRIES)
    return floor
  }

  async ask(): Promise<void> {
    await this.#asks.request(SUBJECT, QUESTION, { timeout: 5_000 })
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#asks.close()
    await this.#answers.close()
  }

  /** A new subscription is not known behind a gateway at once. */
  async #reached(tries: number): Promise<void> {
    try {
      await this.ask()
    } catch (error) {
      if (tries <= 1) throw error
      await new Promise((resolve) => {
        setTimeout(resolve, TRY_MS)
      })
      await this.#reached(tries - 1)
    }
  }
}
