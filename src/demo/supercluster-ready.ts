import type { NatsProcess } from './nats-process.ts'

/** The servers whose links make a supercluster complete. */
export interface LinkedServers {
  /** By geo. */
  readonly gateways: ReadonlyMap<string, NatsProcess>
  readonly homeGeo: string
  readonly store: NatsProcess
}

/**
 * What a supercluster still lacks, in sentences; empty when it is complete: every pair of gateways is
 * connected both ways, the hub store hangs on the home gateway, and its JetStream is up.
 */
export async function missingLinks(servers: LinkedServers): Promise<string[]> {
  const { gateways, homeGeo, store } = servers
  const home = gateways.get(homeGeo)
  const missing = await Promise.all([
    ...[...gateways].map(([geo, gateway]) => missingGateways(geo, gateway, [...gateways.keys()])),
    ...(home === undefined ? [] : [missingLeaf(home)]),
    missingLeaf(store),
    missingHealth(store),
  ])
  return missing.flat()
}

async function missingGateways(
  geo: string,
  gateway: NatsProcess,
  geos: readonly string[],
): Promise<string[]> {
  const seen = await ask(gateway, '/gatewayz')
  const others = geos.filter((other) => other !== geo)
  return [
    ...others
      .filter((other) => !has(seen, 'outbound_gateways', other))
      .map((other) => `${gateway.name} has no link to ${other}`),
    ...others
      .filter((other) => !has(seen, 'inbound_gateways', other))
      .map((other) => `${gateway.name} has no link from ${other}`),
  ]
}

async function missingLeaf(server: NatsProcess): Promise<string[]> {
  const { leafnodes } = await ask(server, '/leafz')
  return Number(leafnodes) > 0 ? [] : [`${server.name} has no leaf link`]
}

async function missingHealth(server: NatsProcess): Promise<string[]> {
  const { status } = await ask(server, '/healthz')
  return status === 'ok' ? [] : [`${server.name} is not healthy`]
}

function has(answer: Readonly<Record<string, unknown>>, key: string, name: string): boolean {
  const links = answer[key]
  return isRecord(links) && links[name] !== undefined
}

async function ask(server: NatsProcess, path: string): Promise<Readonly<Record<string, unknown>>> {
  try {
    const answer = await server.monitor(path)
    return isRecord(answer) ? answer : {}
  } catch {
    // A server that does not answer has none of what is asked for; the report says which it is.
    return {}
  }
}

function isRecord(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null
}
