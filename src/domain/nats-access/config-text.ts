import type { Account, ServerAccess, User } from './accounts.ts'
import { FEDERATION_ACCOUNT, upper } from './accounts.ts'
import type { Rights, Say } from './rights.ts'

/** How users show who they are: with a password, or with an nkey, whose public half the server is told. */
export type Credential = 'password' | 'nkey'

/**
 * The accounts of a server as nats-server reads them, to be included in its configuration. Secrets are
 * variables, which nats-server takes from its environment. The same access gives the same text. Public keys that are
 * known, by user, are written down, for they are no secret.
 */
export function accountsText(
  access: ServerAccess,
  credential: Credential,
  keys: ReadonlyMap<string, string> = new Map(),
): string {
  const { server, about, accounts, noAuthUser } = access
  return [
    `# ${server}: accounts and users of ${about}.`,
    '# Made by `signet topology nats-config`. Change the topology, not this file.',
    '# Its variables are taken from the environment of nats-server:',
    ...variables(access, credential, keys).map((name) => `#   ${name}`),
    '',
    ...keyLines(access, credential, keys),
    'accounts {',
    ...accounts.flatMap((account) => accountLines(account, accounts, credential)),
    '}',
    'system_account: SYS',
    ...(noAuthUser === undefined ? [] : [`no_auth_user: ${quoted(noAuthUser)}`]),
    '',
  ].join('\n')
}

/** The variables that a server's accounts need, in the order in which they stand there. */
export function variables(
  access: ServerAccess,
  credential: Credential,
  keys: ReadonlyMap<string, string> = new Map(),
): readonly string[] {
  return asked(access)
    .filter((user) => !hasKey(user, credential) || !keys.has(user.name))
    .map((user) => variableOf(user, credential))
}

/** The users of a server that show an nkey. */
export function keyedUsers(access: ServerAccess): readonly string[] {
  return asked(access)
    .filter((user) => hasKey(user, 'nkey'))
    .map(({ name }) => name)
}

/** Those that have to show something. */
function asked({ accounts }: ServerAccess): readonly User[] {
  return accounts.flatMap(({ users }) => users).filter(({ open }) => open !== true)
}

function hasKey({ open, isLink }: User, credential: Credential): boolean {
  return credential === 'nkey' && open !== true && isLink !== true
}

function keyLines(
  access: ServerAccess,
  credential: Credential,
  keys: ReadonlyMap<string, string>,
): readonly string[] {
  const lines = asked(access)
    .filter((user) => hasKey(user, credential) && keys.has(user.name))
    .map((user) => `${variableOf(user, credential)}: ${keys.get(user.name) ?? ''}`)
  return lines.length === 0 ? [] : [...lines, '']
}

/** The variable that holds what a user shows: `NATS_PASSWORD_STAMP_EU_1`. */
export function variableOf(user: User, credential: Credential): string {
  return `NATS_${hasKey(user, credential) ? 'NKEY' : 'PASSWORD'}_${upper(user.name)}`
}

function accountLines(
  account: Account,
  all: readonly Account[],
  credential: Credential,
): readonly string[] {
  const { name, jetstream, users, imports, mappings = {} } = account
  const exported = name === FEDERATION_ACCOUNT ? all.filter((one) => one.imports) : []
  return [
    `  ${name} {`,
    ...(jetstream ? ['    jetstream: enabled'] : []),
    ...mappingLines(mappings),
    '    users: [',
    ...users.flatMap((user) => userLines(user, credential)),
    '    ]',
    ...block('exports', exportLines(exported)),
    ...block('imports', imports ? importLines(account) : []),
    '  }',
  ]
}

function mappingLines(mappings: Readonly<Record<string, string>>): readonly string[] {
  const lines = Object.entries(mappings).map(([from, to]) => `      ${quoted(from)}: ${quoted(to)}`)
  return lines.length === 0 ? [] : ['    mappings {', ...lines, '    }']
}

function userLines(user: User, credential: Credential): readonly string[] {
  const { name, about, rights, open } = user
  const variable = `$${variableOf(user, credential)}`
  const shows = hasKey(user, credential)
    ? `nkey: ${variable}`
    : `user: ${quoted(name)}, password: ${open ? quoted(name) : variable}`
  return [
    `      # ${about}`,
    `      { ${shows}`,
    ...(rights === undefined ? [] : permissionLines(rights)),
    '      }',
  ]
}

function permissionLines({ says, hears, hearsNot = [] }: Rights): readonly string[] {
  return [
    '        permissions {',
    ...permission(
      'publish',
      says.map(({ subject }) => subject),
      [],
    ),
    ...permission(
      'subscribe',
      hears.map(({ subject }) => subject),
      hearsNot,
    ),
    '        }',
  ]
}

function permission(what: string, allow: readonly string[], deny: readonly string[]) {
  return [
    `          ${what} {`,
    '            allow: [',
    ...allow.map((subject) => `              ${quoted(subject)}`),
    '            ]',
    ...(deny.length === 0 ? [] : [`            deny: [${deny.map(quoted).join(', ')}]`]),
    '          }',
  ]
}

/** What the federation's account lets others ask: each subject once, with those who may. */
function exportLines(accounts: readonly Account[]): readonly string[] {
  const exported = new Map<string, { answers: Say['answers']; names: string[] }>()
  for (const { name, users } of accounts)
    for (const { subject, answers } of says(users)) {
      const entry = exported.get(subject) ?? { answers, names: [] }
      entry.names.push(name)
      exported.set(subject, entry)
    }
  return [...exported].map(([subject, { answers, names }]) => {
    const type = answers === 'many' ? 'response_type: "stream", ' : ''
    return `      { service: ${quoted(subject)}, ${type}accounts: [${names.join(', ')}] }`
  })
}

function importLines({ users }: Account): readonly string[] {
  return says(users).map(
    ({ subject }) =>
      `      { service: { account: ${FEDERATION_ACCOUNT}, subject: ${quoted(subject)} } }`,
  )
}

function says(users: readonly User[]) {
  return users.flatMap(({ rights }) => rights?.says ?? [])
}

function block(name: string, lines: readonly string[]): readonly string[] {
  return lines.length === 0 ? [] : [`    ${name}: [`, ...lines, '    ]']
}

/** Subjects hold `$`, which nats-server reads as a variable outside of quotes. */
function quoted(text: string): string {
  return JSON.stringify(text)
}
