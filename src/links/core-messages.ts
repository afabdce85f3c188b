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
