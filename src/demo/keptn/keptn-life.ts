import type { NatsConnection } from '@nats-io/transport-node'
import { setImmediate as nextTurn, setTimeout as sleep } from 'node:timers/promises'
import { SignetError } from '../../errors.ts'
import type { ChangeFeed } from './changes.ts'
import type { Datastore } from './datastore.ts'
import type { ResolvedOptions } from './double-options.ts'
import { dispatchQueuedEvents } from './event-queue.ts'
import { decodeEvent } from './go-decode.ts'
import { takeIn } from './intake.ts'
import type { KeptnEvent } from './keptn-event.ts'
import type { Fetching } from './keptn-stream.ts'
import { fetchEvents, openKeptnStream } from './keptn-stream.ts'
import { connectLikeKeptn, leave } from './nats-connection.ts'
import { dispatchQueuedSequences } from './sequence-queue.ts'
import type { ShipyardController, ShipyardStore } from './shipyard-controller.ts'
import { endUnansweredTasks } from './task-timeouts.ts'
import type { Uniform } from './uniform.ts'

/** A component that a message has killed (wire 1.1). */
export interface Crash {
  readonly component: 'shipyard-controller' | 'mongodb-datastore'
  readonly reason: string
  readonly payload: string
}

/** What outlives a restart: MongoDB. */
export interface KeptnState {
  readonly store: ShipyardStore
  readonly uniform: Uniform
  readonly datastore: Datastore
  readonly changes: ChangeFeed
}

/** The processes of a control plane from one start to the next stop or crash. */
export class KeptnLife {
  readonly controller: ShipyardController
  readonly crashed: Promise<Crash>
  crash: Crash | undefined
  readonly #nc: NatsConnection
  readonly #state: KeptnState
  readonly #ended = new AbortController()
  readonly #work = new Set<Promise<void>>()
  readonly #timers: NodeJS.Timeout[] = []
  #fetching: Fetching | undefined
  #reportCrash: (crash: Crash) => void = () => {}

  /** Connects, makes stream and consumer, and begins to work. */
  static async start(
    options: ResolvedOptions,
    state: KeptnState,
    newId: () => string,
  ): Promise<KeptnLife> {
    const nc = await connectLikeKeptn(options, 'keptn-double')
    try {
      const consumer = await openKeptnStream(nc, options.ackWaitMs)
      const life = new KeptnLife(nc, options, state, newId)
      life.#listen()
      await nc.flush()
      life.#fetching = fetchEvents(consumer, (payload) => life.#take(payload))
      life.#tick(options)
      return life
    } catch (error) {
      await nc.close()
      throw error
    }
  }

  private constructor(
    nc: NatsConnection,
    options: ResolvedOptions,
    state: KeptnState,
    newId: () => string,
  ) {
    this.#nc = nc
    this.#state = state
    this.crashed = new Promise((resolve) => {
      this.#reportCrash = resolve
    })
    const { signal } = this.#ended
    this.controller = {
      store: state.store,
      changes: state.changes,
      shipyards: options.shipyards,
      specVersion: options.specVersion,
      commitOf: options.commitOf,
      now: () => Date.now(),
      newId,
      async roundTrip() {
        await (options.storeMs > 0 ? sleep(options.storeMs) : nextTurn())
        if (signal.aborted) throw new SignetError('SIGNET_STOPPED', 'shipyard-controller is gone.')
      },
      publish: (subject, payload) => nc.publish(subject, payload),
      wasAnswered: (context, id) => state.datastore.wasAnswered(context, id),
    }
  }

  /** Publishes a message as any client would; resolves when the server has it. */
  async publish(subject: string, payload: string): Promise<void> {
    this.#nc.publish(subject, payload)
    await this.#nc.flush()
  }

  /** Takes nothing more, lets what runs end, and leaves. */
  async stop(): Promise<void> {
    for (const timer of this.#timers) clearInterval(timer)
    await this.#fetching?.stop()
    await Promise.all(this.#work)
    this.#ended.abort()
    await leave(this.#nc)
  }

  // The goroutine that pulls only decides what to do; the work goes on beside it (wire 1.7).
  #take(payload: string): boolean {
    const decoded = decodeEvent(payload)
    if (!decoded.ok) return true
    const intake = takeIn(this.controller, decoded.value)
    if (intake.kind === 'crash') {
      this.#die({ component: 'shipyard-controller', reason: intake.reason, payload })
      return false
    }
    if (intake.kind === 'work') this.#run(decoded.value, intake.run)
    return true
  }

  #run(event: KeptnEvent, work: () => Promise<string | undefined>): void {
    const drop = (reason: string) => {
      this.#state.store.dropped.push({
        atMs: Date.now(),
        eventId: event.id,
        type: event.type ?? '',
        context: event.shkeptncontext,
        reason,
      })
    }
    const running = work()
      .then((reason) => (reason === undefined ? undefined : drop(reason)))
      .catch((error: unknown) => drop(error instanceof Error ? error.message : String(error)))
      .finally(() => this.#work.delete(running))
    this.#work.add(running)
  }

  #listen(): void {
    const subscription = this.#nc.subscribe('sh.keptn.event.>', {
      queue: 'mongodb-datastore',
      callback: (error, message) => {
        if (error !== null) return
        const payload = message.string()
        const reason = this.#state.datastore.store(payload, Date.now())
        if (reason === undefined) return
        subscription.unsubscribe()
        this.#report({ component: 'mongodb-datastore', reason, payload })
      },
    })
  }

  #tick(options: ResolvedOptions): void {
    const { controller } = this
    const every = (ms: number, act: () => void) => this.#timers.push(setInterval(act, ms))
    let isDispatching = false
    every(options.dispatchMs, () => {
      dispatchQueuedEvents(controller)
      if (isDispatching) return
      isDispatching = true
      const dispatching = dispatchQueuedSequences(controller)
        // The life has ended in the middle of it; the next one dispatches again.
        .catch(() => {})
        .finally(() => {
          isDispatching = false
          this.#work.delete(dispatching)
        })
      this.#work.add(dispatching)
    })
    every(options.watcherMs, () => endUnansweredTasks(controller, options.taskStartedWaitMs))
    every(options.ttlSweepMs, () => this.#state.uniform.expire(options.integrationTtlMs))
  }

  #die(crash: Crash): void {
    for (const timer of this.#timers) clearInterval(timer)
    this.#ended.abort()
    this.#report(crash)
  }

  #report(crash: Crash): void {
    this.crash ??= crash
    this.#reportCrash(crash)
  }
}
