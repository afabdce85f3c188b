import type { KeptnEvent } from './event.ts'
import type { Stamp } from './topology.ts'
import { subjectMatches } from './subject.ts'

/** One subscription of an integration, as Keptn's Uniform has it (wire 4.1). */
export interface Subscription {
  /** An event type or a NATS pattern. */
  readonly event: string
  readonly filter: {
    readonly projects: readonly string[]
    readonly stages: readonly string[]
    readonly services: readonly string[]
  }
}

/** One integration that a stamp has seen register. */
export interface Integration {
  readonly name: string
  readonly subscriptions: readonly Subscription[]
}

/**
 * Whether a stamp wants an event. `known`: its integrations said so (`answers` is how many answers are to
 * be expected: one for each matching subscription, wire 2.4) or the topology does. `assumed`: nobody has
 * said anything about this stamp, and leaving it out would be a guess in the worse direction.
 */
export type Interest =
  | { readonly kind: 'known'; readonly answers: number; readonly exact: boolean }
  | { readonly kind: 'assumed' }
  | { readonly kind: 'none' }

/**
 * The interest of a stamp in an event. `integrations` is what the stamp has announced, undefined where it
 * has announced nothing yet.
 */
export function interestOf(
  stamp: Stamp,
  integrations: readonly Integration[] | undefined,
  event: KeptnEvent,
): Interest {
  const matching = countMatching(integrations ?? [], event)
  if (matching > 0) return { kind: 'known', answers: matching, exact: true }
  const { parsedType } = event
  const isTask = parsedType.shape === 'task' && parsedType.kind === 'triggered'
  if (isTask && stamp.handles.includes(parsedType.task))
    return { kind: 'known', answers: 1, exact: false }
  if (integrations !== undefined && integrations.length > 0) return { kind: 'none' }
  // `handles` says all about a stamp's tasks, and nothing about the notices that it may listen to.
  return isTask && stamp.handles.length > 0 ? { kind: 'none' } : { kind: 'assumed' }
}

/** How many subscriptions of these integrations match the event, as cp-connector counts (wire 2.4). */
export function countMatching(integrations: readonly Integration[], event: KeptnEvent): number {
  let count = 0
  for (const { subscriptions } of integrations) {
    for (const subscription of subscriptions) if (isMatch(subscription, event)) count += 1
  }
  return count
}

function isMatch({ event: pattern, filter }: Subscription, event: KeptnEvent): boolean {
  return (
    subjectMatches(pattern, event.type) &&
    allows(filter.projects, event.project) &&
    allows(filter.stages, event.stage) &&
    allows(filter.services, event.service)
  )
}

function allows(values: readonly string[], value: string): boolean {
  return values.length === 0 || values.includes(value)
}
