import type { KeptnEvent } from '../domain/event.ts'
import { parseEvent } from '../domain/event.ts'
import { wrapAnswer } from '../domain/https-answer.ts'
import { SignetError } from '../errors.ts'
import { tailOf } from '../domain/subject.ts'
import type { Place } from '../domain/subject.ts'
import type { Border } from '../flow/border.ts'
import type { DeadLetters } from '../flow/dead-letters.ts'
import type { Delivery } from '../links/delivery.ts'
import type { Metrics } from '../observe/metrics.ts'
import { observeLag } from './deliver.ts'
import type { ApiSender, Posting } from './send.ts'
import type { UpWay } from './up-pump.ts'

export interface HttpsWayOptions {
  readonly place: () => Place
  /** The geo of the control plane. */
  readonly homeGeo: string
  readonly border: Border
  readonly deadLetters: () => DeadLetters
  readonly sender: ApiSender
  readonly metrics: Metrics
}

/** Posts at once: each holds a connection, and Keptn's API carries them out one by one. */
const MOST_AT_ONCE = 16

/** Up by Keptn's public API: answers to fan-outs inside an event that Keptn does nothing with, all else as it is. */
export function httpsWay(options: HttpsWayOptions): UpWay {
  const { place, sender, metrics } = options
  const room = new Room(MOST_AT_ONCE)
  return {
    async send(delivery, original, { isToHub, hadBegun }, signal) {
      const allowed = await crossed(options, delivery, original)
      if (allowed === undefined) return
      const { event } = allowed
      const posting = isToHub ? wrapped(place().stamp, allowed) : allowed
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

/** An event as it may leave the geo of the stamp (DESIGN 7.6); undefined where it may not, and is set aside. */
async function crossed(
  { place, homeGeo, border, deadLetters }: HttpsWayOptions,
  delivery: Delivery,
  event: KeptnEvent,
): Promise<Posting | undefined> {
  const way = { from: [place().geo], to: homeGeo, tail: tailOf(event.type) ?? '' }
  const verdict = border.look(way, delivery.body)
  if (verdict.kind === 'refused') {
    await deadLetters().store('up', delivery, 'residency', verdict.why)
    border.count('up', 'event')
    return undefined
  }
  const { body } = verdict
  if (body === delivery.body) return { event, body }
  const parsed = parseEvent(Buffer.from(body).toString('utf8'))
  // What may be left out is nothing that an event needs.
  return { event: parsed.ok ? parsed.event : event, body }
}

function wrapped(stamp: string, { event: answer, body }: Posting): Posting {
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
