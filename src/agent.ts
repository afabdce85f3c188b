import type { Place } from './domain/subject.ts'
import type { ControlPlane, Stamp, Topology } from './domain/topology.ts'
import { SignetError } from './errors.ts'
import { DeadLetters } from './flow/dead-letters.ts'
import { WayIn } from './flow/way-in.ts'
import { WayInReconciler } from './flow/way-in-reconciler.ts'
import { AdminServer } from './http/admin-server.ts'
import { UniformServer } from './http/uniform-server.ts'
import { Hub } from './hub/hub.ts'
import { KEPTN_PATTERN, KEPTN_STREAM, LOCAL_STREAM } from './domain/store-names.ts'
import { ControlListener } from './links/control-listener.ts'
import { CoreSource } from './links/core-source.ts'
import { CoreMessages } from './links/core-messages.ts'
import type { NatsAddress } from './links/nats-options.ts'
import { NatsSide } from './links/nats-side.ts'
import { refuseOneAccount } from './links/one-account.ts'
import { Publisher } from './links/publisher.ts'
import type { Replicas } from './links/store.ts'
import { Store } from './links/store.ts'
import type { Log } from './observe/log.ts'
import { Metrics } from './observe/metrics.ts'
import { agentStatus } from './observe/status.ts'
import { Lifecycle } from './runtime/lifecycle.ts'
import type { Part } from './runtime/lifecycle.ts'
import { InterestGate } from './stamp/gate.ts'
import { PresencePart } from './stamp/presence.ts'
import { Registrations } from './stamp/registrations.ts'
import { StampRole } from './stamp/stamp-role.ts'

/** Everything an agent needs to know; made from settings and topology, and checked before. */
export interface AgentConfig {
  readonly version: string
  readonly topology: Topology
  /** This stamp's name: a stamp of the topology, or the home stamp of a control plane. */
  readonly stamp: string
  readonly gateway: NatsAddress
  readonly keptn: NatsAddress
  readonly admin: { readonly host: string; readonly port: number }
  /** Where this stamp's integrations find Keptn's services by their fixed names. */
  readonly services: { readonly host: string; readonly port: number }
  /** Where they find the distributor's proxy paths. */
  readonly http: { readonly host: string; readonly port: number }
  readonly inFlight: number
  readonly drainMs: number
  readonly dedupeWindowMs: number
  readonly retentionMs: number
  readonly presenceIntervalMs: number
  readonly replicas: Replicas
}

export interface Agent {
  /** Resolves when everything works; may take as long as the servers take to come up. */
  start(): Promise<void>
  /** Drains. May be called twice, and during the start. */
  stop(): Promise<void>
  /** Why it is not ready; empty where it is. */
  reasons(): readonly string[]
}

/** Presence that was missed so many times means offline; never less than this, in milliseconds. */
const MISSED_PRESENCES = 3.5
const LEAST_OFFLINE_MS = 2_000

/**
 * The composition root: what an agent is made of, in the order of its start. The parts are handed to the
 * lifecycle, which stops them in the reverse order; the admin server goes last, so that metrics can be
 * scraped to the end.
 */
export function createAgent(config: AgentConfig, log: Log): Agent {
  const { topology, stamp } = config
  const homeOf = topology.controlPlanes.filter(({ home }) => home.stamp === stamp)
  // A home stamp is no target, whatever ring it stands in, and a second stream over Keptn's subjects would
  // keep Keptn from starting (wire 1.7).
  const place = homeOf.length > 0 ? undefined : topology.stamps.find(({ name }) => name === stamp)
  if (place === undefined && homeOf.length === 0) throw unknownStamp(stamp)

  const metrics = new Metrics()
  const gateway = natsSide('gateway', config.gateway, config, log, metrics)
  const keptn = natsSide('keptn', config.keptn, config, log, metrics)
  const gatewayPublisher = new Publisher(gateway)
  const keptnPublisher = new Publisher(keptn)
  gateway.onDisconnect(() => {
    gatewayPublisher.connectionLost()
  })
  keptn.onDisconnect(() => {
    keptnPublisher.connectionLost()
  })
  const messages = new CoreMessages(gateway)
  const keptnStore = new Store(keptn)
  const { dedupeWindowMs } = config
  const wayIn = new WayIn({
    store: keptnStore,
    publisher: keptnPublisher,
    dedupeWindowMs,
    // Keptn itself does not run without JetStream; a stamp may.
    ...(homeOf.length > 0 ? {} : { withoutJetStream: new CoreMessages(keptn) }),
  })
  const deadLetters = (controlPlane: string): DeadLetters =>
    new DeadLetters({
      scope: { federation: topology.federation, controlPlane },
      stamp,
      publisher: gatewayPublisher,
      maxPayloadBytes: () => gateway.maxPayloadBytes,
      log,
      metrics,
    })
  const shared = {
    ...config,
    keptnStore,
    publisher: gatewayPublisher,
    wayIn,
    messages,
    log,
    metrics,
  }

  const reconciler = new WayInReconciler({
    side: keptn,
    store: keptnStore,
    publisher: keptnPublisher,
    said: homeOf.length > 0 ? KEPTN_STREAM : LOCAL_STREAM,
    isDurable: () => wayIn.isDurable,
    log,
    metrics,
  })
  const hubs = homeOf.map((plane) => createHub(plane))
  const stampParts = place === undefined ? undefined : createStamp(place)
  const watched = [...hubs, ...(stampParts === undefined ? [] : [stampParts.role])]
  const reasons = (): readonly string[] => [
    ...(lifecycle.state === 'draining' ? ['the agent drains'] : []),
    ...sideReason('gateway', gateway),
    ...sideReason('Keptn', keptn),
    ...watched.flatMap((part) =>
      part.notReady === undefined ? [] : [`${part.name}: ${part.notReady}`],
    ),
  ]
  const admin = new AdminServer({
    ...config.admin,
    log,
    reasons,
    warnings: () =>
      [stampParts?.role].flatMap((role) =>
        role?.warning === undefined ? [] : [`${role.name}: ${role.warning}`],
      ),
    status: () => {
      const sources = { config, homeOf, place, gateway, keptn, hubs, integrations: stampParts }
      return agentStatus({ ...sources, reasons: reasons() }, Date.now())
    },
    metrics: async () => {
      for (const part of watched) part.observe()
      const { registry } = metrics
      return { type: registry.contentType, text: await registry.metrics() }
    },
  })
  const parts: Part[] = [
    admin,
    sidePart(keptn, keptnPublisher),
    // Before the gateway: a stamp that is cut off still answers its integrations, or they would end.
    ...(stampParts?.localParts ?? []),
    sidePart(gateway, gatewayPublisher),
    probePart(gateway, keptn),
    // Before all that brings events in.
    reconciler,
    ...hubs,
    ...(stampParts?.linkParts ?? []),
  ]
  const lifecycle = new Lifecycle(parts, config.drainMs)
  return {
    start: () => lifecycle.start(),
    stop: () => lifecycle.stop(),
    reasons,
  }

  function createHub(controlPlane: ControlPlane): Hub {
    return new Hub({
      ...shared,
      control: new ControlListener(gateway),
      controlPlane,
      hubStore: new Store(gateway, controlPlane.storeDomain),
      deadLetters: deadLetters(controlPlane.name),
      offlineAfterMs: Math.max(LEAST_OFFLINE_MS, MISSED_PRESENCES * config.presenceIntervalMs),
      keptnMaxPayloadBytes: () => keptn.maxPayloadBytes,
    })
  }

  function createStamp(place: Stamp) {
    const registrations = new Registrations({
      keptnStore,
      // Never goes back, as the wall clock may: an integration would seem alive for so long.
      now: () => performance.timeOrigin + performance.now(),
      maxBytes: () => Math.min(gateway.maxPayloadBytes, keptn.maxPayloadBytes) / 2,
      log,
      metrics,
    })
    const gate = new InterestGate({ stamp: place, integrations: registrations, log, metrics })
    const role = new StampRole({
      ...shared,
      place: placeOf(place),
      hubStore: (domain) => new Store(gateway, domain),
      listen: () => new CoreSource(keptn, KEPTN_PATTERN),
      gate,
      registrations,
      deadLetters,
    })
    const presence = new PresencePart({
      topology,
      place: placeOf(place),
      messages,
      agentVersion: config.version,
      intervalMs: config.presenceIntervalMs,
      isKeptnConnected: () => keptn.state.connected,
      integrations: () => registrations.list(),
    })
    registrations.onChange((change) => {
      if (change === 'interest') presence.say()
    })
    const routes = { registrations, log, onLogs: countLogs(log, metrics) }
    const services = new UniformServer({
      ...routes,
      ...config.services,
      name: 'services server',
      key: 'services',
      setting: 'SIGNET_SERVICES_PORT',
      prefix: '',
    })
    const proxy = new UniformServer({
      ...routes,
      ...config.http,
      name: 'HTTP server',
      key: 'http',
      setting: 'SIGNET_HTTP_PORT',
      prefix: '/controlPlane',
    })
    // Pings are answered before the first event is handed over, and until the last one is.
    const localParts: Part[] = [registrations, services, proxy]
    const linkParts: Part[] = [role, presence]
    return { registrations, gate, role, localParts, linkParts }
  }
}

function placeOf({ geo, ring, name }: Stamp): Place {
  return { geo, ring, stamp: name }
}

/** The first of them say what is wrong; a sender that fails a thousand times an hour says it again. */
const LOGS_SHOWN = 10

function countLogs(log: Log, metrics: Metrics): (logs: readonly unknown[]) => void {
  return (logs) => {
    metrics.integrationLogs.inc(logs.length)
    log.debug({ logs: logs.slice(0, LOGS_SHOWN), all: logs.length }, 'An integration sent logs.')
  }
}

function natsSide(
  side: 'gateway' | 'keptn',
  address: NatsAddress,
  { stamp, version }: AgentConfig,
  log: Log,
  metrics: Metrics,
): NatsSide {
  metrics.linkUp.set({ link: side }, 0)
  return new NatsSide({
    side,
    address,
    clientName: `signet ${version} ${stamp}`,
    inboxPrefix: `_INBOX.${stamp}`,
    events: {
      connected: (server) => {
        metrics.linkUp.set({ link: side }, 1)
        log.info({ side, server }, 'Connected.')
      },
      disconnected: (reason) => {
        metrics.linkUp.set({ link: side }, 0)
        log.warn({ side, reason }, 'Not connected.')
      },
      error: (error) => {
        log.warn({ side, error: error.message }, 'The server reports an error.')
      },
    },
  })
}

function sidePart(side: NatsSide, publisher: Publisher): Part {
  return {
    name: `${side.name} NATS`,
    start: async (signal) => {
      await side.connect(signal)
      publisher.start()
    },
    stop: async () => {
      publisher.stop()
      await side.close()
    },
  }
}

function probePart(gateway: NatsSide, keptn: NatsSide): Part {
  return {
    name: 'probe for two accounts',
    start: (signal) => refuseOneAccount(gateway, keptn, signal),
    stop: () => Promise.resolve(),
  }
}

function sideReason(name: string, side: NatsSide): string[] {
  const { connected, reason } = side.state
  return connected ? [] : [`${name} NATS: ${reason ?? 'not connected'}`]
}

function unknownStamp(stamp: string): SignetError {
  return new SignetError(
    'SIGNET_CONFIG_INVALID',
    `The topology has no stamp "${stamp}". Set SIGNET_STAMP to a stamp of it, or to a home stamp.`,
    { details: { stamp } },
  )
}
