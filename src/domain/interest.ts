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
  /** Whether it pinged its stamp not long ago; undefined where the stamp does not say. */
  readonly alive?: boolean
}

/**
 * Whether a stamp wants an event. `known`: its integrations said so (`answers` is how many answers are to
 * be expected at least, and `exact` whether there can be no more) or the topology does. `assumed`: nobody
 * has said anything about this stamp, and leaving it out would be a guess in the worse direction.
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
  const expected = expectedAnswers(integrations ?? [], event)
  if (expected.answers > 0) return { kind: 'known', ...expected }
  const { parsedType } = event
  const isTask = parsedType.shape === 'task' && parsedType.kind === 'triggered'
  if (isTask && stamp.handles.includes(parsedType.task))
    return { kind: 'known', answers: 1, exact: false }
  if (integrations !== undefined && integrations.length > 0) return { kind: 'none' }
  // `handles` says all about a stamp's tasks, and nothing about the notices that it may listen to.
  return isTask && stamp.handles.length > 0 ? { kind: 'none' } : { kind: 'assumed' }
}

/**
 * How many answers the integrations of a stamp will give to an event. An integration handles it once for
 * each of its matching subscriptions with the *same* event string (wire 2.4). Where its strings overlap,
 * such as an exact type and a wildcard, all are members of one queue group, and the server picks one at
 * random: then the least is sure, and more are possible.
 */
export function expectedAnswers(
  integrations: readonly Integration[],
  event: KeptnEvent,
): { readonly answers: number; readonly exact: boolean } {
  let answers = 0
  let exact = true
  for (const { subscriptions } of integrations) {
    const counts = countByEventString(subscriptions, event)
    const positive = counts.filter((count) => count > 0)
    if (positive.length === 0) continue
    const least = Math.min(...positive)
    answers += least
    if (counts.some((count) => count !== least)) exact = false
  }
  return { answers, exact }
}

function countByEventString(
  subscriptions: readonly Subscription[],
  event: KeptnEvent,
): readonly number[] {
  const counts = new Map<string, number>()
  for (const subscription of subscriptions) {
    if (!subjectMatches(subscription.event, event.type)) continue
    const known = counts.get(subscription.event) ?? 0
    counts.set(subscription.event, known + (passes(subscription, event) ? 1 : 0))
  }
  return [...counts.values()]
}

/** Whether a subscription asks for an event: by its type, and by its filter (wire 2.4, 3.3). */
export function isWantedBy(subscription: Subscription, event: KeptnEvent): boolean {
  return subjectMatches(subscription.event, event.type) && passes(subscription, event)
}

/** Whether the filter of a subscription lets an event through; its event string is not looked at. */
export function passes(
  { filter }: Subscription,
  event: Pick<KeptnEvent, 'project' | 'stage' | 'service'>,
): boolean {
  return (
    allows(filter.projects, event.project) &&
    allows(filter.stages, event.stage) &&
    allows(filter.services, event.service)
  )
}

function allows(values: readonly string[], value: string): boolean {
  return values.length === 0 || values.includes(value)
}
