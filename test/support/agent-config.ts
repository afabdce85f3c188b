import { randomUUID } from 'node:crypto'
import type { AgentConfig } from '../../src/agent.ts'
import { tunnelConfig } from './tunnel-config.ts'

/** An agent in this process: who it is, and where its two sides are; the rest is as tests want it. */
export function agentConfig(
  of: Pick<AgentConfig, 'topology' | 'stamp' | 'gateway' | 'keptn'>,
): AgentConfig {
  const anyPort = { host: '127.0.0.1', port: 0 }
  return {
    ...of,
    version: '0.0.0',
    agent: randomUUID(),
    admin: anyPort,
    services: anyPort,
    http: anyPort,
    inFlight: 64,
    drainMs: 5_000,
    dedupeWindowMs: 86_400_000,
    retentionMs: 604_800_000,
    presenceIntervalMs: 500,
    replicas: 1,
    tunnel: tunnelConfig(),
  }
}
