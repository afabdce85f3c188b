import type { KeptnEvent } from './event.ts'
import type { Interest } from './interest.ts'
import type { ResidencyVerdict } from './residency.ts'
import { residencyVerdict } from './residency.ts'
import type { Exclusion, Route } from './route.ts'
import { pickOne } from './route.ts'
import { inboundSubject, linkSubject, tailOf } from './subject.ts'
import type { ControlPlane, Stamp, StageRule, TaskPolicy, Topology } from './topology.ts'
import type { Wave, WaveGroup } from './wave-plan.ts'
import { planWaves } from './wave-plan.ts'

/** A decision of `route`, told so that a person can follow it. Plain data. */
export interface Explanation {
  readonly kind: Route['kind']
  /** One sentence: what becomes of the event, and why. */
  readonly sentence: string
  readonly rule?: { readonly index: number; readonly rule: StageRule }
  readonly task?: string
  readonly policy?: TaskPolicy
  /** Whether the policy is the task's own, or the default. */
  readonly policyOf?: 'task' | 'default'
  /** The subject that carries the event into a stamp's Keptn NATS; absent where nothing is sent. */
  readonly inbound?: string
  readonly targets: readonly ExplainedTarget[]
  /** The way through the rings; absent where all begin at once. */
  readonly waves?: readonly ExplainedWave[]
  readonly excluded: readonly ExplainedExclusion[]
}

export interface ExplainedTarget {
  readonly stamp: Stamp
  readonly interest: Exclude<Interest, { kind: 'none' }>
  /** With `select: one`: whether this is the stamp that gets it while all are equally busy. */
  readonly chosen: boolean
  /** The subject of its copy on the way down. */
  readonly down: string
  /** What the residency of the home geo says of that way. */
  readonly residency: ResidencyVerdict
  /** What the residency of the stamp's geo says of its answers; none are expected of a notice. */
  readonly answers: readonly { readonly tail: string; readonly residency: ResidencyVerdict }[]
}

export interface ExplainedWave extends Omit<Wave, 'groups'> {
  readonly groups: readonly (WaveGroup & { readonly stamps: number })[]
}

interface ExplainedExclusion {
  readonly stamp: Stamp
  readonly reason: Exclusion
  readonly sentence: string
}

const ANSWERS = ['started', 'status.changed', 'finished'] as const

/** Explains what `route` has decided; it decides nothing itself. */
export function explainRoute(
  topology: Topology,
  controlPlane: ControlPlane,
  event: KeptnEvent,
  route: Route,
): Explanation {
  if (route.kind === 'local')
    return {
      kind: 'local',
      sentence: localSentence(route.reason, controlPlane, event),
      targets: [],
      excluded: [
        ...route.missing.map((stamp) => explainExclusion(stamp, 'not-interested', event)),
        ...route.drained.map((stamp) => explainExclusion(stamp, 'drained', event)),
      ],
    }
  const tail = tailOf(event.type)
  const isFanOut = route.kind === 'fan-out'
  const chosen =
    isFanOut && route.policy.select === 'one'
      ? pickOne(route.targets, event.context, () => 0)
      : undefined
  const targets =
    tail === undefined
      ? []
      : route.targets.map((target): ExplainedTarget => {
          const { stamp, interest } = target
          const { geo: home } = controlPlane.home
          const place = { geo: stamp.geo, ring: stamp.ring, stamp: stamp.name }
          const scope = { federation: topology.federation, controlPlane: controlPlane.name }
          return {
            stamp,
            interest,
            chosen: chosen === undefined || chosen === target,
            down: linkSubject(scope, 'down', place, tail),
            residency: residencyVerdict(topology, home, stamp.geo, tail),
            answers: isFanOut
              ? ANSWERS.map((kind) => {
                  const answer = `event.${route.task}.${kind}`
                  return {
                    tail: answer,
                    residency: residencyVerdict(topology, stamp.geo, home, answer),
                  }
                })
              : [],
          }
        })
  const count = targets.filter((target) => target.chosen).length
  const to = `${count} ${count === 1 ? 'stamp' : 'stamps'}`
  const waves = isFanOut ? explainWaves(topology, route.policy, targets) : undefined
  const how =
    waves === undefined ? '' : `, in ${waves.length} ${waves.length === 1 ? 'wave' : 'waves'}`
  return {
    kind: route.kind,
    sentence: isFanOut
      ? `Task ${route.task} is fanned out to ${to}${how}.`
      : `A notice: it goes to ${to}, and no answer is expected.`,
    ...(route.rule === undefined ? {} : { rule: route.rule }),
    ...(isFanOut
      ? {
          task: route.task,
          policy: route.policy,
          policyOf: Object.hasOwn(topology.tasks.named, route.task) ? 'task' : 'default',
        }
      : {}),
    ...(tail === undefined ? {} : { inbound: inboundSubject(tail) }),
    targets,
    ...(waves === undefined ? {} : { waves }),
    excluded: route.excluded.map(({ stamp, reason }) => {
      const told = explainExclusion(stamp, reason, event, route.rule?.rule)
      const isFailure = isFanOut && reason === 'not-interested' && route.policy.missing === 'fail'
      return isFailure ? { ...told, sentence: `${told.sentence}: counts as failed` } : told
    }),
  }
}

/** The waves of a fan-out to these targets, with how many stamps each part has. */
function explainWaves(
  topology: Topology,
  policy: TaskPolicy,
  targets: readonly ExplainedTarget[],
): readonly ExplainedWave[] | undefined {
  const stamps = targets.filter(({ chosen }) => chosen).map(({ stamp }) => stamp)
  return planWaves({ topology, policy, targets: stamps })?.map((wave) => ({
    ...wave,
    groups: wave.groups.map((group) => ({
      ...group,
      stamps: stamps.filter(({ geo, ring }) => geo === group.geo && ring === wave.ring).length,
    })),
  }))
}

function localSentence(
  reason: Extract<Route, { kind: 'local' }>['reason'],
  controlPlane: ControlPlane,
  { project, stage, parsedType }: KeptnEvent,
): string {
  const task = parsedType.shape === 'task' ? `Task ${parsedType.task}` : 'The event'
  const sentences: Record<typeof reason, string> = {
    project: `Project "${project}" does not belong to control plane ${controlPlane.name}: the event stays where it is.`,
    stage:
      stage === ''
        ? `${task} names no stage: it stays in the control plane.`
        : `No stage rule names stage "${stage}" of project "${project}": the event stays in the control plane.`,
    task: `${task} has the policy select: none: it stays in the control plane.`,
    nobody: `${task} finds no stamp that wants it: it stays in the control plane.`,
  }
  return sentences[reason]
}

function explainExclusion(
  stamp: Stamp,
  reason: Exclusion,
  event: KeptnEvent,
  rule?: StageRule,
): ExplainedExclusion {
  return { stamp, reason, sentence: exclusionSentence(stamp, reason, event, rule) }
}

function exclusionSentence(
  stamp: Stamp,
  reason: Exclusion,
  { labels }: KeptnEvent,
  rule: StageRule | undefined,
): string {
  const narrowing = ['signet-geo', 'signet-ring', 'signet-stamp']
    .filter((label) => (labels[label] ?? '').trim() !== '')
    .map((label) => `${label}=${labels[label]}`)
  const sentences: Record<Exclusion, string> = {
    ring: `ring ${stamp.ring} is not among ${rule?.rings.join(', ')}`,
    geo: `geo ${stamp.geo} is not among ${rule?.geos?.join(', ')}`,
    home: 'a home stamp hears the control plane directly',
    label: `the event’s labels leave it out (${narrowing.join(' ')})`,
    path: 'the event came through it',
    drained: 'it is drained and takes no new tasks',
    'not-interested':
      stamp.handles.length === 0
        ? 'none of its integrations wants it'
        : `it handles only ${stamp.handles.join(', ')}`,
    'relayed-by-assumption': 'it has not asked for what other stamps publish',
  }
  return sentences[reason]
}
