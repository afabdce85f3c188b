import { SignetError } from '../errors.ts'
import { type Listener, gatewayConfig, keptnConfig, storeConfig } from './nats-config.ts'

/** The federation whose servers are to be started. */
export interface SuperclusterOptions {
  /** The nats-server to run. */
  readonly binary: string
  /** Each gets a gateway server. */
  readonly geos: readonly string[]
  /** Where the control plane runs. Its geo gets the hub store. */
  readonly home: { readonly geo: string; readonly stamp: string }
  /** Each gets a Keptn NATS, and so does the home stamp, whether it is listed or not. */
  readonly stamps: readonly PlacedStamp[]
  /** The JetStream domain of the hub store. Default: `hub`. */
  readonly storeDomain?: string
  /** Where the servers keep their files, which then stay. Default: a temporary folder that goes. */
  readonly dir?: string
  /** In bytes, the same on every server. Default: 1 MiB, as nats-server has it. */
  readonly maxPayload?: number
  /** Whether links between servers go through proxies, so that they can be cut. Default: false. */
  readonly proxied?: boolean
  /** Accounts of each server by its name, instead of one that everybody shares. */
  readonly secured?: SecuredServers
}

/** What keeps the users of a supercluster apart. */
export interface SecuredServers {
  /** The part of a server's configuration about accounts, by the server's name. */
  readonly accounts: ReadonlyMap<string, string>
  /** Whom the hub store's leaf link is. */
  readonly leafUser: { readonly user: string; readonly pass: string }
}

interface PlacedStamp {
  readonly name: string
  readonly geo: string
}

/** Ports of 127.0.0.1 that a gateway server's links come in at. */
export interface LinkPorts {
  readonly gateway: number
  readonly leaf: number
}

/** Names of the servers: as processes, as folders, and in messages. */
export const storeName = 'store'
export const gatewayName = (geo: string): string => `gateway-${geo}`
export const keptnName = (stamp: string): string => `keptn-${stamp}`

const nameGrammar = /^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$/

/** The geo of each stamp, the home stamp among them. SIGNET_CONFIG_INVALID for a plan that cannot be. */
export function placeStamps(options: SuperclusterOptions): ReadonlyMap<string, string> {
  const { geos, home, stamps } = options
  const places = new Map([[home.stamp, home.geo]])
  for (const { name, geo } of stamps) {
    if ((places.get(name) ?? geo) !== geo) throw invalid(`stamp ${name} is in two geos`)
    places.set(name, geo)
  }
  for (const [stamp, geo] of places) {
    if (!geos.includes(geo)) throw invalid(`stamp ${stamp} is in ${geo}, which is not a geo`)
  }
  for (const name of [...geos, ...places.keys()]) {
    if (!nameGrammar.test(name)) throw invalid(`"${name}" is not a name`)
  }
  return places
}

/**
 * The configuration of each server by its name. `actual` is where the gateway servers listen and
 * `told` where others are to find them, by geo: the two differ where a proxy stands between.
 */
export function planServers(
  options: SuperclusterOptions,
  actual: ReadonlyMap<string, LinkPorts>,
  told: ReadonlyMap<string, LinkPorts>,
): ReadonlyMap<string, string> {
  const { home, storeDomain: domain = 'hub', maxPayload = 1024 * 1024, secured } = options
  const gateways = new Map([...told].map(([geo, { gateway }]) => [geo, local(gateway)]))
  const servers = new Map<string, string>()
  for (const [geo, listens] of actual) {
    const advertised = told.get(geo) ?? listens
    const gateway = listener(listens.gateway, advertised.gateway)
    const leaf = listener(listens.leaf, advertised.leaf)
    const name = gatewayName(geo)
    const accounts = secured?.accounts.get(name)
    const config = { geo, maxPayload, gateway, leaf, gateways }
    servers.set(name, gatewayConfig({ ...config, ...(accounts !== undefined && { accounts }) }))
    if (geo === home.geo) {
      const store = { domain, maxPayload, leaf: leaf.advertise }
      const own = secured && {
        accounts: secured.accounts.get(storeName) ?? '',
        leafUser: secured.leafUser,
      }
      servers.set(storeName, storeConfig({ ...store, ...(own && { secured: own }) }))
    }
  }
  for (const stamp of placeStamps(options).keys()) {
    const name = keptnName(stamp)
    servers.set(name, keptnConfig(stamp, maxPayload, secured?.accounts.get(name)))
  }
  return servers
}

function listener(listen: number, advertise: number): Listener {
  return { listen: local(listen), advertise: local(advertise) }
}

function local(port: number): string {
  return `127.0.0.1:${port}`
}

function invalid(why: string): SignetError {
  return new SignetError('SIGNET_CONFIG_INVALID', `This supercluster cannot be started: ${why}.`)
}
