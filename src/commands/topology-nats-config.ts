import { mkdir, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { readTopology } from '../config/topology-load.ts'
import { judgePlace, joinedStamp } from '../domain/join.ts'
import type { ServerAccess } from '../domain/nats-access/accounts.ts'
import { federationAccess } from '../domain/nats-access/accounts.ts'
import type { Credential } from '../domain/nats-access/config-text.ts'
import { accountsText, keyedUsers, variables } from '../domain/nats-access/config-text.ts'
import { together } from '../domain/nats-access/together.ts'
import { userSection } from '../domain/nats-access/rights-table.ts'
import { isName } from '../domain/name.ts'
import type { Stamp, Topology } from '../domain/topology.ts'
import { SignetError } from '../errors.ts'
import { seededUsers } from '../links/nkey-seeds.ts'
import type { TopologyCommand } from './topology-output.ts'
import { EXIT_OK, refuseTopology, writeJson } from './topology-output.ts'

export interface NatsConfigCommand extends TopologyCommand {
  /** Only the servers that this stamp connects to. */
  readonly stamp?: string
  /** Stamps that join by themselves, as `<geo>/<name>`: they stand in no ring file. */
  readonly joined: readonly string[]
  /** Stamps whose server is both of their sides, a leaf node of a gateway server. */
  readonly leaf: readonly string[]
  /** Servers that are one: names with commas between them. */
  readonly together: readonly string[]
  readonly credential: Credential
  readonly format: 'conf' | 'table'
  /** A folder to write a file for each server to, instead of stdout. */
  readonly out?: string
  /** Whether files there that say something else are replaced. */
  readonly force: boolean
  /** A folder for the seeds of nkeys: those that are missing are made. */
  readonly keys?: string
  /** Users that get another key. */
  readonly renew: readonly string[]
}

/**
 * `signet topology nats-config`: accounts, users and least permissions for the servers of a federation. Never
 * a secret on stdout: those are variables, or seeds in files of their own. Exit code 2 where the topology has mistakes, or no such stamp.
 */
export async function runTopologyNatsConfig(command: NatsConfigCommand): Promise<number> {
  const parsed = await readTopology(command.dir)
  if (!parsed.ok) return refuseTopology(command, parsed.mistakes, parsed.warnings)
  const topology = withStamps(parsed.topology, command.joined)
  const servers = asTheyRun(topology, command).filter(({ server }) =>
    isWanted(command, topology, server),
  )
  const keys = await keysOf(servers, command)
  const files = servers.map((access) => fileOf(access, command, keys))
  const { json, stdout, stderr, out } = command
  if (out !== undefined) await writeAll(out, files, command.force)
  if (json) writeJson(stdout, { ok: true, servers: files })
  else if (out === undefined) stdout.write(files.map(({ text }) => text).join('\n'))
  else for (const { file } of files) stdout.write(`${join(out, file)}\n`)
  if (!json && command.format === 'conf') stderr.write(hint(command.credential))
  return EXIT_OK
}

async function keysOf(
  servers: readonly ServerAccess[],
  { keys, renew, credential }: NatsConfigCommand,
): Promise<ReadonlyMap<string, string>> {
  const users = servers.flatMap((access) => keyedUsers(access))
  const unknown = renew.filter((user) => !users.includes(user))
  if (keys === undefined ? renew.length > 0 : credential !== 'nkey')
    throw new SignetError(
      'SIGNET_USAGE',
      '--keys is for --credential nkey, and --renew for --keys.',
    )
  if (unknown.length > 0)
    throw new SignetError('SIGNET_USAGE', `--renew ${unknown.join(' ')}: no user that has a key.`)
  return keys === undefined ? new Map<string, string>() : seededUsers(keys, users, renew)
}

/** All or none: a server must not be told of half a change. */
async function writeAll(
  out: string,
  files: readonly { readonly file: string; readonly text: string }[],
  force: boolean,
): Promise<void> {
  await mkdir(out, { recursive: true })
  for (const { file, text } of files) {
    const known = await readFile(join(out, file), 'utf8').catch(() => undefined)
    if (!force && known !== undefined && known !== text)
      throw new SignetError(
        'SIGNET_USAGE',
        `${join(out, file)} is there and says something else; --force replaces it. Nothing was written.`,
      )
  }
  for (const { file, text } of files) await writeFile(join(out, file), text)
}

function fileOf(
  access: ServerAccess,
  { format, credential }: NatsConfigCommand,
  keys: ReadonlyMap<string, string>,
) {
  const { server, about } = access
  const text = format === 'conf' ? accountsText(access, credential, keys) : tables(access)
  const file = `${server}.accounts.${format === 'conf' ? 'conf' : 'md'}`
  return { server, about, file, variables: variables(access, credential, keys), text }
}

function tables({ server, about, accounts }: ServerAccess): string {
  const users = accounts.flatMap((account) => account.users)
  return [`## ${server}\n\nUsers of ${about}.\n`, ...users.map((user) => userSection(user))].join(
    '\n',
  )
}

/** A stamp's own Keptn NATS, the gateway servers of its geo, and at home the hub store as well. */
function isWanted(
  { stamp: wanted }: NatsConfigCommand,
  topology: Topology,
  server: string,
): boolean {
  if (wanted === undefined) return true
  const planes = topology.controlPlanes.filter(({ home }) => home.stamp === wanted)
  const geo = topology.stamps.find(({ name }) => name === wanted)?.geo ?? planes[0]?.home.geo
  if (geo === undefined) throw unknownStamp(wanted)
  const mine = [`gateway-${geo}`, `keptn-${wanted}`, ...planes.map(({ name }) => `store-${name}`)]
  return mine.includes(server)
}

/** The servers of a federation, those that are one in one. */
function asTheyRun(topology: Topology, { leaf, together: groups }: NatsConfigCommand) {
  const homes = new Set(topology.controlPlanes.map(({ home }) => home.stamp))
  for (const stamp of leaf)
    if (homes.has(stamp) || topology.stamps.every(({ name }) => name !== stamp))
      throw new SignetError(
        'SIGNET_USAGE',
        `--leaf ${stamp}: the topology has no such stamp, or it is a home stamp, which is none.`,
      )
  let servers = federationAccess(topology, leaf)
  for (const group of groups) {
    const names = group.split(',')
    const members = names.map((name) => servers.find(({ server }) => server === name))
    const known = members.filter((member) => member !== undefined)
    const unknown = names.filter((_, index) => members[index] === undefined)
    if (unknown.length > 0 || new Set(names).size < names.length)
      throw new SignetError(
        'SIGNET_USAGE',
        `--together ${group}: ${unknown.join(', ') || 'a name stands there twice, which'} is no server of ` +
          `this federation. Its servers are ${servers.map(({ server }) => server).join(', ')}.`,
      )
    const one = together(known)
    if (one === undefined)
      throw new SignetError(
        'SIGNET_USAGE',
        `--together ${group}: the Keptn NATS of two stamps cannot be one server, and one that is a leaf node is a ` +
          'server of its own.',
      )
    servers = servers.flatMap((it) => (it === known[0] ? [one] : known.includes(it) ? [] : [it]))
  }
  return servers
}

function withStamps(topology: Topology, joined: readonly string[]): Topology {
  return {
    ...topology,
    stamps: [...topology.stamps, ...joined.map((text) => joining(topology, text))],
  }
}

/** A stamp that some ring of its geo lets in. */
function joining(topology: Topology, text: string): Stamp {
  const [geo = '', stamp = '', ...rest] = text.split('/')
  const ring = topology.rings.find(
    (name) => judgePlace(topology, { geo, ring: name, stamp }).kind === 'allowed',
  )
  if (rest.length === 0 && isName(stamp) && ring !== undefined)
    return joinedStamp({ geo, ring, stamp })
  throw new SignetError(
    'SIGNET_USAGE',
    `--joined ${text}: no ring file lets such a stamp in (join.allow), or it is listed. Write it as <geo>/<name>.`,
  )
}

function unknownStamp(stamp: string): SignetError {
  return new SignetError(
    'SIGNET_USAGE',
    `The topology has no stamp "${stamp}". One that joins by itself is named with --joined <geo>/<name>.`,
  )
}

function hint(credential: Credential): string {
  return credential === 'password'
    ? 'Passwords are variables: give nats-server its environment, for example from a Secret. A value is letters\n' +
        'and digits and begins with a letter, or is a bcrypt hash: nats-server reads it as a part of its configuration.\n'
    : 'Keys are variables: give nats-server the public half (it begins with U) in its environment, and the agent the\n' +
        'seed in a file (SIGNET_NATS_NKEY).\n'
}
