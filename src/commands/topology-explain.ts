import { readFile } from 'node:fs/promises'
import { suggestion } from '../config/nearest.ts'
import { readTopology } from '../config/topology-load.ts'
import type { KeptnEvent, Malformed } from '../domain/event.ts'
import { parseEvent } from '../domain/event.ts'
import { explainRoute } from '../domain/explain.ts'
import { interestOf } from '../domain/interest.ts'
import { route } from '../domain/route.ts'
import type { ControlPlane, Topology } from '../domain/topology.ts'
import { controlPlaneOf } from '../domain/topology.ts'
import { explanationJson, formatExplanation } from './topology-explanation.ts'
import type { TopologyCommand } from './topology-output.ts'
import { EXIT_BAD_INPUT, EXIT_OK, paintFor, refuseTopology, writeJson } from './topology-output.ts'

export interface ExplainCommand extends TopologyCommand {
  /** The path of a CloudEvent in JSON. */
  readonly event: string
  /** The control plane whose agent decides; without it, the one that the event's project belongs to. */
  readonly controlPlane?: string
}

type Refusal =
  | { readonly reason: 'unreadable-file' | 'unknown-control-plane'; readonly detail: string }
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

  const event = await readEvent(command.event)
  if ('reason' in event) return refuse(command, event)
  const controlPlane = choosePlane(topology, event, command.controlPlane)
  if ('reason' in controlPlane) return refuse(command, controlPlane)

  const decided = route({
    topology,
    controlPlane,
    event,
    path: [],
    interestOf: (stamp) => interestOf(stamp, undefined, event),
  })
  const explained = {
    event,
    controlPlane,
    sources,
    explanation: explainRoute(topology, controlPlane, event, decided),
  }
  if (command.json) writeJson(command.stdout, explanationJson(explained))
  else command.stdout.write(formatExplanation(explained, paintFor(command.color)))
  return EXIT_OK
}

async function readEvent(path: string): Promise<KeptnEvent | Refusal> {
  let text: string
  try {
    text = await readFile(path, 'utf8')
  } catch (error) {
    const detail = `${path} cannot be read: ${error instanceof Error ? error.message : String(error)}`
    return { reason: 'unreadable-file', detail }
  }
  const parsed = parseEvent(text)
  return parsed.ok ? parsed.event : { reason: parsed.reason, detail: parsed.detail }
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

function refuse({ json, stdout, stderr, color, event }: ExplainCommand, refusal: Refusal): number {
  const { reason, detail } = refusal
  if (json) writeJson(stdout, { ok: false, event, reason, detail })
  else
    stderr.write(
      `${paintFor(color)('wrong', reason === 'unknown-control-plane' ? reason : `${event} is refused (${reason})`)}: ${detail}\n`,
    )
  return EXIT_BAD_INPUT
}
