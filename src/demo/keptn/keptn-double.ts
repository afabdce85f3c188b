import type { FastifyInstance } from 'fastify'
import { randomUUID } from 'node:crypto'
import { SignetError } from '../../errors.ts'
import type { Change, Dropped } from './changes.ts'
import { ChangeFeed } from './changes.ts'
import type { Duplicate, RowFilter, StoredEvent } from './datastore.ts'
import { Datastore } from './datastore.ts'
import type { KeptnDoubleOptions, ResolvedOptions } from './double-options.ts'
import { resolveOptions } from './double-options.ts'
import { encodeGoModel } from './go-encode.ts'
import { buildHttpApi } from './http-api.ts'
import type { Crash, KeptnState } from './keptn-life.ts'
import { KeptnLife } from './keptn-life.ts'
import type { JsonObject, KeptnEvent } from './keptn-event.ts'
import { LogStore } from './log-store.ts'
import { OpenEvents } from './open-events.ts'
import type { Registration } from './registration.ts'
import { controlSequence } from './sequence-control.ts'
import { SequenceStates } from './sequence-states.ts'
import type { SequenceView } from './sequence-view.ts'
import { viewOf } from './sequence-view.ts'
import { Uniform } from './uniform.ts'

/** Which sequence to start, as a client of Keptn would ask for it. */
export interface SequenceTrigger {
  readonly project: string
  readonly stage: string
  readonly sequence: string
  readonly service: string
  /** Merged into the event's data beside project, stage and service. */
  readonly data?: JsonObject
  /** Default a new one each. */
  readonly context?: string
  readonly id?: string
}

/**
 * Starts a control plane that behaves on the wire as Keptn does: stream and consumer on the NATS
 * server, execution of sequences with their traps, datastore, and the REST APIs.
 *
 * @throws SIGNET_STREAM_CONFLICT where another stream holds Keptn's subjects, and whatever the NATS
 *   client throws when it cannot connect; nothing is left running then
 */
export async function startKeptnDouble(options: KeptnDoubleOptions): Promise<KeptnDouble> {
  const double = new KeptnDouble(resolveOptions(options))
  await double.restart()
  return double
}

/** A running Keptn double. Its state is in memory and survives `stop` and `restart`. */
export class KeptnDouble {
  readonly #options: ResolvedOptions
  readonly #state: KeptnState
  readonly #logs = new LogStore()
  #life: KeptnLife | undefined
  #app: FastifyInstance | undefined
  #port: number

  constructor(options: ResolvedOptions) {
    this.#options = options
    this.#port = options.port
    this.#state = {
      store: {
        openEvents: new OpenEvents(),
        executions: [],
        states: new SequenceStates(),
        eventQueue: [],
        sequenceQueue: [],
        pausedContexts: new Set(),
        dropped: [],
      },
      uniform: new Uniform(() => Date.now(), randomUUID),
      datastore: new Datastore(),
      changes: new ChangeFeed(),
    }
  }

  /** Base of every route, without a slash at its end. */
  get url(): string {
    return `http://${this.#options.host}:${this.#port}`
  }

  /** Resolves when a message has killed a component of the life that runs now (wire 1.1). */
  get crashed(): Promise<Crash> {
    return this.#running().crashed
  }

  /** The first crash of the life that runs now. */
  get crash(): Crash | undefined {
    return this.#life?.crash
  }

  /** Publishes a sequence's `.triggered` on NATS. Resolves when the server has it. */
  async triggerSequence(trigger: SequenceTrigger): Promise<{ context: string; id: string }> {
    const { project, stage, sequence, service, data = {} } = trigger
    const { context = randomUUID(), id = randomUUID() } = trigger
    const event: KeptnEvent = {
      contenttype: 'application/json',
      data: { ...data, project, stage, service },
      id,
      shkeptncontext: context,
      shkeptnspecversion: this.#options.specVersion,
      source: 'cli',
      specversion: '1.0',
      time: new Date().toISOString(),
      triggeredid: '',
      gitcommitid: '',
      type: `sh.keptn.event.${stage}.${sequence}.triggered`,
    }
    await this.#running().publish(event.type ?? '', encodeGoModel(event))
    return { context, id }
  }

  /** Every run of a sequence in a context, in the order in which they were triggered. */
  sequence(context: string): readonly SequenceView[] {
    return this.#state.store.executions
      .filter((execution) => execution.context === context)
      .map(viewOf)
  }

  /**
   * The latest run of a sequence in a stage, once it has ended, well or badly.
   *
   * @throws SIGNET_DEMO_FAILED with the state of the context when it takes too long
   */
  async waitForSequence(
    context: string,
    stage: string,
    sequence: string,
    { timeoutMs }: { readonly timeoutMs: number },
  ): Promise<SequenceView> {
    const ended = () =>
      this.sequence(context).findLast(
        (view) => view.stage === stage && view.sequence === sequence && view.outcome !== undefined,
      )
    return await new Promise((resolve, reject) => {
      const finish = (act: () => void) => {
        clearTimeout(timer)
        forget()
        act()
      }
      const look = () => {
        const view = ended()
        if (view !== undefined) finish(() => resolve(view))
      }
      const forget = this.onChange((change) => {
        if (change.context === context) look()
      })
      const timer = setTimeout(
        () => finish(() => reject(this.#late(context, stage, sequence))),
        timeoutMs,
      )
      look()
    })
  }

  /** Pauses, resumes or aborts a context, in all stages or in one (wire 6.7). */
  control(
    scope: { readonly project: string; readonly context: string; readonly stage?: string },
    state: 'pause' | 'resume' | 'abort',
  ): void {
    controlSequence(this.#running().controller, { stage: '', ...scope }, state)
  }

  /** Calls `listener` for everything that happens, until the function returned is called. */
  onChange(listener: (change: Change) => void): () => void {
    return this.#state.changes.onChange(listener)
  }

  /** What the datastore has of a context, copies included, in the order of arrival. */
  events(context: string): readonly StoredEvent[] {
    return this.stored({ context })
  }

  /** What the datastore has, copies included, in the order of arrival. */
  stored(filter: RowFilter = {}): readonly StoredEvent[] {
    return this.#state.datastore.stored(filter)
  }

  /** The event ids that the datastore has more than once. */
  duplicates(filter: RowFilter = {}): readonly Duplicate[] {
    return this.#state.datastore.duplicates(filter)
  }

  /** The events that shipyard-controller took and did nothing with, with the reasons. */
  dropped(): readonly Dropped[] {
    return this.#state.store.dropped
  }

  /** The integrations that are registered now. */
  registrations(): readonly Registration[] {
    return this.#state.uniform.list({})
  }

  /** Ends the processes. The state stays, as it would in MongoDB. */
  async stop(): Promise<void> {
    const [app, life] = [this.#app, this.#life]
    this.#app = undefined
    this.#life = undefined
    await app?.close()
    await life?.stop()
  }

  /** Starts the processes again, on the same NATS server and the same port. */
  async restart(): Promise<void> {
    await this.stop()
    const life = await KeptnLife.start(this.#options, this.#state, randomUUID)
    const { token, validateEvents, paginationBug } = this.#options
    const app = buildHttpApi(
      {
        controller: () => life.controller,
        uniform: this.#state.uniform,
        datastore: this.#state.datastore,
        logs: this.#logs,
        options: { token, validateEvents, paginationBug },
      },
      () => life.crash?.component === 'shipyard-controller',
    )
    try {
      await app.listen({ host: this.#options.host, port: this.#port })
    } catch (error) {
      await life.stop()
      throw error
    }
    const address = app.server.address()
    if (typeof address === 'object' && address !== null) this.#port = address.port
    this.#life = life
    this.#app = app
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.stop()
  }

  #running(): KeptnLife {
    if (this.#life === undefined) {
      throw new SignetError('SIGNET_STOPPED', 'The Keptn double is stopped.')
    }
    return this.#life
  }

  #late(context: string, stage: string, sequence: string): SignetError {
    return new SignetError('SIGNET_DEMO_FAILED', `Sequence ${sequence} in ${stage} did not end.`, {
      details: { context, sequences: this.sequence(context), crash: this.crash },
    })
  }
}
