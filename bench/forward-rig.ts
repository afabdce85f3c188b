import { Federation } from '../src/demo/federation.ts'
import type { NatsProcess } from '../src/demo/nats-process.ts'
import {
  durableName,
  INBOUND_STREAM,
  KEPTN_PATTERN,
  KEPTN_STREAM,
  LOCAL_STREAM,
  storeNames,
} from '../src/domain/store-names.ts'
import type { Run } from './forward-report.ts'
import type { End, Ends } from './forward-servers.ts'
import { closeEnds, lastSequence, openEnds } from './forward-servers.ts'
import { publishEvents, STAGE } from './keptn-events.ts'
import { measuredAgent } from './process-figures.ts'
import type { Reader } from './stopwatch.ts'
import { watchRun } from './stopwatch.ts'
import { Yard } from './yard.ts'

export interface RigOptions {
  /** The nats-server to run. */
  readonly binary: string
  /** The built command line: `dist/src/cli.js`. */
  readonly cli: string
  readonly inFlight: number
  readonly bodyBytes: number
}

/** What a server holds for the events that it was given. */
export interface Held {
  readonly diskBytes: number
  readonly memoryBytes: number
}

const HOME = 'home'
const STAMP = 'stamp-1'
const FEDERATION = 'bench'
const DOMAIN = 'hub'
const { down: DOWN } = storeNames({ federation: FEDERATION, controlPlane: 'main' })

/** A federation of a home stamp and one other, whose agents run only while they are measured. */
export class ForwardRig implements AsyncDisposable {
  readonly yard: Yard
  readonly #options: RigOptions
  readonly #federation: Federation
  readonly #ends: Ends

  private constructor(options: RigOptions, federation: Federation, ends: Ends, yard: Yard) {
    this.#options = options
    this.#federation = federation
    this.#ends = ends
    this.yard = yard
  }

  static async start(options: RigOptions): Promise<ForwardRig> {
    const { binary, cli, inFlight } = options
    const federation = await Federation.prepare({
      binary,
      cli,
      name: FEDERATION,
      home: { geo: 'eu', stamp: HOME },
      rings: ['canary'],
      stamps: [{ name: STAMP, geo: 'eu', ring: 'canary' }],
      stages: [{ stage: STAGE, rings: ['canary'] }],
      environment: { SIGNET_IN_FLIGHT: String(inFlight) },
    })
    try {
      const ends = await openEnds(federation, { home: HOME, stamp: STAMP, domain: DOMAIN })
      await ends.home.manager.streams.add({ name: KEPTN_STREAM, subjects: [KEPTN_PATTERN] })
      // So that their streams and consumers are there before the first event is.
      federation.startAgents()
      await federation.ready()
      await Promise.all(federation.agents.map((agent) => agent.stop()))
      const keptn = { end: ends.home, stream: KEPTN_STREAM }
      const yard = await Yard.make(ends, keptn, { end: ends.store, stream: DOWN }, inFlight)
      return new ForwardRig(options, federation, ends, yard)
    } catch (error) {
      await federation.close()
      throw error
    }
  }

  /** Puts events into Keptn's stream. */
  async load(events: number): Promise<void> {
    await publishEvents(this.#ends.home.connection, events, this.#options.bodyBytes)
  }

  /** One hop with its agent: the events must lie where it begins. */
  hop(hop: 'hub' | 'stamp', events: number): Promise<Run> {
    return this.#run([hop === 'hub' ? HOME : STAMP], events)
  }

  /** Both hops at once. */
  through(events: number): Promise<Run> {
    return this.#run([HOME, STAMP], events)
  }

  /** Empties all streams, so that a round finds the servers as the one before it did. */
  async empty(): Promise<void> {
    const { home, store, stamp } = this.#ends
    await home.manager.streams.purge(KEPTN_STREAM)
    await store.manager.streams.purge(DOWN)
    await stamp.manager.streams.purge(INBOUND_STREAM)
    await stamp.manager.streams.purge(LOCAL_STREAM)
    await this.yard.empty()
  }

  /** What the three servers hold now: in the files of the streams, and in memory as they see it. */
  async held(): Promise<Readonly<Record<'keptn' | 'store' | 'stamp', Held>>> {
    const { home, store, stamp } = this.#ends
    const { supercluster } = this.#federation
    const look = async (
      server: NatsProcess,
      end: End,
      streams: readonly string[],
    ): Promise<Held> => {
      const sizes = streams.map(async (name) => (await end.manager.streams.info(name)).state.bytes)
      const answer = await fetch(`${server.monitorUrl}/varz`)
      const { mem } = (await answer.json()) as { readonly mem: number }
      const diskBytes = (await Promise.all(sizes)).reduce((sum, bytes) => sum + bytes, 0)
      return { diskBytes, memoryBytes: mem }
    }
    return {
      keptn: await look(supercluster.keptn(HOME), home, [KEPTN_STREAM]),
      store: await look(supercluster.store, store, [DOWN]),
      stamp: await look(supercluster.keptn(STAMP), stamp, [INBOUND_STREAM, LOCAL_STREAM]),
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await closeEnds(this.#ends)
    await this.#federation.close()
  }

  async #run(stamps: readonly string[], events: number): Promise<Run> {
    const { home, store, stamp } = this.#ends
    const hubReads = [reader(home, KEPTN_STREAM, HOME)]
    // The collector looks at each event that came in: that is part of the work.
    const stampReads = [reader(store, DOWN, STAMP), reader(stamp, LOCAL_STREAM, STAMP)]
    const isFar = stamps.includes(STAMP)
    const target = isFar ? { end: stamp, stream: INBOUND_STREAM } : { end: store, stream: DOWN }
    const after = await lastSequence(target)
    const agents = stamps.map((name) => this.#federation.agent(name))
    try {
      for (const agent of agents) agent.start()
      return await watchRun({
        events,
        target,
        after,
        readers: [...(stamps.includes(HOME) ? hubReads : []), ...(isFar ? stampReads : [])],
        processes: agents.map((agent) => measuredAgent(agent)),
      })
    } finally {
      await Promise.all(agents.map((agent) => agent.stop()))
    }
  }
}

/** A stream that the agent of `stamp` reads. */
function reader(end: End, stream: string, stamp: string): Reader {
  return { end, stream, durable: durableName(stamp) }
}
