import { readFile } from 'node:fs/promises'
import { suggestion } from '../config/nearest.ts'
import { readTopology } from '../config/topology-load.ts'
import type { KeptnEvent, Malformed } from '../domain/event.ts'
import { parseEvent } from '../domain/event.ts'
import { explainRoute } from '../domain/explain.ts'
import { interestOf } from '../domain/interest.ts'
import { geoOfStamp } from '../domain/residency.ts'
import { route } from '../domain/route.ts'
import { tailOf } from '../domain/subject.ts'
import type { ControlPlane, Topology } from '../domain/topology.ts'
import { controlPlaneOf } from '../domain/topology.ts'
import type { Crossed } from '../flow/residency.ts'
import { cross } from '../flow/residency.ts'
import { explanationJson, formatExplanation } from './topology-explanation.ts'
import type { TopologyCommand } from './topology-output.ts'
import { EXIT_BAD_INPUT, EXIT_OK, paintFor, refuseTopology, writeJson } from './topology-output.ts'

export interface ExplainCommand extends TopologyCommand {
  /** The path of a CloudEvent in JSON. */
  readonly event: string
  /** The control plane whose agent decides; without it, the one that the event's project belongs to. */
  readonly controlPlane?: string
  /** The stamp whose integration says the event; without it, it is said at home. */
  readonly from?: string
}

type Refusal =
  | {
      readonly reason: 'unreadable-file' | 'unknown-control-plane' | 'unknown-stamp'
      readonly detail: string
    }
  | { readonly reason: Malformed; readonly detail: string }

/**
 * `signet topology explain`: what would become of an event, and why, by the agent's own `route`. What
 * integrations have subscribed to is not known offline, so interest comes from `handles` or is assumed.
 * Exit code 2 for an event that the agent would refuse, and for a topology with mistakes.
 */
export async function runTopologyExplain(command: ExplainCommand): Promise<number> {
  const parsed = await readTopology(command.dir)
  if (!parsed.ok) return refuseTopology(command, parsed.mistakes, parsed.warnings)
  const { topology, sources } = parsed

  const parsedEvent = await readEvent(command.event)
  if ('reason' in parsedEvent) return refuse(command, parsedEvent)
  const { event } = parsedEvent
  const controlPlane = choosePlane(topology, event, command.controlPlane)
  if ('reason' in controlPlane) return refuse(command, controlPlane)

  const from = command.from === undefined ? undefined : geoOfStamp(topology, command.from)
  if (command.from !== undefined && from === undefined)
    return refuse(command, unknownStamp(topology, command.from))

  const decided = route({
    topology,
    controlPlane,
    event,
    path: command.from === undefined ? [] : [command.from],
    interestOf: (stamp) => interestOf(stamp, undefined, event),
  })
  const explained = {
    event,
    controlPlane,
    sources,
    crossings: crossings(topology, controlPlane, parsedEvent, from),
    explanation: explainRoute(topology, controlPlane, event, decided),
  }
  if (command.json) writeJson(command.stdout, explanationJson(explained))
  else command.stdout.write(formatExplanation(explained, paintFor(command.color)))
  return EXIT_OK
}

/**
 * What the residencies make of the event itself, on its way up from the geo that it is said in, and then
 * down to each geo: by the agent's own `cross`.
 */
function crossings(
  topology: Topology,
  { home }: ControlPlane,
  { event, text }: ReadEvent,
  from: string | undefined,
): ReadonlyMap<string, Crossed> {
  const tail = tailOf(event.type) ?? ''
  const all = new Map<string, Crossed>()
  const body = Buffer.from(text)
  const up =
    from === undefined ? undefined : cross(topology, { from: [from], to: home.geo, tail }, body)
  if (up !== undefined && from !== home.geo) all.set(`${from} ${home.geo}`, up)
  if (up?.kind === 'refused') return all
  const passed = from === undefined ? [home.geo] : [...new Set([home.geo, from])]
  for (const { name: to } of topology.geos)
    if (to !== home.geo)
      all.set(`${home.geo} ${to}`, cross(topology, { from: passed, to, tail }, up?.body ?? body))
  return all
}

interface ReadEvent {
  readonly event: KeptnEvent
  readonly text: string
}

async function readEvent(path: string): Promise<ReadEvent | Refusal> {
  let text: string
  try {
    text = await readFile(path, 'utf8')
  } catch (error) {
    const detail = `${path} cannot be read: ${error instanceof Error ? error.message : String(error)}`
    return { reason: 'unreadable-file', detail }
  }
  const parsed = parseEvent(text)
  return parsed.ok
    ? { event: parsed.event, text }
    : { reason: parsed.reason, detail: parsed.detail }
}

function choosePlane(
  topology: Topology,
  { project }: KeptnEvent,
  name: string | undefined,
): ControlPlane | Refusal {
  const { controlPlanes } = topology
  const plane =
    name === undefined
      ? // Where the project belongs to none, any of them tells so.
        (controlPlaneOf(topology, project) ?? controlPlanes[0])
      : controlPlanes.find((it) => it.name === name)
  if (plane !== undefined) return plane
  const names = controlPlanes.map((it) => it.name)
  const hint = suggestion(name ?? '', names) ?? `there are ${names.join(', ')}`
  return { reason: 'unknown-control-plane', detail: `no control plane "${name}"; ${hint}` }
}

function unknownStamp({ stamps }: Topology, name: string): Refusal {
  const names = stamps.map((it) => it.name)
  const hint = suggestion(name, names)
  return {
    reason: 'unknown-stamp',
    detail: `no stamp "${name}"${hint === undefined ? '' : `; ${hint}`}`,
  }
}

function refuse({ json, stdout, stderr, color, event }: ExplainCommand, refusal: Refusal): number {
  const { reason, detail } = refusal
  if (json) writeJson(stdout, { ok: false, event, reason, detail })
  else
    stderr.write(
      `${paintFor(color)('wrong', reason.startsWith('unknown-') ? reason : `${event} is refused (${reason})`)}: ${detail}\n`,
    )
  return EXIT_BAD_INPUT
}
