import { readAggregate } from './demo-aggregate.ts'
import type { Aggregate } from './demo-aggregate.ts'
import type { Evidence, IntegrationFact, SentFact, StoredFact } from './demo-evidence.ts'
import { finishedType, stampsOf, triggeredType } from './demo-plan.ts'
import type { DemoStage, DemoTask } from './demo-plan.ts'
import { isJsonObject } from './keptn/keptn-event.ts'

/** Something that one end sent and the other has not got. */
interface LostEvent {
  readonly what: 'delivery' | 'notice' | 'answer' | 'end'
  readonly id: string
  readonly type: string
  /** Where it was to go, or came from; absent for what concerns the control plane alone. */
  readonly stamp?: string
  readonly why: string
}

export interface Losses {
  /** How many transfers were looked at. */
  readonly expected: number
  readonly lost: readonly LostEvent[]
}

/** A task that Keptn has triggered in a stage. */
export interface TriggeredTask {
  readonly event: StoredFact
  readonly stage: DemoStage
  readonly task: DemoTask
}

/** The tasks that Keptn has triggered, in order; a copy of a `.triggered` is no other task. */
export function triggeredTasks({ plan, stored }: Evidence): readonly TriggeredTask[] {
  const seen = new Set<string>()
  return stored.flatMap((event) => {
    const stage = plan.stages.find((each) => each.stage === event.stage)
    const task = plan.tasks.find((each) => triggeredType(each.task) === event.type)
    if (stage === undefined || task === undefined || seen.has(event.id)) return []
    seen.add(event.id)
    return [{ event, stage, task }]
  })
}

/**
 * What was lost, looked for from both ends. *Delivery*: a task that Keptn triggered has reached the
 * integration of each stamp of its ring. *Answer*: each `.started` and `.finished` that an integration
 * published is in what Keptn was told at the end of the task, under the name of its stamp, with the
 * result that was sent; and so are the data of each `.finished`. *End*: each task that was triggered
 * has a `.finished` at Keptn. *Notice*: the end of the delivery in a stage has reached each stamp of its ring.
 */
export function findLosses(evidence: Evidence): Losses {
  const tasks = triggeredTasks(evidence)
  const checks = [
    ...tasks.flatMap((task) => taskChecks(evidence, task)),
    ...noticeChecks(evidence),
    ...strayAnswers(evidence, tasks),
  ]
  return {
    expected: checks.length,
    lost: checks.flatMap(({ lost }) => (lost === undefined ? [] : [lost])),
  }
}

interface Check {
  readonly lost: LostEvent | undefined
}

function check(isThere: boolean, lost: LostEvent): Check {
  return { lost: isThere ? undefined : lost }
}

function taskChecks(evidence: Evidence, triggered: TriggeredTask): readonly Check[] {
  const { plan, stored } = evidence
  const { event, stage, task } = triggered
  const { id, type } = event
  const deliveries = stampsOf(plan, stage).map(({ name: stamp }) => {
    const isThere = gets(evidence, stamp, task, id)
    const why = `${task.integration} of ${stamp} did not get it`
    return check(isThere, { what: 'delivery', id, type, stamp, why })
  })
  const finished = finishedOf(stored, triggered)
  const end = check(finished !== undefined, {
    what: 'end',
    id,
    type,
    why: `Keptn got no .finished for ${task.task} in ${stage.stage}`,
  })
  return [...deliveries, end, ...answerChecks(evidence, triggered, finished)]
}

/** The hub's `.finished` of a task, as Keptn stored it. */
export function finishedOf(
  stored: readonly StoredFact[],
  { event, task }: TriggeredTask,
): StoredFact | undefined {
  return stored.find(
    ({ type, triggeredid }) =>
      triggeredid === event.id && type === `sh.keptn.event.${task.task}.finished`,
  )
}

function gets(evidence: Evidence, stamp: string, { integration }: DemoTask, id: string): boolean {
  return evidence.integrations.some(
    ({ stamp: at, name, received }) =>
      at === stamp && name === integration && received.some((event) => event.id === id),
  )
}

function answerChecks(
  evidence: Evidence,
  { event, task }: TriggeredTask,
  finished: StoredFact | undefined,
): readonly Check[] {
  const aggregate = readAggregate(finished, task.task)
  const data = isJsonObject(finished?.data) ? finished.data[task.task] : undefined
  const answers = evidence.integrations.flatMap(({ stamp, sent }) =>
    sent.filter(({ triggeredid }) => triggeredid === event.id).map((answer) => ({ stamp, answer })),
  )
  const unnamed = [...new Set(answers.map(({ stamp }) => stamp))].filter(
    (stamp) => aggregate?.stamps.has(stamp) !== true,
  )
  // Of many stamps Keptn is told the names of those that failed, and the number of the others.
  const excused = new Set(unnamed.slice(0, aggregate?.leftOut ?? 0))
  return answers.map(({ stamp, answer }) => {
    const { id, type } = answer
    const why = excused.has(stamp)
      ? unlessPassed(answer)
      : (missingPart(aggregate, stamp, answer) ?? missingData(data, stamp, answer))
    return { lost: why === undefined ? undefined : { what: 'answer', id, type, stamp, why } }
  })
}

function isFinished({ type }: SentFact): boolean {
  return type.endsWith('.finished')
}

function unlessPassed(answer: SentFact): string | undefined {
  if (!isFinished(answer) || answer.result === 'pass' || answer.result === 'warning')
    return undefined
  return `Keptn counts ${answer.result} as passed`
}

function missingPart(
  aggregate: Aggregate | undefined,
  stamp: string,
  answer: SentFact,
): string | undefined {
  if (aggregate === undefined) return 'Keptn was told of no answers to this task'
  const told = aggregate.stamps.get(stamp)
  if (told === undefined) return `Keptn was told nothing of ${stamp}`
  if (!isFinished(answer)) return told.hasStarted ? undefined : `Keptn was not told of its start`
  if (!told.hasFinished) return 'Keptn was not told of its end'
  if (told.result === answer.result) return undefined
  return `Keptn was told ${told.result}, and it was ${answer.result}`
}

/** Each integration puts its own part under the name of its stamp (`answerData`). */
function missingData(data: unknown, stamp: string, answer: SentFact): string | undefined {
  if (!isFinished(answer) || (isJsonObject(data) && Object.hasOwn(data, stamp))) return undefined
  return 'its data are not in what Keptn got'
}

/** What an integration adds to the data of its answer, to be found again in what Keptn gets. */
export function answerData(task: string, stamp: string, tookMs: number) {
  return { [task]: { [stamp]: { tookMs } } }
}

function noticeChecks({ plan, stored, integrations }: Evidence): readonly Check[] {
  return plan.stages.flatMap((stage) => {
    const type = finishedType(stage.stage)
    const ids = new Set(stored.filter((event) => event.type === type).map(({ id }) => id))
    return [...ids].flatMap((id) =>
      stampsOf(plan, stage).map(({ name: stamp }) => {
        const isThere = integrations.some(
          (each) => each.stamp === stamp && each.received.some((event) => event.id === id),
        )
        const why = `no integration of ${stamp} got it`
        return check(isThere, { what: 'notice', id, type, stamp, why })
      }),
    )
  })
}

/** An answer to something that Keptn never asked for. */
function strayAnswers(
  { integrations }: Evidence,
  tasks: readonly TriggeredTask[],
): readonly Check[] {
  const asked = new Set(tasks.map(({ event }) => event.id))
  const stray = ({ sent }: IntegrationFact) =>
    sent.filter(({ triggeredid }) => !asked.has(triggeredid))
  return integrations.flatMap((each) =>
    stray(each).map(({ id, type }) => ({
      lost: { what: 'answer', id, type, stamp: each.stamp, why: 'Keptn has no such task' } as const,
    })),
  )
}
