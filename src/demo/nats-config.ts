// The configurations of a federation's servers, as texts; addresses for clients, monitoring and the
// store are added where the servers are started (nats-process.ts).

/** Who may connect to the federation's account; for loopback, where nothing is to be protected. */
export const federationUser = { user: 'fed', pass: 'fed' }

/** What is said of accounts instead of the one that everybody shares: a whole part of a configuration. */
type Accounts = string

/** An address as `host:port`. */
type Address = string

export interface GatewayConfig {
  /** The geo, which is also the name of its NATS cluster. */
  readonly geo: string
  readonly maxPayload: number
  /** Where it listens for other gateways, and for leaf nodes. */
  readonly gateway: Listener
  readonly leaf: Listener
  /** Where the gateways of the federation are to be found, itself included, by geo. */
  readonly gateways: ReadonlyMap<string, Address>
  readonly accounts?: Accounts
}

export interface Listener {
  readonly listen: Address
  /** The address that others are told to come to: with a proxy in front, the proxy's. */
  readonly advertise: Address
}

export interface StoreConfig {
  readonly domain: string
  readonly maxPayload: number
  /** The leaf address of the home geo's gateway server. */
  readonly leaf: Address
  /** Accounts, and whom the leaf link is then. */
  readonly secured?: { readonly accounts: Accounts; readonly leafUser: typeof federationUser }
}

/** A server of the supercluster: core only, since JetStream over gateways is one meta group (nats-notes 1.2). */
export function gatewayConfig(config: GatewayConfig): string {
  const { geo, gateway, leaf } = config
  const remotes = [...config.gateways].map(
    ([name, address]) => `    { name: ${quoted(name)}, urls: [${quoted(`nats://${address}`)}] }`,
  )
  return lines(
    `server_name: ${quoted(`gateway-${geo}`)}`,
    common(config.maxPayload),
    config.accounts ?? federationAccounts(''),
    'gateway {',
    `  name: ${quoted(geo)}`,
    listener(gateway),
    '  gateways: [',
    ...remotes,
    '  ]',
    '}',
    'leafnodes {',
    listener(leaf),
    '}',
  )
}

/** The hub store: a JetStream domain of its own on a leaf node of the home gateway (DESIGN 3). */
export function storeConfig({ domain, maxPayload, leaf, secured }: StoreConfig): string {
  const { user, pass } = secured?.leafUser ?? federationUser
  return lines(
    'server_name: "store"',
    common(maxPayload),
    `jetstream { domain: ${quoted(domain)} }`,
    secured?.accounts ?? federationAccounts('jetstream: enabled, '),
    'leafnodes {',
    `  remotes: [{ urls: [${quoted(`nats-leaf://${user}:${pass}@${leaf}`)}], account: FED }]`,
    '}',
  )
}

/** The Keptn NATS of a stamp, as Keptn's chart brings it: alone, with JetStream, open to everybody (wire 1.7). */
export function keptnConfig(stamp: string, maxPayload: number, accounts: Accounts = ''): string {
  const name = `server_name: ${quoted(`keptn-${stamp}`)}`
  return lines(name, common(maxPayload), accounts, 'jetstream: enabled')
}

function common(maxPayload: number): string {
  // By default a leaf link needs six minutes to notice that nothing comes any more (nats-notes 1.6).
  return lines(`max_payload: ${maxPayload}`, 'ping_interval: "10s"', 'ping_max: 2')
}

function federationAccounts(jetstream: string): string {
  const { user, pass } = federationUser
  // Gateways with leaf nodes want a system account by name (nats-notes 1.1).
  return lines(
    'accounts {',
    `  FED { ${jetstream}users: [{ user: ${user}, password: ${pass} }] }`,
    '  SYS { users: [{ user: sys, password: sys }] }',
    '}',
    'system_account: SYS',
    `no_auth_user: ${user}`,
  )
}

function listener({ listen, advertise }: Listener): string {
  return lines(`  listen: ${quoted(listen)}`, `  advertise: ${quoted(advertise)}`)
}

function quoted(text: string): string {
  return JSON.stringify(text)
}

function lines(...parts: readonly string[]): string {
  return parts.join('\n')
}
