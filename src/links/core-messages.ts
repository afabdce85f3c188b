import { headers } from '@nats-io/transport-node'
import { SignetError } from '../errors.ts'
import type { Headers } from './delivery.ts'
import type { NatsSide } from './nats-side.ts'

/**
 * Core NATS: at most once. For what is said again anyway, such as presence; never for an event.
 */
export class CoreMessages {
  readonly #side: NatsSide

  constructor(side: NatsSide) {
    this.#side = side
  }

  /** Says something to whoever listens now; nothing while disconnected, when it would only be lost. */
  say(subject: string, json: unknown): void {
    if (this.#side.state.connected) this.#side.connection.publish(subject, JSON.stringify(json))
  }

  /**
   * Hands an event to whoever listens now; resolves when the server has it. Only where there is no
   * JetStream to keep it. Rejects with `SIGNET_LINK_LOST` while disconnected, `SIGNET_TOO_LARGE`.
   */
  async hand(subject: string, body: Uint8Array, pairs: Headers): Promise<void> {
    const { connection, state, maxPayloadBytes } = this.#side
    if (!state.connected) throw new SignetError('SIGNET_LINK_LOST', 'Not connected.')
    const head = headers()
    for (const name in pairs) head.set(name, pairs[name] as string)
    try {
      connection.publish(subject, body, { headers: head })
    } catch (error) {
      throw new SignetError('SIGNET_TOO_LARGE', `Above the max_payload of ${maxPayloadBytes}.`, {
        cause: error,
        details: { subject, bytes: body.length },
      })
    }
    try {
      await connection.flush()
    } catch (error) {
      throw new SignetError('SIGNET_LINK_LOST', 'The connection broke.', { cause: error })
    }
  }

  /** Listens until the returned function is called. What is no JSON arrives as undefined. */
  listen(pattern: string, heard: (subject: string, json: unknown) => void): () => void {
    const subscription = this.#side.connection.subscribe(pattern, {
      callback: (error, message) => {
        if (error === null) heard(message.subject, parsed(message.string()))
      },
    })
    return () => {
      subscription.unsubscribe()
    }
  }
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}
