import type { Line } from '../view/line.ts'
import { widest } from '../view/line.ts'
import { demoNames } from './demo-plan.ts'
import type { Demo } from './demo-run.ts'
import type { Federation } from './federation.ts'

/** Where the parts of a demo that is kept running can be looked at. */
export interface DemoAddresses {
  readonly keptn: { readonly api: string; readonly events: string; readonly sequences: string }
  /** By stamp: the base of `/status`, `/metrics`, `/readyz` and `/livez`. */
  readonly agents: Readonly<Record<string, string>>
  /** By server. */
  readonly nats: Readonly<Record<string, { readonly clients: string; readonly monitor: string }>>
  readonly logs: string
  /** The environment in which `signet status`, `rollout`, `trace` and `stamp` ask this federation. */
  readonly commands: Readonly<Record<string, string>>
}

export async function addressesOf(
  { report, federation, keptn }: Demo,
  logs: string,
): Promise<DemoAddresses> {
  const agents = await Promise.all(
    federation.agents
      .filter((agent) => agent.isRunning)
      .map(async (agent) => [agent.stamp, await agent.url()] as const),
  )
  const servers = [...federation.supercluster.processes]
    .toSorted(([a], [b]) => a.localeCompare(b, 'en', { numeric: true }))
    .map(([name, { url, monitorUrl }]) => [name, { clients: url, monitor: monitorUrl }] as const)
  const api = `${keptn.url}/api`
  return {
    keptn: {
      api,
      events: `${api}/mongodb-datastore/event?keptnContext=${report.context}`,
      sequences: `${api}/controlPlane/v1/sequence/${demoNames.project}`,
    },
    agents: Object.fromEntries(agents),
    nats: Object.fromEntries(servers),
    logs,
    // From a stamp that is not home: the commands work from anywhere.
    commands: {
      SIGNET_NATS_URL: federation.supercluster.gatewayOf(stampOf(federation)).url,
      SIGNET_NATS_USER: 'fed',
      SIGNET_NATS_PASSWORD: 'fed',
      SIGNET_TOPOLOGY: federation.topologyDir,
    },
  }
}

function stampOf({ options }: Federation): string {
  return options.stamps[0]?.name ?? options.home.stamp
}

/** The addresses as lines for a person. */
export function drawAddresses({
  keptn,
  agents,
  nats,
  logs,
  commands,
}: DemoAddresses): readonly Line[] {
  const stamps = Object.entries(agents)
  const servers = Object.entries(nats)
  const width = widest(['NATS SERVER', ...Object.keys(agents), ...Object.keys(nats)])
  const clients = widest(servers.map(([, server]) => server.clients))
  const row = (name: string, ...rest: readonly string[]): Line => [
    ' ',
    ['name', name.padEnd(width)],
    `  ${rest.join('  ')}`,
  ]
  const head = (name: string, ...rest: readonly string[]): Line => [
    ['faint', ` ${name.padEnd(width)}  ${rest.join('  ')}`],
  ]
  return [
    [],
    [' ', ['strong', 'Everything keeps running until Ctrl-C.']],
    [],
    head('KEPTN'),
    row('events', keptn.events),
    row('sequences', keptn.sequences),
    [],
    head('AGENT', '/status  /metrics  /readyz  at'),
    ...stamps.map(([stamp, url]) => row(stamp, url)),
    [],
    head('NATS SERVER', 'for clients'.padEnd(clients), 'monitoring'),
    ...servers.map(([name, { clients: url, monitor }]) => row(name, url.padEnd(clients), monitor)),
    [],
    head('LOGS', logs),
    [],
    head('TO ASK THE HUB', 'signet status, rollout, trace and stamp, with'),
    ...Object.entries(commands).map(([name, value]): Line => [`   export ${name}=${value}`]),
  ]
}
