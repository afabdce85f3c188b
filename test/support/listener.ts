import type { NatsConnection } from '@nats-io/transport-node'

/** What a plain subscriber got. */
export interface Heard {
  readonly subject: string
  readonly body: Uint8Array
  readonly text: string
  header(name: string): string
}

/** A plain core subscriber, as an integration is one: it keeps all that it hears, in order. */
export class Listener {
  readonly heard: Heard[] = []

  constructor(nc: NatsConnection, pattern: string) {
    nc.subscribe(pattern, {
      callback: (error, message) => {
        if (error !== null) return
        this.heard.push({
          subject: message.subject,
          body: message.data,
          text: message.string(),
          header: (name) => message.headers?.get(name) ?? '',
        })
      },
    })
  }

  /** The events with that id, in order. */
  withId(id: string): readonly Heard[] {
    return this.heard.filter(({ text }) => idOf(text) === id)
  }

  /** The events of that type, in order. */
  withType(type: string): readonly Heard[] {
    return this.heard.filter(({ subject }) => subject === type)
  }

  /** The ids of all events, in order. */
  get ids(): readonly string[] {
    return this.heard.map(({ text }) => idOf(text))
  }
}

function idOf(text: string): string {
  try {
    return String((JSON.parse(text) as { id?: unknown }).id)
  } catch {
    return ''
  }
}
