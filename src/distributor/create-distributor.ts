import type { DistributorPlan } from '../domain/distributor-plan.ts'
import {
  initialSubscriptions,
  registrationBody,
  registrationObstacle,
} from '../domain/distributor-plan.ts'
import { recipientUrl } from '../domain/recipient-event.ts'
import type { ProxyPaths } from '../domain/stamp-surface.ts'
import { proxyDestination } from '../domain/stamp-surface.ts'
import { Exchange } from '../https/exchange.ts'
import type { KeptnApiOptions } from '../https/keptn-api.ts'
import { KeptnApi } from '../https/keptn-api.ts'
import { CoreMessages } from '../links/core-messages.ts'
import type { NatsAddress } from '../links/nats-options.ts'
import { NatsSide } from '../links/nats-side.ts'
import type { Log } from '../observe/log.ts'
import { Metrics } from '../observe/metrics.ts'
import type { Part } from '../runtime/lifecycle.ts'
import { Lifecycle } from '../runtime/lifecycle.ts'
import type { ServiceWay } from '../tunnel/service-caller.ts'
import type { Wish } from './dispatch.ts'
import { Dispatch, registeredWishes } from './dispatch.ts'
import { Enrolment } from './enrolment.ts'
import { ErrorLogs } from './error-logs.ts'
import { forwardToApi, forwardToNats } from './forward.ts'
import { Outgoing } from './outgoing.ts'
import { passageToApi, passageToServices } from '../tunnel/passage.ts'
import { PollOpen } from './poll-open.ts'
import { Receive } from './receive.ts'
import { Recipient } from './recipient.ts'
import { SidecarServer } from './sidecar-server.ts'

/** Everything that a distributor needs to know, checked before. */
export interface DistributorConfig {
  readonly version: string
  readonly plan: DistributorPlan
  readonly nats: NatsAddress
  readonly queueGroup: string
  /** How Keptn's API is reached; its endpoint is the plan's, or shipyard-controller's. */
  readonly api: Omit<KeptnApiOptions, 'endpoint' | 'now' | 'maxAnswerBytes'>
  /** Keptn's services by themselves, for those that run in its cluster. */
  readonly services: Extract<ServiceWay, { kind: 'internal' }>['urls']
  readonly recipient: { readonly host: string; readonly port: number; readonly path: string }
  readonly server: { readonly host: string; readonly port: number }
  readonly paths: ProxyPaths
  readonly maxPayloadBytes: number
  readonly pollingMs: number
  readonly heartbeatMs: number
  readonly maxHeartbeats: number
  readonly registrationMs: number
  readonly maxRegistrations: number
  readonly drainMs: number
}

export interface Distributor {
  start(): Promise<void>
  /** Drains. May be called twice, and during the start. */
  stop(): Promise<void>
  /** Why it is not ready; empty where it is. */
  reasons(): readonly string[]
}

/** An event is not posted twice for one subscription within this, unless it is polled (wire 3.3). */
const REMEMBER_MS = 10_000
const LOGS_MS = 60_000
const MAX_ANSWER_BYTES = 67_108_864
/** A recipient answers when it has taken an event, and not when it is done. */
const RECIPIENT_MS = 30_000

/**
 * Stands in for Keptn's distributor, with its environment alone: beside one integration, which gets its
 * events over HTTP, posts its answers back, and finds Keptn's API here.
 */
export function createDistributor(config: DistributorConfig, log: Log): Distributor {
  const { plan } = config
  const isRemote = plan.endpoint !== undefined
  const prefix = isRemote ? '/controlPlane' : ''
  const metrics = new Metrics()
  const api = new KeptnApi({
    ...config.api,
    endpoint: plan.endpoint ?? config.services['shipyard-controller'],
    maxAnswerBytes: MAX_ANSWER_BYTES,
    now: () => performance.now(),
  })
  const direct = new Exchange({
    proxies: {},
    verifyTls: config.api.verifyTls,
    timeoutMs: RECIPIENT_MS,
    maxAnswerBytes: 1_048_576,
  })
  const { host, port, path } = config.recipient
  const dispatch = new Dispatch({
    recipient: new Recipient({ exchange: direct, url: new URL(recipientUrl(host, port, path)) }),
    // What is polled is known as long as it is open.
    rememberMs: isRemote ? 0 : REMEMBER_MS,
    log,
    metrics,
  })
  const obstacle = registrationObstacle(plan)
  const initial: readonly Wish[] = initialSubscriptions(plan).map((one, index) => ({
    ...one,
    key: isRemote ? `topic ${index}` : undefined,
  }))
  const events = isRemote ? createPoll() : createReceive()
  const enrolment =
    obstacle === undefined
      ? new Enrolment({
          ...config,
          api,
          prefix,
          body: registrationBody(plan),
          onSubscriptions: (subscriptions) => {
            events.update(registeredWishes(subscriptions))
          },
          log,
        })
      : undefined
  const logs = new ErrorLogs({
    api,
    prefix,
    integrationId: () => enrolment?.id,
    flushMs: LOGS_MS,
    log,
  })
  const outgoing = new Outgoing({ forward: events.forward, logs, log, metrics })
  const server = new SidecarServer({
    ...config.server,
    mostBytes: config.maxPayloadBytes,
    timeoutMs: config.api.timeoutMs,
    destination: (target) => proxyDestination(target, config.paths),
    tunnel: isRemote ? passageToApi(api) : passageToServices(config.services),
    onEvent: (text) => outgoing.take(text),
    reasons: () => reasons(),
    metrics: () => metrics.text(),
    log,
  })
  const reasons = (): readonly string[] =>
    [
      lifecycle.state === 'draining' ? 'the distributor drains' : undefined,
      events.trouble(),
      enrolment?.trouble,
      dispatch.trouble,
    ].filter((it) => it !== undefined)
  const parts: Part[] = [
    part('HTTP clients', undefined, async () => {
      await Promise.all([api.close(), direct.close()])
    }),
    part(
      'log of errors',
      () => logs.start(),
      () => logs.stop(),
    ),
    part('recipient', undefined, (signal) => dispatch.drain(signal)),
    server,
    ...(enrolment === undefined
      ? []
      : [
          part(
            'registration',
            () => enrolment.start(),
            () => enrolment.stop(),
          ),
        ]),
    events.part,
  ]
  const lifecycle = new Lifecycle(parts, config.drainMs)
  if (obstacle !== undefined) log.info({ reason: obstacle }, 'Nothing is registered.')
  return { start: () => lifecycle.start(), stop: () => lifecycle.stop(), reasons }

  function createPoll() {
    const poll = new PollOpen({ api, dispatch, intervalMs: config.pollingMs, log, metrics })
    if (obstacle !== undefined) poll.update(initial)
    return {
      update: (wishes: readonly Wish[]) => {
        poll.update(wishes)
      },
      forward: forwardToApi(api),
      trouble: () => poll.trouble,
      part: part(
        'polling',
        () => poll.start(),
        () => poll.stop(),
      ),
    }
  }

  function createReceive() {
    const side = new NatsSide({
      side: 'keptn',
      address: config.nats,
      clientName: `signet ${config.version} distributor ${plan.deploymentName}`.trimEnd(),
      inboxPrefix: '_INBOX.distributor',
      events: {
        connected: (server) => {
          log.info({ server }, 'Connected.')
        },
        disconnected: (reason) => {
          log.warn({ reason }, 'Not connected.')
        },
        error: (error) => {
          log.warn({ error: error.message }, 'The server reports an error.')
        },
      },
    })
    const receive = new Receive({
      side,
      queueGroup: config.queueGroup,
      // Until the first heartbeat nobody knows the ids that belong to these, so nothing is subscribed to.
      initial: obstacle === undefined ? [] : initial,
      dispatch,
      log,
      metrics,
    })
    return {
      update: (wishes: readonly Wish[]) => {
        receive.update(wishes)
      },
      forward: forwardToNats(new CoreMessages(side)),
      trouble: () => {
        const { connected, reason } = side.state
        return connected ? undefined : `Keptn NATS: ${reason ?? 'not connected'}`
      },
      part: {
        name: 'Keptn NATS',
        start: async (signal: AbortSignal) => {
          await side.connect(signal)
          await receive.start()
        },
        stop: async () => {
          receive.stop()
          await side.close()
        },
      },
    }
  }
}

function part(
  name: string,
  start: (() => void) | undefined,
  stop: (signal: AbortSignal) => Promise<void>,
): Part {
  return {
    name,
    start: () => {
      start?.()
      return Promise.resolve()
    },
    stop,
  }
}
