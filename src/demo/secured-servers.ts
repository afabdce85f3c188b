import { loadTopology } from '../config/topology-load.ts'
import { federationAccess } from '../domain/nats-access/accounts.ts'
import { accountsText, variables } from '../domain/nats-access/config-text.ts'
import type { SecuredServers } from './supercluster-plan.ts'
import { storeName } from './supercluster-plan.ts'

// On loopback, with passwords that say no more than whose they are: what is tried is the permissions.

/** The password of a user, or what stands in its variable. */
function password(variable: string): string {
  return `secret-of-${variable}`
}

/** The password of a user by name. */
export function passwordOf(user: string): string {
  return password(`NATS_PASSWORD_${user.toUpperCase().replaceAll('-', '_')}`)
}

/** The servers of a topology with exactly the accounts that `signet topology nats-config` makes. */
export async function securedServers(topologyDir: string): Promise<SecuredServers> {
  const { topology } = await loadTopology(topologyDir)
  const accounts = new Map<string, string>()
  for (const access of federationAccess(topology)) {
    const values = variables(access, 'password').map((name) => `${name}: "${password(name)}"`)
    // A federation on one machine has one hub store.
    const server = access.server.startsWith('store-') ? storeName : access.server
    accounts.set(server, [...values, accountsText(access, 'password')].join('\n'))
  }
  return { accounts, leafUser: { user: 'store-main', pass: passwordOf('store-main') } }
}

/** Who the agent of a stamp is on both of its sides. */
export function securedEnvironment(stamp: string, home: string): Record<string, string> {
  const gateway = stamp === home ? 'hub-main' : `stamp-${stamp}`
  const keptn = `agent-${stamp}`
  return {
    SIGNET_NATS_USER: gateway,
    SIGNET_NATS_PASSWORD: passwordOf(gateway),
    KEPTN_NATS_USER: keptn,
    KEPTN_NATS_PASSWORD: passwordOf(keptn),
  }
}
