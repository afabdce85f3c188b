import { readAggregate } from './demo-aggregate.ts'
import type { Duplicates } from './demo-duplicates.ts'
import { findDuplicates } from './demo-duplicates.ts'
import type { Evidence } from './demo-evidence.ts'
import type { Losses, TriggeredTask } from './demo-loss.ts'
import { findLosses, finishedOf, triggeredTasks } from './demo-loss.ts'
import { geosOf, stampsOf } from './demo-plan.ts'
import type { DemoStage, DemoTask } from './demo-plan.ts'
import { findProblems } from './demo-problems.ts'

/** What `signet demo` has to say at its end, and what `--json` prints. Durations are in milliseconds. */
export interface DemoReport {
  /** Whether everything was as it should be: no problems. */
  readonly ok: boolean
  /** What was not, each as a sentence. */
  readonly problems: readonly string[]
  readonly seed: number
  readonly federation: {
    readonly home: string
    readonly geos: readonly string[]
    readonly rings: readonly string[]
    readonly stamps: number
  }
  /** The `shkeptncontext` of the delivery. */
  readonly context: string
  readonly stages: readonly StageReport[]
  readonly duplicates: Duplicates & { readonly total: number }
  readonly lost: {
    readonly total: number
    readonly expected: number
    readonly events: Losses['lost']
  }
  readonly deadLetters: { readonly total: number; readonly subjects: Evidence['deadLetters'] }
  /** Messages that were still on their way when the report was made. */
  readonly onTheWay: number
  readonly startMs: number
  /** From the trigger to the end of the last stage. */
  readonly deliveryMs: number
}

export interface StageReport {
  readonly stage: string
  readonly ring: string
  /** `none` where it did not run, or did not end. */
  readonly result: string
  readonly status: string
  readonly durationMs: number | null
  readonly tasks: readonly TaskReport[]
}

export interface TaskReport {
  readonly task: string
  /** As Keptn was told; `none` where it was not. */
  readonly result: string
  readonly durationMs: number | null
  /** How many answers Keptn got: one of each is right (wire 6.2). */
  readonly started: number
  readonly finished: number
  readonly stamps: readonly StampReport[]
}

interface StampReport {
  readonly stamp: string
  readonly geo: string
  readonly result: string
  readonly status: string
  readonly message: string
  /** From the `.started` to the `.finished` of its integration, by their own times. */
  readonly durationMs: number | null
}

/** The result of what did not happen. */
export const NONE = 'none'

/** Makes the report of a demo. Pure: the same evidence makes the same report. */
export function reportOf(evidence: Evidence): DemoReport {
  const { plan, context, deadLetters, onTheWay, startMs, deliveryMs } = evidence
  const triggered = triggeredTasks(evidence)
  const stages = plan.stages.map((stage) => stageReport(evidence, triggered, stage))
  const { expected, lost } = findLosses(evidence)
  const duplicates = findDuplicates(evidence)
  const copies = [...duplicates.keptn, ...duplicates.integrations]
  const facts = {
    seed: plan.seed,
    federation: {
      home: `${plan.home.geo}/${plan.home.stamp}`,
      geos: geosOf(plan),
      rings: plan.rings,
      stamps: plan.stamps.length,
    },
    context,
    stages,
    duplicates: { total: copies.reduce((sum, each) => sum + each.copies - 1, 0), ...duplicates },
    lost: { total: lost.length, expected, events: lost },
    deadLetters: {
      total: Object.values(deadLetters).reduce((sum, count) => sum + count, 0),
      subjects: deadLetters,
    },
    onTheWay,
    startMs,
    deliveryMs,
  }
  const problems = findProblems(facts, evidence)
  return { ok: problems.length === 0, problems, ...facts }
}

function stageReport(
  evidence: Evidence,
  triggered: readonly TriggeredTask[],
  stage: DemoStage,
): StageReport {
  const run = evidence.runs.findLast((each) => each.stage === stage.stage)
  return {
    ...stage,
    result: run?.end?.result ?? NONE,
    status: run?.end?.status ?? NONE,
    durationMs: run?.end === undefined ? null : run.end.atMs - run.triggeredAtMs,
    tasks: evidence.plan.tasks.map((task) => taskReport(evidence, triggered, stage, task)),
  }
}

function taskReport(
  evidence: Evidence,
  triggered: readonly TriggeredTask[],
  stage: DemoStage,
  task: DemoTask,
): TaskReport {
  const { plan, stored } = evidence
  const found = triggered.findLast(
    (each) => each.stage.stage === stage.stage && each.task.task === task.task,
  )
  const finished = found === undefined ? undefined : finishedOf(stored, found)
  const aggregate = readAggregate(finished, task.task)
  const count = (verb: string): number =>
    stored.filter(
      ({ type, triggeredid }) =>
        found !== undefined &&
        triggeredid === found.event.id &&
        type === `sh.keptn.event.${task.task}.${verb}`,
    ).length
  return {
    task: task.task,
    result: aggregate?.result ?? NONE,
    durationMs:
      found === undefined || finished === undefined
        ? null
        : finished.receivedAtMs - found.event.receivedAtMs,
    started: count('started'),
    finished: count('finished'),
    stamps: stampsOf(plan, stage).map(({ name, geo }) => {
      const told = aggregate?.stamps.get(name)
      const sent = found === undefined ? undefined : sentBy(evidence, name, found)
      const isLeftOut = told === undefined && (aggregate?.leftOut ?? 0) > 0
      const own = isLeftOut ? sent?.finished : undefined
      return {
        stamp: name,
        geo,
        result: told?.result ?? own?.result ?? NONE,
        status: told?.status ?? own?.status ?? NONE,
        message: told?.message ?? '',
        durationMs: sent?.durationMs ?? null,
      }
    }),
  }
}

function sentBy({ integrations }: Evidence, stamp: string, { event, task }: TriggeredTask) {
  const sent = integrations
    .filter((each) => each.stamp === stamp && each.name === task.integration)
    .flatMap((each) => each.sent)
    .filter(({ triggeredid }) => triggeredid === event.id)
  const started = sent.find(({ type }) => type.endsWith('.started'))
  const finished = sent.findLast(({ type }) => type.endsWith('.finished'))
  if (started === undefined || finished === undefined) return undefined
  return { finished, durationMs: finished.atMs - started.atMs }
}
