import type { KeptnEvent } from './event.ts'
import type { Interest } from './interest.ts'
import type { ControlPlane, Stamp, StageRule, TaskPolicy, Topology } from './topology.ts'
import { controlPlaneOf, stageRule, taskPolicy } from './topology.ts'

/** Why a stamp is not a target of an event. */
export type Exclusion =
  | 'ring'
  | 'geo'
  | 'label'
  | 'home'
  | 'path'
  | 'drained'
  | 'not-interested'
  | 'relayed-by-assumption'

/** A stamp that an event is meant for, and how sure we are that it wants it. */
export interface RoutedStamp {
  readonly stamp: Stamp
  readonly interest: Exclude<Interest, { kind: 'none' }>
}

interface Selection {
  /** The rule of the topology that decided, with its place in the list; undefined where none was asked. */
  readonly rule?: { readonly rule: StageRule; readonly index: number }
  readonly excluded: readonly { readonly stamp: Stamp; readonly reason: Exclusion }[]
}

/** What becomes of one event of a control plane (DESIGN 5, 7.2). */
export type Route =
  | {
      readonly kind: 'local'
      readonly reason: 'project' | 'stage' | 'task' | 'nobody'
      readonly missing: readonly Stamp[]
      /** Those that would have got a task that finds nobody else, were they not drained. */
      readonly drained: readonly Stamp[]
    }
  | ({ readonly kind: 'notice'; readonly targets: readonly RoutedStamp[] } & Selection)
  | ({
      readonly kind: 'fan-out'
      readonly task: string
      readonly policy: TaskPolicy
      /** All that are selected and want it; `select: one` picks among them (`pickOne`). */
      readonly targets: readonly RoutedStamp[]
      /** Selected, but without interest. */
      readonly missing: readonly Stamp[]
    } & Selection)

export interface RouteInput {
  readonly topology: Topology
  readonly controlPlane: ControlPlane
  readonly event: KeptnEvent
  /** The stamps that the event has been through: the loop guard. */
  readonly path: readonly string[]
  readonly interestOf: (stamp: Stamp, event: KeptnEvent) => Interest
  /** Whether a stamp takes no new tasks; absent: every one does. */
  readonly isDrained?: (stamp: string) => boolean
}

/**
 * Decides where an event goes. Pure: `signet topology explain` and the agent call this same function.
 * A task's `.triggered` becomes a fan-out, everything else a notice. A stage that no rule names stays in
 * the control plane; an event without a stage concerns all stamps. A task that no stamp has interest in
 * stays too (lighthouse answers `evaluation` at home), unless its policy counts that as a failure. A drained stamp gets no new
 * tasks, and its notices as before: its running work may wait for them.
 */
export function route(input: RouteInput): Route {
  const { topology, controlPlane, event } = input
  const owner = event.project === '' ? controlPlane : controlPlaneOf(topology, event.project)
  if (owner?.name !== controlPlane.name) return local('project')

  const { parsedType } = event
  const isTask = parsedType.shape === 'task' && parsedType.kind === 'triggered'
  const stage = stageOf(event)
  const rule = stage === '' ? undefined : stageRule(topology, event.project, stage)
  if (rule === undefined && (stage !== '' || isTask)) return local('stage')

  const policy = isTask ? taskPolicy(topology, parsedType.task) : undefined
  if (policy?.select === 'none') return local('task')

  const { targets, missing, excluded } = select(input, rule?.rule)
  const selection: Selection = { ...(rule === undefined ? {} : { rule }), excluded }
  if (policy === undefined || !isTask) return { kind: 'notice', targets, ...selection }
  const isFailure = policy.missing === 'fail' && missing.length > 0
  if (targets.length === 0 && !isFailure) {
    const drained = excluded.filter(({ reason }) => reason === 'drained').map(({ stamp }) => stamp)
    return { ...local('nobody'), missing, drained }
  }
  return { kind: 'fan-out', task: parsedType.task, policy, targets, missing, ...selection }
}

/**
 * The one stamp of a `select: one` task: the least busy, and among equals the one that the context
 * always chooses, so that the tasks of one delivery meet the same stamp while the load allows it.
 */
export function pickOne(
  targets: readonly RoutedStamp[],
  context: string,
  openFanouts: (stamp: string) => number,
): RoutedStamp | undefined {
  let best: { target: RoutedStamp; busy: number; rank: number } | undefined
  for (const target of targets) {
    const { name } = target.stamp
    const candidate = { target, busy: openFanouts(name), rank: rendezvous(context, name) }
    if (
      best === undefined ||
      candidate.busy < best.busy ||
      (candidate.busy === best.busy && candidate.rank > best.rank)
    )
      best = candidate
  }
  return best?.target
}

function select(
  { topology, event, path, interestOf, isDrained }: RouteInput,
  rule: StageRule | undefined,
): {
  targets: RoutedStamp[]
  missing: Stamp[]
  excluded: { stamp: Stamp; reason: Exclusion }[]
} {
  const homes = new Set(topology.controlPlanes.map((plane) => plane.home.stamp))
  const isTask = event.parsedType.shape === 'task' && event.parsedType.kind === 'triggered'
  const targets: RoutedStamp[] = []
  const missing: Stamp[] = []
  const excluded: { stamp: Stamp; reason: Exclusion }[] = []
  for (const stamp of topology.stamps) {
    const reason = exclusion(stamp, rule, event, path, homes)
    if (reason !== undefined) {
      excluded.push({ stamp, reason })
      continue
    }
    const interest = interestOf(stamp, event)
    if (interest.kind === 'none') {
      missing.push(stamp)
      excluded.push({ stamp, reason: 'not-interested' })
    } else if (interest.kind === 'assumed' && path.some((name) => !homes.has(name))) {
      // What another stamp published goes only to who asked for it: twenty stamps whose wishes nobody
      // knows would otherwise relay every answer to each other.
      excluded.push({ stamp, reason: 'relayed-by-assumption' })
    } else if (isTask && isDrained?.(stamp.name) === true) {
      excluded.push({ stamp, reason: 'drained' })
    } else targets.push({ stamp, interest })
  }
  return { targets, missing, excluded }
}

function exclusion(
  stamp: Stamp,
  rule: StageRule | undefined,
  { labels }: KeptnEvent,
  path: readonly string[],
  homes: ReadonlySet<string>,
): Exclusion | undefined {
  if (rule !== undefined && !rule.rings.includes(stamp.ring)) return 'ring'
  if (rule?.geos !== undefined && !rule.geos.includes(stamp.geo)) return 'geo'
  if (homes.has(stamp.name)) return 'home'
  const narrowed =
    admits(labels['signet-geo'], stamp.geo) &&
    admits(labels['signet-ring'], stamp.ring) &&
    admits(labels['signet-stamp'], stamp.name)
  if (!narrowed) return 'label'
  return path.includes(stamp.name) ? 'path' : undefined
}

/** Labels only narrow: whatever they name was selected by the topology before (DESIGN 5). */
function admits(label: string | undefined, name: string): boolean {
  if (label === undefined || label.trim() === '') return true
  return label.split(',').some((part) => part.trim() === name)
}

/** The stage that counts is that of the data (wire 1.4); a sequence type names it where the data do not. */
function stageOf({ stage, parsedType }: KeptnEvent): string {
  if (stage !== '') return stage
  return parsedType.shape === 'sequence' ? parsedType.stage : ''
}

function local(reason: 'project' | 'stage' | 'task' | 'nobody') {
  return { kind: 'local', reason, missing: [], drained: [] } as const
}

/** Highest random weight hashing (FNV-1a), so that a stamp that comes or goes moves only its own share. */
function rendezvous(context: string, stamp: string): number {
  let hash = 0x811c9dc5
  const text = `${context}\u0000${stamp}`
  for (let index = 0; index < text.length; index += 1) {
    hash = Math.imul(hash ^ text.charCodeAt(index), 0x01000193)
  }
  // One more mixing round: FNV's high bits hardly differ for names that end alike.
  hash = Math.imul(hash ^ (hash >>> 15), 0x2c1b3c6d)
  return (hash ^ (hash >>> 13)) >>> 0
}
