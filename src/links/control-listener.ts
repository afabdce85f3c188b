import { randomUUID } from 'node:crypto'
import { headers } from '@nats-io/transport-node'
import type { AnswerMessage } from '../domain/control-parts.ts'
import { isAnswerSubject } from '../domain/subject.ts'
import { answerMessages, PART_BYTES } from '../domain/control-parts.ts'
import { ANSWER, PART } from './header-names.ts'
import type { NatsSide } from './nats-side.ts'

/** A message of somebody who waits for an answer. */
export interface ControlMessage {
  readonly subject: string
  readonly text: string
  /** Says that the work goes on. `about` is for whoever watches. */
  progress(about: unknown): void
  /** Sends the answer, in as many messages as it takes. */
  answer(text: string): void
}

/** So much is left for headers and subject where `max_payload` is small. */
const HEADROOM_BYTES = 4_096

/**
 * The hub's end of what commands ask, on the gateway NATS. Answers are core messages: whoever asked notices
 * what is missing, and asks again. Several hubs may listen while one of them is being replaced, so this is no
 * queue group: a hub that hangs would swallow its share.
 */
export class ControlListener {
  readonly #side: NatsSide
  readonly #from = randomUUID()

  constructor(side: NatsSide) {
    this.#side = side
  }

  /** Listens until the returned function is called. */
  listen(pattern: string, heard: (message: ControlMessage) => void): () => void {
    const subscription = this.#side.connection.subscribe(pattern, {
      callback: (error, message) => {
        const { reply } = message
        if (error !== null || reply === undefined || !isAnswerSubject(reply)) return
        heard({
          subject: message.subject,
          text: message.string(),
          progress: (about) => {
            const body = new TextEncoder().encode(JSON.stringify(about))
            this.#send(reply, { kind: 'progress', from: this.#from, part: 0, body })
          },
          answer: (text) => {
            for (const part of answerMessages(this.#from, encoded(text), this.#partBytes()))
              this.#send(reply, part)
          },
        })
      },
    })
    return () => {
      subscription.unsubscribe()
    }
  }

  #partBytes(): number {
    return Math.min(PART_BYTES, this.#side.maxPayloadBytes - HEADROOM_BYTES)
  }

  #send(reply: string, { kind, from, part, body }: AnswerMessage): void {
    // What is said while disconnected is lost all the same.
    if (!this.#side.isConnected) return
    const head = headers()
    head.set(ANSWER, `${kind} ${from}`)
    head.set(PART, String(part))
    this.#side.connection.publish(reply, body, { headers: head })
  }
}

function encoded(text: string): Uint8Array {
  return new TextEncoder().encode(text)
}
