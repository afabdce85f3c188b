import { apiPrefix } from '../store-names.ts'
import { subjectMatches } from '../subject.ts'
import type { Account, ServerAccess, User } from './accounts.ts'
import { FEDERATION_ACCOUNT } from './accounts.ts'
import type { Say } from './rights.ts'

/**
 * Several servers of a federation as the one that they are in a small installation, under the name of the first. A
 * link between two of them is none any more, and neither is its user. Undefined where they cannot be one: a server has
 * one kind of clients without credentials, and no stamp is a leaf node of itself.
 */
export function together(servers: readonly ServerAccess[]): ServerAccess | undefined {
  const [first] = servers
  const open = servers.flatMap(({ noAuthUser }) => noAuthUser ?? [])
  const links = servers.flatMap(({ leaf }) => leaf ?? [])
  if (links.some(({ account }) => account !== FEDERATION_ACCOUNT)) return undefined
  if (first === undefined || open.length > 1) return undefined
  const accounts = new Map<string, Account>()
  for (const account of servers.flatMap((server) => server.accounts)) {
    const known = accounts.get(account.name)
    accounts.set(account.name, known === undefined ? account : joined(known, account))
  }
  const [noAuthUser] = open
  const gone = links.map(({ user }) => user)
  const domains = servers.flatMap(({ domain }) => domain ?? [])
  return {
    server: first.server,
    about: servers.map(({ about }) => about).join(', '),
    accounts: [...accounts.values()].map((account) =>
      withDomains(withoutUsers(account, gone), domains),
    ),
    ...(noAuthUser === undefined ? {} : { noAuthUser }),
  }
}

function joined(one: Account, other: Account): Account {
  const users = new Map<string, User>([...one.users, ...other.users].map((it) => [it.name, it]))
  return { ...one, jetstream: one.jetstream || other.jetstream, users: [...users.values()] }
}

function withoutUsers(account: Account, names: readonly string[]): Account {
  return { ...account, users: account.users.filter(({ name }) => !names.includes(name)) }
}

/**
 * JetStream of the server itself under the names of the domains that it stands for. Such a server has no domain of its own: it
 * would take it out of what clients of _every_ account say, also where that is to be imported.
 */
function withDomains(account: Account, domains: readonly string[]): Account {
  if (account.name !== FEDERATION_ACCOUNT || domains.length === 0) return account
  const mappings = domains.flatMap((domain) =>
    API_PARTS.map(({ part, to }) => ({ from: `${apiPrefix(domain)}.${part}`, to })),
  )
  const mapped = (say: Say): readonly Say[] => {
    const part = mappings.find(({ from }) => subjectMatches(from, say.subject))
    if (part === undefined) return []
    const [from, to] = [withoutTail(part.from), withoutTail(part.to)]
    return [{ ...say, subject: to + say.subject.slice(from.length) }]
  }
  return {
    ...account,
    mappings: Object.fromEntries(mappings.map(({ from, to }) => [from, to])),
    // Rights are asked for what the server takes a subject for.
    users: account.users.map(({ rights, ...user }) => ({
      ...user,
      ...(rights && {
        rights: { ...rights, says: rights.says.flatMap((it) => [it, ...mapped(it)]) },
      }),
    })),
  }
}

/**
 * The JetStream API in parts that do not overlap: of two patterns that match, nats-server takes either. Keys of buckets
 * are subjects of their own.
 */
const API_PARTS = [
  { part: '$KV.>', to: '$KV.>' },
  ...['INFO', 'STREAM.>', 'CONSUMER.>', 'DIRECT.>'].map((part) => ({
    part,
    to: `${apiPrefix()}.${part}`,
  })),
]

function withoutTail(pattern: string): string {
  return pattern.endsWith('>') ? pattern.slice(0, -1) : pattern
}
