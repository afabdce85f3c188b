/**
 * A federation as its files describe it (DESIGN 5), after defaults: geos, rings in release order, stamps,
 * what a Keptn stage means, and how the fan-out of each task is run. Plain frozen data; times are in
 * milliseconds.
 */
export interface Topology {
  readonly federation: string
  readonly controlPlanes: readonly ControlPlane[]
  /** Release order. */
  readonly rings: readonly string[]
  /** First match wins. */
  readonly stages: readonly StageRule[]
  readonly tasks: TaskPolicies
  readonly geos: readonly Geo[]
  readonly stamps: readonly Stamp[]
  /** What ring files say beside their stamps; absent: nothing. */
  readonly geoRings?: readonly GeoRing[]
}

/** One Keptn installation. */
export interface ControlPlane {
  readonly name: string
  readonly home: { readonly geo: string; readonly stamp: string }
  /** Globs of Keptn projects; `*` stands for any characters. */
  readonly projects: readonly string[]
  /** The JetStream domain of the hub store. */
  readonly storeDomain: string
}

/** Which stamps a Keptn stage means. `stage` and `project` are globs. */
export interface StageRule {
  readonly stage: string
  readonly project?: string
  readonly rings: readonly string[]
  /** Absent: every geo. */
  readonly geos?: readonly string[]
}

export interface TaskPolicies {
  readonly default: TaskPolicy
  readonly named: Readonly<Record<string, TaskPolicy>>
}

/** How many stamps must succeed: all, any one, or a share of those that count, in percent. */
export type SuccessRule = 'all' | 'any' | { readonly percent: number }

/** How a task's fan-out is run. */
export interface TaskPolicy {
  readonly select: 'all' | 'one' | 'none'
  readonly success: SuccessRule
  /** A target that has not started within this is given up; kept below Keptn's 10 minutes (wire 6.6). */
  readonly startTimeoutMs: number
  readonly finishTimeoutMs: number
  /** What becomes of a target whose agent is not heard of. */
  readonly offline: 'wait' | 'skip' | 'fail'
  /** Whether a selected stamp without interest is only reported, or counts as a failure. */
  readonly missing: 'report' | 'fail'
}

export interface Geo {
  readonly name: string
  readonly residency: Residency
}

/** What may leave a geo (DESIGN 7.6). */
export interface Residency {
  readonly leave: 'allow' | 'deny'
  readonly allow: readonly ResidencyRule[]
}

export interface ResidencyRule {
  readonly to: string
  /** Globs of tails, for example `*.finished`. */
  readonly events: readonly string[]
  readonly drop: readonly string[]
  readonly hash: readonly string[]
}

export type LinkKind = 'nats' | 'https' | 'auto'

/** One cluster. */
export interface Stamp {
  readonly name: string
  readonly geo: string
  readonly ring: string
  readonly link: LinkKind
  readonly labels: Readonly<Record<string, string>>
  /** Tasks that its integrations handle, whether they have said so or not. */
  readonly handles: readonly string[]
}

/** One ring in one geo, where its file says who may join or how a wave goes through it. */
export interface GeoRing {
  readonly geo: string
  readonly ring: string
  readonly join?: JoinRule
  readonly rollout?: Rollout
}

/** Stamps that may appear by themselves (DESIGN 7.8). */
export interface JoinRule {
  /** Globs of stamp names. */
  readonly allow: readonly string[]
  readonly approve: 'auto' | 'manual'
}

/** How a wave goes through the stamps of a ring (DESIGN 7.4). */
export interface Rollout {
  /** How many stamps at once: a number of them, or a share of the wave. */
  readonly concurrency: { readonly stamps: number } | { readonly percent: number }
  /** The pause after each wave. */
  readonly soakMs: number
  /** More failed stamps than this stop it. */
  readonly maxFailures: number
  /** As many of its stamps must pass, or a share of them; absent: no number. */
  readonly minSuccess?: { readonly stamps: number } | { readonly percent: number }
  /** Absent: none. */
  readonly deadlineMs?: number
}

/**
 * Whether a glob (`*` stands for any characters, also none) matches the whole of `text`. No regular
 * expression: `*a*a*a*b` and an event whose stage is a few hundred letters would stop the agent.
 */
export function globMatches(glob: string, text: string): boolean {
  if (!glob.includes('*')) return glob === text
  const [head = '', ...parts] = glob.split('*')
  const tail = parts.pop() ?? ''
  const end = text.length - tail.length
  if (end < head.length || !text.startsWith(head) || !text.endsWith(tail)) return false
  // The leftmost place is always the best: it leaves most to the parts that follow.
  let from = head.length
  for (const part of parts) {
    const found = text.indexOf(part, from)
    if (found < 0 || found + part.length > end) return false
    from = found + part.length
  }
  return true
}

/** The policy of a task: its own, else the default. */
export function taskPolicy(topology: Topology, task: string): TaskPolicy {
  return Object.hasOwn(topology.tasks.named, task)
    ? (topology.tasks.named[task] as TaskPolicy)
    : topology.tasks.default
}

/** The control plane that a project belongs to: the first whose globs name it. */
export function controlPlaneOf(topology: Topology, project: string): ControlPlane | undefined {
  return topology.controlPlanes.find((plane) =>
    plane.projects.some((glob) => globMatches(glob, project)),
  )
}

/** The rule that says what a stage of a project means: the first that matches. */
export function stageRule(
  topology: Topology,
  project: string,
  stage: string,
): { readonly rule: StageRule; readonly index: number } | undefined {
  const index = topology.stages.findIndex(
    (rule) =>
      globMatches(rule.stage, stage) &&
      (rule.project === undefined || globMatches(rule.project, project)),
  )
  const rule = topology.stages[index]
  return rule === undefined ? undefined : { rule, index }
}
