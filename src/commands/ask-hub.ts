import { hostname, userInfo } from 'node:os'
import { loadHubAccess } from '../config/settings-load.ts'
import type { HubAccess } from '../config/settings.ts'
import type { Environment, Flags } from '../config/settings-source.ts'
import { suggestion } from '../config/nearest.ts'
import { loadTopology } from '../config/topology-load.ts'
import { geoOfStamp } from '../domain/residency.ts'
import { isName, NAME_RULE } from '../domain/name.ts'
import type { Scope } from '../domain/subject.ts'
import { inboxPrefix } from '../domain/subject.ts'
import { SignetError } from '../errors.ts'
import { ControlClient } from '../links/control-client.ts'
import type { Line } from '../view/line.ts'
import { paintLine } from '../view/line.ts'
import type { ScreenStream } from '../view/screen.ts'
import { paintFor } from './topology-output.ts'

/** What every command is given that asks a hub. */
export interface HubCommand {
  readonly environment: Environment
  /** Settings as flags, and `federation` and `controlPlane`. */
  readonly flags: Flags
  readonly version: string
  readonly json: boolean
  readonly stdout: ScreenStream
  readonly stderr: ScreenStream
  /** Whether colours may be used on stdout. */
  readonly color: boolean
  /** Aborted by the first signal. */
  readonly stopped: AbortSignal
}

/** A hub that can be asked. */
export interface Hub {
  readonly scope: Scope
  /** The value that the hub answers; throws what it refuses, as `SignetError` with the hub's own words. */
  ask(
    verb: string,
    args?: Readonly<Record<string, unknown>>,
    onProgress?: (about: unknown, bytes: number) => void,
  ): Promise<unknown>
}

/**
 * Connects to the gateway NATS as the agent of this stamp would, lets `work` ask the hub, and closes.
 * Rejects with the reason of `stopped` where a signal ends it.
 */
export async function withHub<T>(command: HubCommand, work: (hub: Hub) => Promise<T>): Promise<T> {
  const { environment, flags, version, stopped } = command
  const access = await loadHubAccess(environment, flags)
  const scope = await scopeOf(access, flags)
  const from = await placeOf(access)
  const client = new ControlClient({
    address: { servers: access.gateway.urls, auth: access.gateway.auth },
    scope,
    by: whoAsks(),
    from,
    clientName: `signet ${version} command`,
    // In the place of an agent, with its user: that may listen to its own inboxes only (nats-notes 7.2).
    inboxPrefix: inboxPrefix(access.stamp ?? 'signet'),
  })
  try {
    await client.connect(stopped)
    return await work({
      scope,
      ask: async (verb, args = {}, onProgress) => {
        const question = {
          verb,
          args,
          signal: stopped,
          ...(onProgress === undefined ? {} : { onProgress }),
        }
        const answer = await client.ask(question)
        if (answer.ok) return answer.value
        const { code, message, details = {} } = answer
        throw new SignetError(code, message, { details })
      },
    })
  } finally {
    await client.close()
  }
}

/** Lines on stdout: as wide as a terminal, and whole elsewhere. */
export function writeLines(
  { stdout, color }: Pick<HubCommand, 'stdout' | 'color'>,
  lines: readonly Line[],
): void {
  const { isTTY, columns = 80 } = stdout
  const width = isTTY === true ? columns : Infinity
  const paint = paintFor(color)
  stdout.write(lines.map((line) => `${paintLine(line, paint, width)}\n`).join(''))
}

/** Where a command runs, for the residency of what it is shown; nothing where nobody says. */
async function placeOf({ stamp, geo: said, topologyDir }: HubAccess) {
  if (said !== undefined) return { ...(stamp !== undefined && { stamp }), geo: said }
  if (stamp === undefined) return {}
  const geo = await loadTopology(topologyDir).then(
    ({ topology }) => geoOfStamp(topology, stamp),
    () => undefined,
  )
  return { stamp, ...(geo !== undefined && { geo }) }
}

/** Which control plane is meant: by flags, or by the topology where it has one, or one whose home this is. */
async function scopeOf(access: HubAccess, flags: Flags): Promise<Scope> {
  const federation = nameFlag(flags, 'federation', '--federation')
  const controlPlane = nameFlag(flags, 'controlPlane', '--control-plane')
  if (federation !== undefined && controlPlane !== undefined) return { federation, controlPlane }
  const { topology } = await loadTopology(access.topologyDir)
  const names = topology.controlPlanes.map(({ name }) => name)
  const atHome = topology.controlPlanes.filter(({ home }) => home.stamp === access.stamp)
  const found =
    controlPlane ??
    (atHome.length === 1 ? atHome[0]?.name : names.length === 1 ? names[0] : undefined)
  if (found === undefined || !names.includes(found)) throw whichPlane(controlPlane, names)
  return { federation: federation ?? topology.federation, controlPlane: found }
}

function nameFlag(flags: Flags, key: string, flag: string): string | undefined {
  const value = flags[key]
  if (value === undefined) return undefined
  if (typeof value === 'string' && isName(value)) return value
  throw new SignetError('SIGNET_USAGE', `${flag} must be a name: ${NAME_RULE}.`)
}

function whichPlane(asked: string | undefined, names: readonly string[]): SignetError {
  const message =
    asked === undefined
      ? `The topology has several control planes; choose one with --control-plane: ${names.join(', ')}.`
      : `The topology has no control plane "${asked}"; ${suggestion(asked, names) ?? `it has ${names.join(', ')}`}.`
  return new SignetError('SIGNET_USAGE', message)
}

/** `user@host`, for the hub's log. */
export function whoAsks(): string {
  try {
    return `${userInfo().username}@${hostname()}`
  } catch {
    // A container may run a user that no file names.
    return `${process.getuid?.() ?? 'unknown'}@${hostname()}`
  }
}
