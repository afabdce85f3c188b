import { hostname } from 'node:os'
import { setFlagsFromString } from 'node:v8'
import type { AgentConfig } from '../agent.ts'
import { createAgent } from '../agent.ts'
import type { TunnelConfig } from '../agent-tunnel.ts'
import { describeSettings } from '../config/settings-describe.ts'
import { readConfiguration } from '../config/configuration.ts'
import { validSettings } from '../config/settings-load.ts'
import type { Environment, Flags } from '../config/settings-source.ts'
import { stampInTopology } from '../config/settings-stamp.ts'
import type { Settings } from '../config/settings.ts'
import { formatMistake } from '../config/mistake.ts'
import { parseTopologyFiles, validTopology } from '../config/topology-load.ts'
import type { Topology } from '../domain/topology.ts'
import { SignetError } from '../errors.ts'
import type { Log } from '../observe/log.ts'
import { createLog } from '../observe/log.ts'
import type { Tracing } from '../observe/tracing.ts'
import { apiConfig } from './api-config.ts'
import { runToEnd } from './run-to-end.ts'
import type { ServiceWay } from '../tunnel/service-caller.ts'
import { Reloader } from './reload.ts'

/**
 * How much the old part of the heap may grow, in percent of what lived after a full collection, before the
 * next. V8 would wait for 170 % and more: events live as long as their round trip, so many of them are old
 * by V8's measure when they are let go, and an agent whose 25 MB live kept 70. With 40 % a collection finds
 * less, more often, at no cost that could be measured.
 */
const HEAP_GROWING_PERCENT = 40

export interface AgentCommand {
  readonly environment: Environment
  readonly flags: Flags
  readonly version: string
  /** Aborted by the first signal: the agent drains. */
  readonly stopped: AbortSignal
  /** Calls back on every SIGHUP: the agent looks at its files. */
  readonly onHangUp: (listener: () => void) => void
}

/**
 * `signet agent`: runs until it is told to stop. Resolves with the exit code: 0 after a clean drain, 3 when
 * the drain was overdue. Throws what kept it from starting.
 */
export async function runAgent(command: AgentCommand): Promise<number> {
  setFlagsFromString(`--heap-growing-percent=${HEAP_GROWING_PERCENT}`)
  const { environment, flags } = command
  let reloader: Reloader | undefined
  // Heard from the first moment on: unheard, it would end the process.
  command.onHangUp(() => reloader?.ask())
  const files = await readConfiguration(environment, flags)
  const { settings, warnings } = validSettings(files.settings)
  const { topology, warnings: doubts } = validTopology(
    settings.topologyDir,
    parseTopologyFiles(files.topology),
  )
  const found = stampInTopology(topology, settings)
  if (!found.ok) throw new SignetError('SIGNET_CONFIG_INVALID', found.message)
  const log = createLog(settings.logLevel, { stamp: settings.stamp })
  for (const warning of warnings) log.warn({}, warning)
  if (found.doubt !== undefined) log.warn({}, found.doubt)
  if (found.homeOf.length > 0 && settings.integrations.length > 0)
    log.warn(
      {},
      'Integrations of a home stamp are Keptn’s own: those of the settings are left out.',
    )
  for (const doubt of doubts) log.warn({}, formatMistake(doubt))
  log.info({ version: command.version, settings: describeSettings(settings) }, 'Signet starts.')
  const config = agentConfig(settings, topology, command.version)
  const tracing = await tracingOf(settings, config, log)
  const agent = createAgent({ ...config, ...(tracing && { tracing }) }, log)
  reloader = new Reloader({ environment, flags, files, settings, topology, agent, log })
  reloader.start()
  try {
    const stop = async (): Promise<void> => {
      // First, so that no part is changed while it stops.
      await reloader?.stop()
      await agent.stop()
    }
    return await runToEnd({ start: () => agent.start(), stop }, command.stopped, log)
  } finally {
    await reloader.stop()
  }
}

/** The packages behind it are loaded only where traces are wanted: they take a quarter of a second and 15 MB. */
async function tracingOf(
  { otlpEndpoint: endpoint }: Settings,
  { version, stamp, agent }: AgentConfig,
  log: Log,
): Promise<Tracing | undefined> {
  if (endpoint === undefined) return undefined
  const { otlpTracing } = await import('../observe/otlp-tracing.ts')
  return otlpTracing({ endpoint, version, stamp, agent, log })
}

function agentConfig(settings: Settings, topology: Topology, version: string): AgentConfig {
  const { stamp, gateway, keptn, listenHost, adminPort, storeReplicas } = settings
  return {
    version,
    topology,
    stamp,
    ...joiningAt(settings),
    integrations: settings.integrations,
    agent: agentId(settings.distributor.podName),
    gateway: { servers: gateway.urls, auth: gateway.auth },
    keptn: { servers: keptn.urls, auth: keptn.auth },
    ...keptnApi(settings),
    admin: { host: listenHost, port: adminPort },
    services: { host: listenHost, port: settings.servicesPort },
    http: { host: listenHost, port: settings.httpPort },
    inFlight: settings.inFlight,
    drainMs: settings.drainMs,
    dedupeWindowMs: settings.dedupeWindowMs,
    retentionMs: settings.retentionMs,
    presenceIntervalMs: settings.presenceIntervalMs,
    replicas: storeReplicas === undefined ? 'most' : storeReplicas,
    tunnel: tunnelConfig(settings),
  }
}

function keptnApi({ api, failoverAfterMs }: Settings): Pick<AgentConfig, 'api'> {
  const { endpoint, pollingIntervalMs: pollingMs } = api
  if (endpoint === undefined) return {}
  return { api: { ...apiConfig(api), endpoint, pollingMs, failoverAfterMs } }
}

function tunnelConfig(settings: Settings): TunnelConfig {
  const { api, distributor, keptnServices, tunnelExit } = settings
  const way: ServiceWay =
    tunnelExit === 'internal' || typeof api.endpoint !== 'string'
      ? { kind: 'internal', urls: keptnServices }
      : {
          kind: 'gateway',
          endpoint: api.endpoint,
          token: api.token,
          verifyTls: api.verifyTls,
        }
  return {
    answerMs: api.timeoutMs,
    mostBodyBytes: distributor.maxPayloadBytes,
    cacheBytes: settings.cacheMib * 1_048_576,
    proxyPath: distributor.proxyPath,
    eventPath: distributor.eventPath,
    way,
    rules: settings.tunnelAllow,
    limits: { mostCalls: settings.tunnelCalls, mostBytes: settings.tunnelBytes },
  }
}

/** Where it stands if no ring file lists it. */
function joiningAt({ geo, ring }: Settings): Pick<AgentConfig, 'joinAt'> {
  return geo === undefined || ring === undefined ? {} : { joinAt: { geo, ring } }
}

/** A pod's name is its own for as long as it lives, also when its container is started again. */
function agentId(podName: string): string {
  const name = podName === '' ? `${hostname()}-${process.pid}` : podName
  return name.replaceAll(/[^\w-]/g, '-')
}
