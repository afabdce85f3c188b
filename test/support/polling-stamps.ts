import { randomUUID } from 'node:crypto'
import { setTimeout as sleep } from 'node:timers/promises'
import type { FederationStamp } from '../../src/demo/federation.ts'
import type { KeptnDouble } from '../../src/demo/keptn/keptn-double.ts'
import { parseEvent } from '../../src/domain/event.ts'
import { wrapAnswer } from '../../src/domain/https-answer.ts'
import type { Manner } from './simulated-stamps.ts'

/** One task that a stamp was told to begin. Times are milliseconds since the epoch. */
export interface PolledRun {
  readonly stamp: string
  /** Of the `.triggered`. */
  readonly id: string
  readonly task: string
  readonly context: string
  readonly at: number
  finishedAt?: number
}

interface Triggered {
  readonly id: string
  readonly shkeptncontext: string
  readonly data: unknown
}

const LOOK_MS = 20

/**
 * Stamps that share this process and have no NATS, as their control plane sees them: registered with Keptn,
 * they look into its datastore, begin what the hub names them for, and post their answers wrapped.
 */
export class PollingStamps implements AsyncDisposable {
  readonly runs: PolledRun[] = []
  manner: (stamp: string, task: string) => Manner = () => ({})
  /** How often each answer is posted. */
  copies = 1
  /** Is told of each answer that was posted. */
  onPosted: (stamp: string) => void = () => undefined
  readonly #keptn: KeptnDouble
  readonly #stamps: ReadonlyMap<string, FederationStamp>
  readonly #tasks: readonly string[]
  readonly #stopping = new AbortController()
  readonly #working: Promise<unknown>[] = []
  readonly #seen = new Set<string>()

  private constructor(
    keptn: KeptnDouble,
    stamps: readonly FederationStamp[],
    tasks: readonly string[],
  ) {
    this.#keptn = keptn
    this.#stamps = new Map(stamps.map((stamp) => [stamp.name, stamp]))
    this.#tasks = tasks
  }

  /** Registered, each with one integration that runs `tasks`. */
  static async start(
    keptn: KeptnDouble,
    stamps: readonly FederationStamp[],
    tasks: readonly string[],
  ): Promise<PollingStamps> {
    const polling = new PollingStamps(keptn, stamps, tasks)
    for (const { name } of stamps) await polling.register(name)
    polling.#working.push(polling.#poll())
    return polling
  }

  /** As a stamp's agent registers its integration upstream (DESIGN 7.8). */
  async register(stamp: string): Promise<void> {
    const { geo, ring } = this.#stamps.get(stamp) as FederationStamp
    const body = JSON.stringify({
      name: 'polling',
      metadata: {
        hostname: 'node-1',
        location: `${geo}/${ring}/${stamp}`,
        kubernetesmetadata: { namespace: `keptn.${stamp}`, podname: 'pod', deploymentname: '' },
      },
      subscriptions: this.#tasks.map((task) => ({ event: `sh.keptn.event.${task}.triggered` })),
    })
    await this.#call('/api/controlPlane/v1/uniform/registration', body)
  }

  /** Posts what is to stand in Keptn, by the public API. */
  async post(body: string): Promise<void> {
    await this.#call('/api/v1/event', body)
  }

  /** The text of an answer to a task. */
  answer(
    { stamp, task, id, context }: Pick<PolledRun, 'stamp' | 'task' | 'id' | 'context'>,
    kind: 'started' | 'finished',
    data: unknown,
  ): string {
    return JSON.stringify({
      specversion: '1.0',
      id: randomUUID(),
      source: `polling-${stamp}`,
      type: `sh.keptn.event.${task}.${kind}`,
      time: new Date().toISOString(),
      shkeptncontext: context,
      triggeredid: id,
      data,
    })
  }

  runsOf(context: string): readonly PolledRun[] {
    return this.runs.filter((run) => run.context === context)
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#stopping.abort()
    await Promise.all(this.#working)
  }

  async #poll(): Promise<void> {
    while (await this.#wait(LOOK_MS)) {
      for (const { event, payload } of this.#keptn.stored({ source: 'signet' })) {
        const [, , , task = '', ...kind] = (event.type ?? '').split('.')
        if (kind.join('.') === 'status.changed' && this.#tasks.includes(task))
          this.#takeNamed(task, event.triggeredid, payload)
      }
    }
  }

  #takeNamed(task: string, id: string, payload: string): void {
    const { data } = JSON.parse(payload) as {
      data: { signet?: Readonly<Record<string, { begun?: Readonly<Record<string, boolean>> }>> }
    }
    for (const stamp of Object.keys(data.signet?.[task]?.begun ?? {})) {
      const key = `${stamp} ${id}`
      if (!this.#stamps.has(stamp) || this.#seen.has(key)) continue
      const [row] = this.#keptn.stored({ eventId: id })
      if (row === undefined) continue
      this.#seen.add(key)
      const run = { stamp, id, task, context: row.event.shkeptncontext, at: Date.now() }
      this.runs.push(run)
      this.#working.push(this.#run(run, JSON.parse(row.payload) as Triggered))
    }
  }

  async #run(run: PolledRun, { data }: Triggered): Promise<void> {
    const {
      startMs = 10,
      runMs = 20,
      result = 'pass',
      message = '',
      isSilent,
    } = this.manner(run.stamp, run.task)
    if (isSilent === true || !(await this.#wait(startMs))) return
    const { project, stage, service } = data as Readonly<Record<string, string>>
    const scope = { project, stage, service }
    await this.#say(run.stamp, this.answer(run, 'started', scope))
    if (!(await this.#wait(runMs))) return
    run.finishedAt = Date.now()
    const end = { ...scope, result, status: 'succeeded', message, [run.stamp]: { done: true } }
    await this.#say(run.stamp, this.answer(run, 'finished', end))
  }

  async #say(stamp: string, text: string): Promise<void> {
    for (let copy = 0; copy < this.copies; copy += 1) {
      await this.post(wrapped(stamp, text))
      this.onPosted(stamp)
    }
  }

  async #call(path: string, body: string): Promise<void> {
    const headers = { 'content-type': 'application/json' }
    const response = await fetch(this.#keptn.url + path, { method: 'POST', headers, body })
    if (!response.ok) throw new Error(`${path}: ${response.status} ${await response.text()}`)
  }

  /** Whether the time passed before it was stopped. */
  #wait(ms: number): Promise<boolean> {
    return sleep(ms, true, { signal: this.#stopping.signal }).catch(() => false)
  }
}

/** An answer as a stamp posts it. */
export function wrapped(stamp: string, text: string): string {
  const parsed = parseEvent(text)
  if (!parsed.ok) throw new Error(parsed.detail)
  return wrapAnswer(stamp, parsed.event, text)
}
