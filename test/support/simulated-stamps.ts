import type { JetStreamClient } from '@nats-io/jetstream'
import { jetstream } from '@nats-io/jetstream'
import type { NatsConnection } from '@nats-io/transport-node'
import { randomUUID } from 'node:crypto'
import { setMaxListeners } from 'node:events'
import { setTimeout as sleep } from 'node:timers/promises'
import type { FederationStamp } from '../../src/demo/federation.ts'
import { durableName, storeNames } from '../../src/domain/store-names.ts'
import type { Scope } from '../../src/domain/subject.ts'
import { linkSubject, presenceSubject } from '../../src/domain/subject.ts'

/** How a stamp runs a task; times in ms. */
export interface Manner {
  readonly startMs?: number
  readonly runMs?: number
  readonly result?: string
  readonly message?: string
  /** Says a second `.finished` so much after the first, with this result. */
  readonly second?: { readonly afterMs: number; readonly result: string }
  /** Takes the event, and answers nothing. */
  readonly isSilent?: boolean
}

/** One copy of a `.triggered` that a stamp took, and what it said. Times are milliseconds since the epoch. */
export interface Run {
  readonly stamp: string
  readonly id: string
  readonly task: string
  readonly context: string
  /** Where it lay in the stream DOWN: a copy that was stored twice lies there twice. */
  readonly sequence: number
  readonly at: number
  finishedAt?: number
}

interface Triggered {
  readonly id: string
  readonly type: string
  readonly shkeptncontext: string
  readonly data: Readonly<Record<string, unknown>>
}

const PRESENCE_MS = 400
const FETCH_MS = 1_000

/**
 * Stamps that share this process: each reads its consumer of the stream DOWN, says that it is there, and
 * answers into the stream UP, as an agent does for its integrations. Over real servers; what a Keptn NATS
 * would do for each is left out.
 */
export class SimulatedStamps implements AsyncDisposable {
  readonly runs: Run[] = []
  manner: (stamp: string, task: string) => Manner = () => ({})
  readonly #nc: NatsConnection
  readonly #js: JetStreamClient
  readonly #scope: Scope
  readonly #tasks: readonly string[]
  readonly #online: Set<string>
  readonly #stopping = new AbortController()
  readonly #working: Promise<unknown>[] = []
  readonly #seen = new Set<string>()

  /** `nc`: to a server of the supercluster, where the domain of the hub store is reached. */
  constructor(
    nc: NatsConnection,
    {
      scope,
      domain,
      tasks,
      stamps,
    }: {
      readonly scope: Scope
      readonly domain: string
      readonly tasks: readonly string[]
      readonly stamps: readonly FederationStamp[]
    },
  ) {
    this.#nc = nc
    this.#js = jetstream(nc, { domain, timeout: 2_000 })
    this.#scope = scope
    this.#tasks = tasks
    setMaxListeners(0, this.#stopping.signal)
    this.#online = new Set(stamps.map(({ name }) => name))
    for (const stamp of stamps) {
      this.#working.push(this.#speak(stamp), this.#read(stamp))
    }
  }

  /** From now on a stamp is not there: it says nothing and reads nothing. */
  leave(...stamps: readonly string[]): void {
    for (const stamp of stamps) this.#online.delete(stamp)
  }

  comeBack(...stamps: readonly string[]): void {
    for (const stamp of stamps) this.#online.add(stamp)
  }

  /** The copies that stamps took in a context, in the order in which they did. */
  runsOf(context: string): readonly Run[] {
    return this.runs.filter((run) => run.context === context)
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#stopping.abort()
    await Promise.all(this.#working)
  }

  async #speak(stamp: FederationStamp): Promise<void> {
    const filter = { projects: [], stages: [], services: [] }
    const subscriptions = this.#tasks.map((task) => ({
      event: `sh.keptn.event.${task}.triggered`,
      filter,
    }))
    const integrations = [{ name: 'simulated', subscriptions }]
    const presence = JSON.stringify({ version: 1, agent: '0.0.0', keptn: true, integrations })
    const subject = presenceSubject(this.#scope, placeOf(stamp))
    while (await this.#wait(PRESENCE_MS))
      if (this.#online.has(stamp.name) && !this.#nc.isClosed()) this.#nc.publish(subject, presence)
  }

  async #read(stamp: FederationStamp): Promise<void> {
    const { down } = storeNames(this.#scope)
    while (await this.#wait(10)) {
      if (!this.#online.has(stamp.name)) continue
      try {
        const consumer = await this.#js.consumers.get(down, durableName(stamp.name))
        for await (const message of await consumer.fetch({ max_messages: 8, expires: FETCH_MS })) {
          // What it was handed while it left comes again.
          if (!this.#online.has(stamp.name)) break
          this.#take(stamp, message.json<Triggered>(), message.seq)
          message.ack()
        }
      } catch {
        // The hub has not made it yet, or the store is away.
        await this.#wait(100)
      }
    }
  }

  #take(stamp: FederationStamp, event: Triggered, sequence: number): void {
    const key = `${stamp.name} ${sequence}`
    const [, , , task = '', kind = ''] = event.type.split('.')
    if (kind !== 'triggered' || !this.#tasks.includes(task) || this.#seen.has(key)) return
    this.#seen.add(key)
    const { id, shkeptncontext: context } = event
    const run: Run = { stamp: stamp.name, id, task, context, sequence, at: Date.now() }
    this.runs.push(run)
    this.#working.push(this.#run(stamp, event, run))
  }

  async #run(stamp: FederationStamp, event: Triggered, run: Run): Promise<void> {
    const {
      startMs = 10,
      runMs = 20,
      result = 'pass',
      message = '',
      second,
      isSilent,
    } = this.manner(stamp.name, run.task)
    if (isSilent === true || !(await this.#wait(startMs))) return
    await this.#say(stamp, event, run.task, 'started', {})
    if (!(await this.#wait(runMs))) return
    const end = (of: string) => ({ result: of, status: 'succeeded', message })
    // Before it is said: whoever begins because of it begins later.
    run.finishedAt = Date.now()
    await this.#say(stamp, event, run.task, 'finished', end(result))
    if (second === undefined || !(await this.#wait(second.afterMs))) return
    await this.#say(stamp, event, run.task, 'finished', end(second.result))
  }

  /** Tries until the stream UP has it, as an agent does. */
  async #say(
    stamp: FederationStamp,
    { id, shkeptncontext, data }: Triggered,
    task: string,
    kind: string,
    more: Readonly<Record<string, string>>,
  ): Promise<void> {
    const { project, stage, service } = data
    const answer = {
      specversion: '1.0',
      id: randomUUID(),
      source: `simulated-${stamp.name}`,
      type: `sh.keptn.event.${task}.${kind}`,
      time: new Date().toISOString(),
      shkeptncontext,
      triggeredid: id,
      data: { project, stage, service, ...more },
    }
    const tail = `event.${task}.${kind}`
    const subject = linkSubject(this.#scope, 'up', placeOf(stamp), tail)
    do {
      try {
        await this.#js.publish(subject, JSON.stringify(answer), { msgID: answer.id })
        return
      } catch {
        // Again: the id tells the copies apart.
      }
    } while (await this.#wait(100))
  }

  /** Whether the time passed before it was stopped. */
  #wait(ms: number): Promise<boolean> {
    return sleep(ms, true, { signal: this.#stopping.signal }).catch(() => false)
  }
}

function placeOf({ geo, ring, name }: FederationStamp) {
  return { geo, ring, stamp: name }
}
