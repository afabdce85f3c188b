import { randomUUID } from 'node:crypto'
import { PINGS_SUBJECT } from '../domain/store-names.ts'
import type { CoreMessages } from '../links/core-messages.ts'

/**
 * What the agents of a stamp tell each other of pings. One that is lost is made good by the next, five
 * seconds later, and the record says what must not be lost; so that nothing has to be stored for each ping.
 */
export class SharedPings {
  readonly #messages: CoreMessages
  readonly #agent = randomUUID()
  #stopListening: (() => void) | undefined

  constructor(messages: CoreMessages) {
    this.#messages = messages
  }

  /** Tells of the pings that other agents answered, from now on. */
  listen(heard: (id: string) => void): void {
    this.#stopListening = this.#messages.listen(PINGS_SUBJECT, (_, json) => {
      const { agent, id } = (json ?? {}) as { readonly agent?: unknown; readonly id?: unknown }
      if (agent !== this.#agent && typeof id === 'string') heard(id)
    })
  }

  say(id: string): void {
    this.#messages.say(PINGS_SUBJECT, { agent: this.#agent, id })
  }

  stop(): void {
    this.#stopListening?.()
  }
}
