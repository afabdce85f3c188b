import type { Stamp, Topology } from '../topology.ts'
import type { Plane } from './gateway-rights.ts'
import {
  hubRights,
  operatorRights,
  readerRights,
  stampRights,
  storeRights,
} from './gateway-rights.ts'
import { agentRights, homeAgentRights, integrationRights, keptnRights } from './keptn-rights.ts'
import type { Rights } from './rights.ts'
import { allRights } from './rights.ts'

/** The accounts of one server, or of the servers of one cluster. */
export interface ServerAccess {
  /** `gateway-<geo>`, `store-<control plane>`, `keptn-<stamp>`. */
  readonly server: string
  readonly about: string
  readonly accounts: readonly Account[]
  /** Whom a client is that has no credentials. */
  readonly noAuthUser?: string
  /** The account that its link to a gateway server as a leaf node is bound to, and who it is there. */
  readonly leaf?: { readonly account: string; readonly user: string }
  /** The JetStream domain that a hub store is. */
  readonly domain?: string
}

export interface Account {
  readonly name: string
  readonly jetstream: boolean
  readonly users: readonly User[]
  /** Whether its users reach the federation's account by imports of what they may say. */
  readonly imports: boolean
  /** Subjects that the server takes for others, before it looks at rights. */
  readonly mappings?: Readonly<Record<string, string>>
}

export interface User {
  readonly name: string
  readonly about: string
  /** Absent: it may do all that its account can. */
  readonly rights?: Rights
  /** Nobody has to show anything to be this user. */
  readonly open?: true
  /** A leaf link is this user. With nkeys it shows a password all the same: nats-server before 2.10 knows none for links. */
  readonly isLink?: true
}

/** The account that hub, hub store and, by imports, all others share. */
export const FEDERATION_ACCOUNT = 'FED'
/** The gateway side of a stamp on its own server, where that is a leaf node. */
const LEAF_ACCOUNT = 'GATEWAY'

/**
 * Who may connect where in a federation, and what they may do there. Each stamp is an account of its own: NATS
 * checks no reply subject, and whoever shares an account with a hub store can have it answer into its API
 * (docs/security.md). The servers of `leafStamps` are both sides of their stamp, leaf nodes of a gateway server.
 */
export function federationAccess(
  topology: Topology,
  leafStamps: readonly string[] = [],
): readonly ServerAccess[] {
  const planes = planesOf(topology)
  const homes = new Set(planes.map(({ home }) => home))
  const stamps = topology.stamps.filter(({ name }) => !homes.has(name))
  return [
    ...topology.geos.map(({ name }) => gatewayAccess(topology, name, stamps, leafStamps)),
    ...planes.map((plane) => storeAccess(plane)),
    ...planes.map(({ home }) => homeAccess(home)),
    ...stamps.map((stamp) => {
      const keptn = keptnAccess(stamp, planes)
      return leafStamps.includes(stamp.name) ? withGatewaySide(keptn, stamp, planes) : keptn
    }),
  ]
}

function gatewayAccess(
  topology: Topology,
  geo: string,
  stamps: readonly Stamp[],
  leafStamps: readonly string[],
): ServerAccess {
  const planes = planesOf(topology)
  const here = topology.controlPlanes.flatMap(({ home }, index) =>
    home.geo === geo ? [planes[index] as Plane] : [],
  )
  const federation: Account = {
    name: FEDERATION_ACCOUNT,
    jetstream: false,
    imports: false,
    users: here.flatMap((plane) => [
      {
        name: `hub-${plane.scope.controlPlane}`,
        about: `the agents of the home stamp ${plane.home}`,
        rights: hubRights(plane),
      },
      {
        name: storeUser(plane.scope.controlPlane),
        about: `the leaf link of the hub store of ${plane.scope.controlPlane}`,
        rights: storeRights(plane),
        isLink: true as const,
      },
    ]),
  }
  const own = stamps.filter((stamp) => stamp.geo === geo)
  return {
    server: `gateway-${geo}`,
    about: `the gateway servers of geo ${geo}`,
    accounts: [
      federation,
      ...own.map((stamp) => stampAccount(stamp, planes, leafStamps.includes(stamp.name))),
      people('READERS', 'reader', 'people who may look', planes, readerRights),
      people('OPERATORS', 'operator', 'people who may change something', planes, operatorRights),
      system,
    ],
  }
}

function stampAccount(stamp: Stamp, planes: readonly Plane[], isLink: boolean): Account {
  const user: User = { ...stampUser(stamp, planes), ...(isLink && { isLink }) }
  return { name: upper(user.name), jetstream: false, imports: true, users: [user] }
}

function stampUser({ name: stamp, geo }: Stamp, planes: readonly Plane[]): User {
  return {
    name: `stamp-${stamp}`,
    about: `the agents of stamp ${stamp}`,
    rights: allRights(...planes.map((plane) => stampRights(plane, { geo, stamp }))),
  }
}

/** The agents are there whom they would be at the gateway server, and so is the link. */
function withGatewaySide(
  keptn: ServerAccess,
  stamp: Stamp,
  planes: readonly Plane[],
): ServerAccess {
  const user = stampUser(stamp, planes)
  const side: Account = { name: LEAF_ACCOUNT, jetstream: false, imports: false, users: [user] }
  return {
    ...keptn,
    about: `the NATS of ${stamp.name}, both of its sides`,
    accounts: [...keptn.accounts.slice(0, -1), side, system],
    leaf: { account: LEAF_ACCOUNT, user: user.name },
  }
}

function people(
  account: string,
  user: string,
  about: string,
  planes: readonly Plane[],
  rights: (scope: Plane['scope']) => Rights,
): Account {
  return {
    name: account,
    jetstream: false,
    imports: true,
    users: [{ name: user, about, rights: allRights(...planes.map(({ scope }) => rights(scope))) }],
  }
}

/** The store is the federation's account, with JetStream: who administers it may do all there. */
function storeAccess({ scope, storeDomain: domain }: Plane): ServerAccess {
  const admin = { name: `admin-${scope.controlPlane}`, about: 'who administers the hub store' }
  return {
    server: `store-${scope.controlPlane}`,
    about: `the hub store of control plane ${scope.controlPlane}`,
    accounts: [
      { name: FEDERATION_ACCOUNT, jetstream: true, imports: false, users: [admin] },
      system,
    ],
    leaf: { account: FEDERATION_ACCOUNT, user: storeUser(scope.controlPlane) },
    domain,
  }
}

/** Whom the leaf link of a hub store is. */
function storeUser(controlPlane: string): string {
  return `store-${controlPlane}`
}

function keptnAccess({ name: stamp }: Stamp, planes: readonly Plane[]): ServerAccess {
  const scopes = planes.map(({ scope }) => scope)
  return keptnServer(stamp, agentRights(stamp, scopes), {
    name: 'keptn',
    about: 'integrations, without credentials',
    rights: integrationRights(stamp),
    open: true,
  })
}

function homeAccess(home: string): ServerAccess {
  return keptnServer(home, homeAgentRights(home), {
    name: 'keptn',
    about: 'Keptn and the integrations at home, without credentials',
    rights: keptnRights(home),
    open: true,
  })
}

function keptnServer(stamp: string, agent: Rights, keptn: User): ServerAccess {
  return {
    server: `keptn-${stamp}`,
    about: `the Keptn NATS of ${stamp}`,
    noAuthUser: keptn.name,
    accounts: [
      {
        name: 'KEPTN',
        jetstream: true,
        imports: false,
        users: [keptn, { name: `agent-${stamp}`, about: 'the agents', rights: agent }],
      },
      system,
    ],
  }
}

const system: Account = {
  name: 'SYS',
  jetstream: false,
  imports: false,
  users: [{ name: 'sys', about: 'who administers the server' }],
}

/** The control planes, in the order of the topology. */
export function planesOf({ federation, controlPlanes }: Topology): readonly Plane[] {
  return controlPlanes.map(({ name, storeDomain, home }) => ({
    scope: { federation, controlPlane: name },
    storeDomain,
    home: home.stamp,
  }))
}

/** As names of accounts and of variables are written. Names hold no underscore, so none can clash. */
export function upper(name: string): string {
  return name.toUpperCase().replaceAll('-', '_')
}
