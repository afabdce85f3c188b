import type { KeptnEvent } from '../domain/event.ts'
import { parseEvent } from '../domain/event.ts'
import { wrapAnswer } from '../domain/https-answer.ts'
import { SignetError } from '../errors.ts'
import type { Delivery } from '../links/delivery.ts'
import type { Metrics } from '../observe/metrics.ts'
import { observeLag } from './deliver.ts'
import type { ApiSender, Posting } from './send.ts'
import type { UpWay } from './up-pump.ts'

export interface HttpsWayOptions {
  readonly stamp: string
  readonly sender: ApiSender
  readonly metrics: Metrics
}

/** Posts at once: each holds a connection, and Keptn's API carries them out one by one. */
const MOST_AT_ONCE = 16

/** Up by Keptn's public API: answers to fan-outs inside an event that Keptn does nothing with, all else as it is. */
export function httpsWay({ stamp, sender, metrics }: HttpsWayOptions): UpWay {
  const room = new Room(MOST_AT_ONCE)
  return {
    async send(delivery, event, { isToHub, hadBegun }, signal) {
      const posting = isToHub ? wrapped(stamp, delivery, event) : { event, body: delivery.body }
      await room.enter()
      try {
        await sender.send(delivery, posting, hadBegun, signal)
      } finally {
        room.leave()
      }
      metrics.events.inc({ direction: 'up', result: 'stored' })
      observeLag(metrics, 'up', event)
    },
  }
}

function wrapped(stamp: string, { body }: Delivery, answer: KeptnEvent): Posting {
  const text = wrapAnswer(stamp, answer, Buffer.from(body).toString('utf8'))
  const parsed = parseEvent(text)
  if (!parsed.ok) throw new SignetError('SIGNET_INTERNAL', `A wrapped answer is ${parsed.reason}.`)
  return { event: parsed.event, body: Buffer.from(text) }
}

/** So many at once; the others in the order in which they came. */
class Room {
  #left: number
  readonly #waiting: (() => void)[] = []

  constructor(most: number) {
    this.#left = most
  }

  async enter(): Promise<void> {
    this.#left -= 1
    if (this.#left >= 0) return
    await new Promise<void>((resolve) => {
      this.#waiting.push(resolve)
    })
  }

  leave(): void {
    this.#left += 1
    this.#waiting.shift()?.()
  }
}
