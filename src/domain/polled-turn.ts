import type { KeptnEvent } from './event.ts'
import { isWrappedAnswer } from './https-answer.ts'
import type { Integration } from './interest.ts'
import { interestOf } from './interest.ts'
import { isJsonObject } from './json.ts'
import { route } from './route.ts'
import type { ControlPlane, Stamp, Topology } from './topology.ts'

/**
 * What a stamp that polls may take of what Keptn shows. Keptn shows everything to everybody, and a task as soon
 * as it is recorded (wire 5.1): to stamps of another ring or a later wave as well. So the stamp routes for itself,
 * as the hub does, and for a task it waits until the hub has named it (DESIGN 7.9).
 */

/** `take`: at once. `fan-out`: when the hub says that this stamp has begun. `leave`: it is not for this stamp. */
export type PolledRoute = 'take' | 'fan-out' | 'leave'

export interface RoutePolledInput {
  readonly topology: Topology
  readonly controlPlane: ControlPlane
  /** As the topology has it, or as one that joined stands. */
  readonly stamp: Stamp
  readonly integrations: readonly Integration[]
  readonly event: KeptnEvent
}

/** By the rules of `route`, for one stamp, which knows nothing of what the others want. */
export function routePolled(input: RoutePolledInput): PolledRoute {
  const { controlPlane, stamp, integrations, event } = input
  if (isWrappedAnswer(event)) return 'leave'
  const decision = route({
    topology: withStamp(input.topology, stamp),
    controlPlane,
    event,
    path: [],
    interestOf: (one, candidate) =>
      one.name === stamp.name ? interestOf(one, integrations, candidate) : { kind: 'none' },
  })
  if (decision.kind === 'local') return 'leave'
  if (!decision.targets.some((target) => target.stamp.name === stamp.name)) return 'leave'
  return decision.kind === 'fan-out' ? 'fan-out' : 'take'
}

function withStamp(topology: Topology, stamp: Stamp): Topology {
  if (topology.stamps.some(({ name }) => name === stamp.name)) return topology
  return { ...topology, stamps: [...topology.stamps, stamp] }
}

/** The id of the `.triggered` that a hub's `.status.changed` says this stamp has begun; undefined for all else. */
export function begunHere(event: KeptnEvent, stamp: string): string | undefined {
  const { type, source, triggeredid, data } = event
  if (source !== 'signet' || !type.endsWith('.status.changed') || triggeredid === '')
    return undefined
  const { signet } = data
  if (!isJsonObject(signet)) return undefined
  const isNamed = Object.values(signet).some((section) => {
    const begun = isJsonObject(section) ? section['begun'] : undefined
    return isJsonObject(begun) && Object.hasOwn(begun, stamp) && begun[stamp] === true
  })
  return isNamed ? triggeredid : undefined
}

/** The type of the `.status.changed` of a task whose `.triggered` has that type. */
export function progressType(triggered: string): string {
  return triggered.replace(/\.triggered$/, '.status.changed')
}

/** Whether the list of open events has it until it is over: shipyard-controller keeps one of what it made (wire 5.1). */
export function isListedWhileOpen({ source }: Pick<KeptnEvent, 'source'>): boolean {
  return source === 'shipyard-controller'
}
