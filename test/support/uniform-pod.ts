import type { ExecutionContext } from 'ava'
import type { NatsProcess } from '../../src/demo/nats-process.ts'
import { startKeptnDouble } from '../../src/demo/keptn/keptn-double.ts'
import type { KeptnDouble } from '../../src/demo/keptn/keptn-double.ts'
import type { KeptnDoubleOptions } from '../../src/demo/keptn/double-options.ts'
import type { UpstreamPace } from '../../src/domain/upstream-schedule.ts'
import { serviceDestination } from '../../src/domain/stamp-surface.ts'
import { SignetError } from '../../src/errors.ts'
import { StampServer } from '../../src/http/stamp-server.ts'
import { CoreMessages } from '../../src/links/core-messages.ts'
import type { NatsSide } from '../../src/links/nats-side.ts'
import { Store } from '../../src/links/store.ts'
import { Metrics } from '../../src/observe/metrics.ts'
import type { Log } from '../../src/observe/log.ts'
import { Registrations } from '../../src/stamp/registrations.ts'
import type { RegistrationsUplink } from '../../src/stamp/registrations-uplink.ts'
import { logsUpstream, registrationsUpstream } from '../../src/stamp/upstream.ts'
import type { KeptnCaller } from '../../src/tunnel/keptn-caller.ts'
import { natsServer } from './nats-server.ts'
import { silent } from './registrations.ts'
import { openBorder } from './border.ts'
import { connectedSide } from './nats-side.ts'

/** Everything seventy times as fast as it is. */
export const QUICK: UpstreamPace = {
  pingMs: 300,
  spreadMs: 75,
  backoff: { firstMs: 50, mostMs: 200 },
  outage: { firstMs: 50, mostMs: 200 },
}

export interface Pod {
  /** Where integrations register. */
  readonly url: string
  readonly registrations: Registrations
  readonly metrics: Metrics
  readonly side: NatsSide
  /** Begins to tell the control plane, as the pod that leads does. */
  lead(): Promise<void>
  follow(): Promise<void>
  stop(): Promise<void>
  /** Leaves at once: nothing is written, nobody is told. */
  kill(): Promise<void>
}

export interface PodOptions {
  readonly keptn: NatsProcess
  readonly caller: KeptnCaller
  readonly stamp?: string
  readonly pace?: UpstreamPace
  readonly maxBytes?: number
  readonly log?: Log
  /** Added to the clock, in milliseconds. */
  readonly ahead?: () => number
}

/** What one agent of a stamp has for registrations, on real servers; stopped after the test. */
export async function startPod(t: ExecutionContext, options: PodOptions): Promise<Pod> {
  const { keptn, caller, stamp = 'eu-1', pace = QUICK, maxBytes = 500_000, log = silent } = options
  const side = await connectedSide(keptn.url)
  const metrics = new Metrics()
  const ahead = options.ahead ?? (() => 0)
  const now = () => performance.timeOrigin + performance.now() + ahead()
  const registrations = new Registrations({
    keptnStore: new Store(side),
    messages: new CoreMessages(side),
    onConnect: (listener) => {
      side.onConnect(listener)
    },
    now,
    maxBytes: () => maxBytes,
    log,
    metrics,
  })
  await registrations.start(AbortSignal.timeout(10_000))
  const border = { border: openBorder(), to: 'eu' }
  const parts = { caller, registrations, border, now, pace, log, metrics }
  const place = { geo: 'eu', ring: 'canary', name: stamp }
  const server = new StampServer({
    registrations,
    onLogs: logsUpstream({ ...parts, place: () => place }),
    tunnel: { open: () => Promise.reject(new SignetError('SIGNET_TUNNEL_NO_HUB', 'none')) },
    events: { take: () => Promise.reject(new SignetError('SIGNET_LINK_LOST', 'none')) },
    mostBytes: 1_048_576,
    stallMs: 10_000,
    name: 'services server',
    key: 'services',
    host: '127.0.0.1',
    port: 0,
    setting: 'SIGNET_SERVICES_PORT',
    destination: ({ url = '/' }) => serviceDestination('shipyard-controller', url),
    log,
  })
  await server.start()
  let uplink: RegistrationsUplink | undefined
  const follow = async (): Promise<void> => {
    await uplink?.stop()
    uplink = undefined
  }
  let isOver = false
  const stop = async (): Promise<void> => {
    if (isOver) return
    isOver = true
    await follow()
    await server.stop(AbortSignal.abort())
    await registrations.stop()
    await side.close()
  }
  t.teardown(stop)
  return {
    url: server.url,
    registrations,
    metrics,
    side,
    follow,
    stop,
    async lead() {
      uplink = registrationsUpstream({ ...parts, place: () => place })
      await uplink.start()
    },
    async kill() {
      isOver = true
      await side.connection.close()
      await Promise.all([follow(), server.stop(AbortSignal.abort())])
      await registrations.stop()
    },
  }
}

/** A Keptn with a server of its own, whose registrations last as long as is said. */
export async function controlPlane(
  t: ExecutionContext,
  options: Partial<KeptnDoubleOptions> = {},
): Promise<KeptnDouble> {
  const nats = await natsServer({ jetstream: true })
  const double = await startKeptnDouble({
    natsUrl: nats.url,
    shipyard: { spec: { stages: [{ name: 'dev', sequences: [] }] } },
    ...options,
  })
  t.teardown(async () => {
    await double.stop()
    await nats[Symbol.asyncDispose]()
  })
  return double
}
