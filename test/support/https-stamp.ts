import type { NatsConnection } from '@nats-io/transport-node'
import { connect } from '@nats-io/transport-node'
import type { ExecutionContext } from 'ava'
import type { NatsProcess } from '../../src/demo/nats-process.ts'
import type { Integration } from '../../src/domain/interest.ts'
import type { OauthClient } from '../../src/domain/oauth-client.ts'
import type { PolledRoute } from '../../src/domain/polled-turn.ts'
import { DeadLetters } from '../../src/flow/dead-letters.ts'
import type { Entered } from '../../src/flow/way-in.ts'
import { WayIn } from '../../src/flow/way-in.ts'
import { KeptnApi } from '../../src/https/keptn-api.ts'
import { CoreMessages } from '../../src/links/core-messages.ts'
import { CoreSource } from '../../src/links/core-source.ts'
import { Publisher } from '../../src/links/publisher.ts'
import { Store } from '../../src/links/store.ts'
import type { Term } from '../../src/links/term.ts'
import { loneTerm } from '../../src/links/term.ts'
import { Metrics } from '../../src/observe/metrics.ts'
import { fixedTopology } from '../../src/runtime/topology-source.ts'
import type { Gate } from '../../src/stamp/gate.ts'
import { HttpsRole } from '../../src/stamp/https-role.ts'
import { Listener } from './listener.ts'
import { natsServer } from './nats-server.ts'
import { silent } from './registrations.ts'
import { openBorder } from './border.ts'
import { PLACE, SCOPE, topology } from './stamp-agent.ts'
import type { StoredMessage } from './stream-reader.ts'
import { readStream } from './stream-reader.ts'
import { connectedSide } from './nats-side.ts'

/** An integration that wants these event types or patterns, with one filter for all. */
export function wants(events: readonly string[], filter: object = {}): Integration {
  return {
    name: 'worker',
    subscriptions: events.map((event) => ({
      event,
      filter: { projects: [], stages: [], services: [], ...filter },
    })),
  }
}

export interface HttpsStampOptions {
  readonly endpoint: string
  readonly integrations?: readonly Integration[]
  readonly jetstream?: boolean
  readonly token?: string
  readonly timeoutMs?: number
  readonly sweepMs?: number
  readonly oauth?: OauthClient
  /** Whose every event is that is polled. Default: this stamp's, as a notice. */
  readonly route?: PolledRoute
  /** Called before an event enters the stamp, which waits for it. */
  readonly beforeEntering?: (id: string) => Promise<unknown>
  /** The term of its agents; by default they are alone. */
  readonly term?: Term
}

/** One agent's link. */
export interface HttpsLink {
  readonly role: HttpsRole
  readonly metrics: Metrics
  stop(): Promise<void>
  /** Takes its connections from it in the middle of whatever it does: it acknowledges nothing more. */
  kill(): void
  /** Brings an event in as the NATS link does. */
  nats(type: string, id: string, body: Uint8Array): Promise<Entered>
}

/** A stamp with a real Keptn NATS whose link is HTTPS; agents of it come and go. */
export class HttpsStamp {
  /** What the integrations of the stamp want; a test may change it. */
  integrations: readonly Integration[]
  /** Whether somebody listens to what is handed over. */
  gateOpen = true
  readonly keptn: NatsProcess
  readonly nc: NatsConnection
  /** What a plain subscriber hears, in order. */
  readonly heard: Listener
  readonly #options: HttpsStampOptions
  readonly #undo: (() => Promise<unknown>)[] = []

  private constructor(options: HttpsStampOptions, keptn: NatsProcess, nc: NatsConnection) {
    this.#options = options
    this.integrations = options.integrations ?? []
    this.keptn = keptn
    this.nc = nc
    this.heard = new Listener(nc, 'sh.keptn.>')
  }

  static async start(t: ExecutionContext, options: HttpsStampOptions): Promise<HttpsStamp> {
    const keptn = await natsServer({ jetstream: options.jetstream ?? true })
    const nc = await connect({ servers: keptn.url })
    const stamp = new HttpsStamp(options, keptn, nc)
    await nc.flush()
    t.teardown(async () => {
      for (const undo of stamp.#undo.toReversed()) await undo()
      await nc.close()
      await keptn[Symbol.asyncDispose]()
    })
    return stamp
  }

  /** A started agent's https link. One that is left behind without `stop` is as good as killed. */
  async link(): Promise<HttpsLink> {
    const side = await connectedSide(this.keptn.url)
    const publisher = new Publisher(side)
    publisher.start()
    const metrics = new Metrics()
    const store = new Store(side)
    const wayIn = new WayIn({
      store,
      publisher,
      dedupeWindowMs: 3_600_000,
      withoutJetStream: new CoreMessages(side),
    })
    const { endpoint, token, oauth, timeoutMs = 20_000, sweepMs = 600_000 } = this.#options
    const { route = 'take', beforeEntering } = this.#options
    const enter = wayIn.enter.bind(wayIn)
    wayIn.enter = async (tail, id, ...rest) => {
      await beforeEntering?.(id)
      return enter(tail, id, ...rest)
    }
    const api = new KeptnApi({
      endpoint,
      ...(token === undefined ? {} : { token }),
      ...(oauth === undefined ? {} : { oauth }),
      proxies: {},
      verifyTls: true,
      timeoutMs,
      maxAnswerBytes: 16_777_216,
      now: () => performance.now(),
    })
    const deadLetters = new DeadLetters({
      scope: SCOPE,
      stamp: PLACE.stamp,
      publisher,
      maxPayloadBytes: () => side.maxPayloadBytes,
      log: silent,
      metrics,
    })
    const role = new HttpsRole({
      api,
      scope: SCOPE,
      topology: fixedTopology(topology()),
      place: () => PLACE,
      home: 'eu-core',
      keptnStore: store,
      term: this.#options.term ?? loneTerm(),
      publisher,
      listen: () => new CoreSource(side, 'sh.keptn.>'),
      wayIn,
      gate: this.#gate(),
      // What the link does with an event is tried here; whose an event is, in test/integration/https-waves.test.ts.
      turns: {
        judge: () => route,
        hear: () => undefined,
        hasBegun: () => Promise.resolve(true),
      },
      integrations: () => this.integrations,
      deadLetters: () => deadLetters,
      border: openBorder(),
      homeGeo: PLACE.geo,
      intervalMs: 50,
      sweepMs,
      // Together longer than a busy machine takes to carry out what its caller has given up.
      settleWaitsMs: [0, 100, 200, 700, 4_000],
      retry: { firstMs: 20, mostMs: 200 },
      dedupeWindowMs: 3_600_000,
      retentionMs: 3_600_000,
      inFlight: 64,
      log: silent,
      metrics,
    })
    let stopping: Promise<void> | undefined
    const stop = async (): Promise<void> => {
      await role.stop()
      publisher.stop()
      await side.close()
      await api.close()
    }
    const once = (): Promise<void> => (stopping ??= stop())
    this.#undo.push(once)
    await role.start(AbortSignal.timeout(30_000))
    return {
      role,
      metrics,
      stop: once,
      kill: () => {
        stopping = Promise.all([side.connection.close(), api.close()]).then(() => undefined)
        void role.stop().catch(() => undefined)
      },
      nats: (type, id, body) =>
        wayIn.enter(type.slice('sh.keptn.'.length), id, body, { 'Signet-Path': 'eu-core,eu-1' }),
    }
  }

  /** The whole of a stream of the stamp's NATS. */
  stream(name: string): Promise<readonly StoredMessage[]> {
    return readStream(this.nc, name)
  }

  /** Publishes as an integration does. */
  say(event: { readonly type: string }): void {
    this.nc.publish(event.type, JSON.stringify(event))
  }

  #gate(): Gate {
    return {
      isOpen: () => this.gateOpen,
      opened: () => Promise.resolve(),
      held: 0,
      stop: () => {},
    }
  }
}

/** The value of a counter with one label. */
export async function counted(metrics: Metrics, name: string, result: string): Promise<number> {
  const values = (await metrics.registry.getSingleMetric(name)?.get())?.values ?? []
  return values.find(({ labels }) => labels['result'] === result)?.value ?? 0
}
