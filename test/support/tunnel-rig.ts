import type { ExecutionContext } from 'ava'
import type { ApiRule } from '../../src/domain/api-rules.ts'
import { DEFAULT_API_RULES } from '../../src/domain/api-rules.ts'
import { storeNames } from '../../src/domain/store-names.ts'
import { ApiLines } from '../../src/links/api-lines.ts'
import { Bucket } from '../../src/links/bucket.ts'
import { NatsSide } from '../../src/links/nats-side.ts'
import { Store } from '../../src/links/store.ts'
import { Metrics } from '../../src/observe/metrics.ts'
import { fixedTopology } from '../../src/runtime/topology-source.ts'
import type { CallRecord } from '../../src/tunnel/applied-calls.ts'
import { TunnelClient } from '../../src/tunnel/tunnel-client.ts'
import type { TunnelExitOptions } from '../../src/tunnel/tunnel-exit.ts'
import { TunnelExit } from '../../src/tunnel/tunnel-exit.ts'
import type { TunnelTimes } from '../../src/tunnel/tunnel-times.ts'
import { TUNNEL_TIMES } from '../../src/tunnel/tunnel-times.ts'
import type { EchoService } from './echo-service.ts'
import { startEchoService } from './echo-service.ts'
import { natsServer } from './nats-server.ts'
import { silent } from './registrations.ts'
import { PLACE, SCOPE, topology } from './stamp-agent.ts'
import { rules, servicesAt } from './tunnel-config.ts'

/** Everything at the resource service, and what is allowed anyway. */
const OPEN = rules('* resource-service/**', '* shipyard-controller/**', ...DEFAULT_API_RULES)

export interface TunnelRigOptions {
  readonly times?: Partial<TunnelTimes>
  readonly rules?: readonly ApiRule[]
  readonly limits?: TunnelExitOptions['limits']
  readonly maxPayload?: number
}

/** A gateway server with a hub store, and ends of the tunnel on it with connections of their own. */
export class TunnelRig {
  readonly #closing: (() => Promise<unknown>)[] = []
  readonly service: EchoService
  readonly #options: TunnelRigOptions
  readonly #url: string

  private constructor(url: string, service: EchoService, options: TunnelRigOptions) {
    this.#url = url
    this.service = service
    this.#options = options
  }

  static async start(t: ExecutionContext, options: TunnelRigOptions = {}): Promise<TunnelRig> {
    const { maxPayload = 1_048_576 } = options
    const server = await natsServer({
      config: `jetstream { domain: hub }\nmax_payload: ${maxPayload}`,
    })
    const service = await startEchoService()
    const rig = new TunnelRig(server.url, service, options)
    t.teardown(async () => {
      for (const close of rig.#closing.toReversed()) await close()
      await service[Symbol.asyncDispose]()
      await server[Symbol.asyncDispose]()
    })
    return rig
  }

  async side(name: string): Promise<NatsSide> {
    const side = new NatsSide({
      side: 'gateway',
      address: { servers: [this.#url], auth: {} },
      clientName: 'test',
      inboxPrefix: `_INBOX.${name}`,
      events: { connected: () => {}, disconnected: () => {}, error: () => {} },
    })
    await side.connect(AbortSignal.timeout(10_000))
    this.#closing.push(() => side.close())
    return side
  }

  async client(over: Partial<TunnelTimes> = {}): Promise<TunnelClient> {
    const client = new TunnelClient({
      lines: new ApiLines(await this.side(PLACE.stamp)),
      scope: SCOPE,
      place: () => PLACE,
      times: { ...TUNNEL_TIMES, ...this.#options.times, ...over },
      mostCalls: 512,
      metrics: new Metrics(),
    })
    await client.start()
    this.#closing.push(() => client.stop(AbortSignal.timeout(2_000)))
    return client
  }

  async exit(over: Partial<TunnelExitOptions> = {}): Promise<TunnelExit & { side: NatsSide }> {
    const side = await this.side('eu-core')
    const store = new Store(side, 'hub')
    const url = this.service.url
    const exit = new TunnelExit({
      lines: new ApiLines(side),
      scope: SCOPE,
      topology: fixedTopology(topology()),
      rules: this.#options.rules ?? OPEN,
      way: {
        kind: 'internal',
        urls: servicesAt(url),
      },
      limits: this.#options.limits ?? { mostCalls: 256, mostBytes: 67_108_864 },
      openCalls: () =>
        Bucket.open<CallRecord>(store, {
          name: storeNames(SCOPE).callsBucket,
          ttlMs: 900_000,
          replicas: 1,
        }),
      times: { ...TUNNEL_TIMES, ...this.#options.times },
      log: silent,
      metrics: new Metrics(),
      ...over,
    })
    await exit.start()
    await side.connection.flush()
    this.#closing.push(() => exit.stop(AbortSignal.timeout(2_000)))
    return Object.assign(exit, { side })
  }
}
