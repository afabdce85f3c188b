import { describeSettings } from '../config/settings-describe.ts'
import type { DistributorSettings } from '../config/settings-distributor.ts'
import { loadDistributorSettings } from '../config/settings-load.ts'
import type { Environment } from '../config/settings-source.ts'
import type { DistributorConfig } from '../distributor/create-distributor.ts'
import { createDistributor } from '../distributor/create-distributor.ts'
import { createLog } from '../observe/log.ts'
import { apiConfig } from './api-config.ts'
import { runToEnd } from './run-to-end.ts'

export interface DistributorCommand {
  readonly environment: Environment
  readonly version: string
  /** Aborted by the first signal: it drains. */
  readonly stopped: AbortSignal
}

/**
 * `signet distributor`: takes the place of Keptn's distributor, with the same environment and nothing else,
 * until it is told to stop. Resolves with the exit code.
 */
export async function runDistributor({
  environment,
  version,
  stopped,
}: DistributorCommand): Promise<number> {
  const { settings, warnings } = loadDistributorSettings(environment)
  const log = createLog(settings.agent.logLevel, {})
  for (const warning of warnings) log.warn({}, warning)
  log.info({ version, settings: describeSettings(settings) }, 'The distributor starts.')
  return runToEnd(createDistributor(distributorConfig(settings, version), log), stopped, log)
}

/** The configuration that settings mean. */
export function distributorConfig(
  settings: DistributorSettings,
  version: string,
): DistributorConfig {
  const { api, distributor, keptn, agent } = settings
  return {
    version,
    plan: {
      ...distributor,
      endpoint: api.endpoint,
      filter: {
        projects: distributor.projectFilter,
        stages: distributor.stageFilter,
        services: distributor.serviceFilter,
      },
    },
    nats: { servers: keptn.urls, auth: keptn.auth },
    queueGroup: distributor.queueGroup,
    api: apiConfig(api),
    services: agent.keptnServices,
    recipient: {
      host: distributor.recipient,
      port: distributor.recipientPort,
      path: distributor.recipientPath,
    },
    // As Keptn's, which only the containers of its own pod reach.
    server: { host: settings.listenHost ?? '127.0.0.1', port: agent.httpPort },
    paths: distributor,
    maxPayloadBytes: distributor.maxPayloadBytes,
    pollingMs: api.pollingIntervalMs,
    heartbeatMs: distributor.heartbeatIntervalMs,
    maxHeartbeats: distributor.maxHeartbeatRetries,
    registrationMs: distributor.registrationIntervalMs,
    maxRegistrations: distributor.maxRegistrationRetries,
    drainMs: agent.drainMs,
  }
}
