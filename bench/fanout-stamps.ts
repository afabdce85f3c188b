import { jetstream } from '@nats-io/jetstream'
import type { JetStreamClient } from '@nats-io/jetstream'
import type { Msg, NatsConnection } from '@nats-io/transport-node'
import { createInbox } from '@nats-io/transport-node'
import { randomUUID } from 'node:crypto'
import { durableName, storeNames } from '../src/domain/store-names.ts'
import type { Place, Scope } from '../src/domain/subject.ts'
import { linkSubject, parseLinkSubject, presenceSubject } from '../src/domain/subject.ts'
import { TASK } from './fanout-events.ts'

export interface BenchStampsOptions {
  /** To the gateway server, from where the domain of the hub store is reached. */
  readonly connection: NatsConnection
  readonly scope: Scope
  readonly domain: string
  readonly places: readonly Place[]
}

/** A copy that a stamp was handed. */
interface Copy {
  readonly id: string
  readonly type: string
  readonly shkeptncontext: string
  readonly data: Readonly<Record<string, unknown>>
}

/** How long a pull waits for copies, and how often it is asked anew: longer than a run. */
const PULL_NS = 600e9
const BATCH = 1_000
const ACK = '+ACK'

/**
 * Any number of stamps in one process: each pulls its consumer of the stream DOWN, and answers a task's
 * `.triggered` at once with a `.started` and a `.finished` into the stream UP. One pull lies open for each, so
 * that waiting costs the servers nothing.
 */
export class BenchStamps {
  readonly #options: BenchStampsOptions
  readonly #js: JetStreamClient
  readonly #inbox: string
  /** By the id of a `.triggered`: how many stamps have it, and what is done when all have answered. */
  readonly #waiting = new Map<
    string,
    { left: number; handedAt: number; done: (at: number) => void }
  >()
  #failure: ((error: unknown) => void) | undefined

  constructor(options: BenchStampsOptions) {
    this.#options = options
    const { connection, domain } = options
    this.#js = jetstream(connection, { domain, timeout: 30_000 })
    this.#inbox = createInbox()
    connection.subscribe(`${this.#inbox}.*`, {
      callback: (error, message) => {
        if (error === null) this.#take(message)
      },
    })
  }

  /** Says that all are there and what they want; a hub that hears it knows how many answers to expect. */
  sayPresence(): void {
    const { connection, scope, places } = this.#options
    const filter = { projects: [], stages: [], services: [] }
    const subscriptions = [{ event: `sh.keptn.event.${TASK}.triggered`, filter }]
    const integrations = [{ name: 'simulated', subscriptions }]
    const presence = JSON.stringify({ version: 1, agent: '0.0.0', keptn: true, integrations })
    for (const place of places) connection.publish(presenceSubject(scope, place), presence)
  }

  /** Opens a pull for each. */
  read(): void {
    for (const index of this.#options.places.keys()) this.#pull(index)
  }

  /** Resolves with when (ms since the epoch) the last stamp was handed the event, once all have answered. */
  answered(id: string): Promise<number> {
    return new Promise((resolve, reject) => {
      this.#failure = reject
      this.#waiting.set(id, { left: this.#options.places.length, handedAt: 0, done: resolve })
    })
  }

  #pull(index: number): void {
    const { connection, scope, domain, places } = this.#options
    const place = places[index]
    if (place === undefined) return
    const subject = `$JS.${domain}.API.CONSUMER.MSG.NEXT.${storeNames(scope).down}.${durableName(place.stamp)}`
    const pull = JSON.stringify({ batch: BATCH, expires: PULL_NS })
    connection.publish(subject, pull, { reply: `${this.#inbox}.${index}` })
  }

  #take(message: Msg): void {
    const code = message.headers?.code ?? 0
    if (code > 0) {
      // The status of a pull comes to its inbox; one that is over is made again.
      if (code !== 100) this.#pull(Number(message.subject.slice(this.#inbox.length + 1)))
      return
    }
    const place = parseLinkSubject(message.subject)?.place
    if (place === undefined) return
    const at = Date.now()
    message.respond(ACK)
    const copy = message.json<Copy>()
    if (copy.type !== `sh.keptn.event.${TASK}.triggered`) return
    this.#answer(place, copy, at).catch((error: unknown) => this.#failure?.(error))
  }

  async #answer(place: Place, copy: Copy, at: number): Promise<void> {
    await Promise.all([this.#say(place, copy, 'started'), this.#say(place, copy, 'finished')])
    const waiting = this.#waiting.get(copy.id)
    if (waiting === undefined) return
    waiting.handedAt = Math.max(waiting.handedAt, at)
    waiting.left -= 1
    if (waiting.left > 0) return
    this.#waiting.delete(copy.id)
    waiting.done(waiting.handedAt)
  }

  async #say(place: Place, { id, shkeptncontext, data }: Copy, kind: string): Promise<void> {
    const { project, stage, service } = data
    const end = kind === 'finished' ? { result: 'pass', status: 'succeeded', message: 'done' } : {}
    const answer = {
      specversion: '1.0',
      id: randomUUID(),
      source: 'simulated',
      type: `sh.keptn.event.${TASK}.${kind}`,
      time: new Date().toISOString(),
      shkeptncontext,
      triggeredid: id,
      data: { project, stage, service, ...end },
    }
    const subject = linkSubject(this.#options.scope, 'up', place, `event.${TASK}.${kind}`)
    await this.#js.publish(subject, JSON.stringify(answer), { msgID: answer.id })
  }
}
