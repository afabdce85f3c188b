import { passwordOf } from '../../src/demo/secured-servers.ts'
import type { DeployedPlan } from './deployed.ts'

// What the environment of the servers in deploy/nats says, for servers on this machine.

/** As nats-server reads a list from its environment. */
export const list = (urls: readonly string[]): string => JSON.stringify(urls)

/** Gateway servers, each of which knows all others, and where they take leaf links. */
export function gateways(
  port: () => string,
  servers: readonly { readonly name: string; readonly geo: string }[],
) {
  const links = new Map(
    servers.map(({ name }) => [name, { gateway: port(), leafs: port(), cluster: port() }]),
  )
  const of = (name: string) => links.get(name) ?? { gateway: '', leafs: '', cluster: '' }
  const geos = [...new Set(servers.map(({ geo }) => geo))].map((geo) => ({
    name: geo,
    urls: servers.filter((it) => it.geo === geo).map(({ name }) => `nats://${of(name).gateway}`),
  }))
  const plans: DeployedPlan[] = servers.map(({ name, geo }) => ({
    name,
    file: 'gateway.conf',
    accounts: `gateway-${geo}`,
    environment: {
      NATS_GEO: geo,
      NATS_CLIENTS: port(),
      NATS_MONITOR: port(),
      NATS_GATEWAY: of(name).gateway,
      NATS_GATEWAY_ADVERTISE: of(name).gateway,
      NATS_GATEWAYS: JSON.stringify(geos),
      NATS_LEAFS: of(name).leafs,
      NATS_LEAFS_ADVERTISE: of(name).leafs,
      NATS_CLUSTER: of(name).cluster,
      NATS_ROUTES: list(
        servers
          .filter((it) => it.geo === geo && it.name !== name)
          .map((it) => `nats://${of(it.name).cluster}`),
      ),
    },
  }))
  const leafUrl = (name: string, user: string): string =>
    list([`tls://${user}:${passwordOf(user)}@${of(name).leafs}`])
  return { plans, leafUrl }
}

/** The Keptn NATS of a stamp, alone. */
export const keptnPlan = (port: () => string, stamp: string): DeployedPlan => ({
  name: `keptn-${stamp}`,
  file: 'keptn.conf',
  accounts: `keptn-${stamp}`,
  environment: { NATS_CLIENTS: port(), NATS_MONITOR: port() },
})

/** The server of a stamp that is a leaf node. */
export const leafPlan = (port: () => string, stamp: string, urls: string): DeployedPlan => ({
  name: stamp,
  file: 'stamp.conf',
  accounts: `keptn-${stamp}`,
  environment: {
    NATS_CLIENTS: port(),
    NATS_MONITOR: port(),
    NATS_DOMAIN: stamp,
    NATS_LEAF_URLS: urls,
    NATS_LEAF_ACCOUNT: 'GATEWAY',
    NATS_LEAF_CREDS: '',
  },
})

/** A hub store: of one server, or of several that are a cluster. */
export function storePlans(
  port: () => string,
  names: readonly string[],
  urls: string,
): DeployedPlan[] {
  const routes = names.map(() => port())
  return names.map((name, index) => ({
    name,
    file: names.length === 1 ? 'store.conf' : 'store-cluster.conf',
    accounts: 'store-main',
    environment: {
      NATS_CLIENTS: port(),
      NATS_MONITOR: port(),
      NATS_DOMAIN: 'hub',
      NATS_LEAF_URLS: urls,
      NATS_LEAF_ACCOUNT: 'FED',
      NATS_LEAF_CREDS: '',
      NATS_CLUSTER: routes[index] ?? '',
      NATS_ROUTES: list(routes.map((route) => `nats://${route}`)),
    },
  }))
}
