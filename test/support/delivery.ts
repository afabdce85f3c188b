import type { SequenceTrigger } from '../../src/demo/keptn/keptn-double.ts'
import type { SequenceView } from '../../src/demo/keptn/sequence-view.ts'
import type { Rig } from './federation.ts'

/** Starts a sequence, by default `delivery` in stage `dev`, and resolves when it has ended. */
export async function deliver(
  rig: Rig,
  over: Partial<SequenceTrigger> = {},
  timeoutMs = 30_000,
): Promise<{ readonly context: string; readonly view: SequenceView }> {
  const { context } = await begin(rig, over)
  const { stage = 'dev', sequence = 'delivery' } = over
  const view = await rig.keptn.waitForSequence(context, stage, sequence, { timeoutMs })
  return { context, view }
}

/** Starts a sequence, by default `delivery` in stage `dev`. */
export function begin(rig: Rig, over: Partial<SequenceTrigger> = {}) {
  return rig.keptn.triggerSequence({
    project: 'shop',
    stage: 'dev',
    sequence: 'delivery',
    service: 'cart',
    ...over,
  })
}

/** What Keptn's datastore has of the answers to a task, copies included: `started signet`. */
export function answersOf(rig: Rig, context: string, task: string): readonly string[] {
  return rig.keptn.events(context).flatMap(({ event }) => {
    const [, , , name, kind = '', ...rest] = (event.type ?? '').split('.')
    const isAnswer = name === task && rest.length === 0 && ['started', 'finished'].includes(kind)
    return isAnswer ? [`${kind} ${event.source}`] : []
  })
}

interface Section {
  readonly result: string
  readonly status: string
  readonly counts: Readonly<Record<string, number>>
  readonly stamps: Readonly<Record<string, { result: string; status: string; message: string }>>
}

/** `data.signet.<task>` of the one `.finished` of a task. */
export function sectionOf(rig: Rig, context: string, task: string): Section {
  const finished = finishedOf(rig, context, task)
  const { signet } = finished as { signet?: Readonly<Record<string, Section>> }
  const section = signet?.[task]
  if (section === undefined) throw new Error(`no section of ${task}`)
  return section
}

/** The data of the first `.finished` of a task. */
export function finishedOf(rig: Rig, context: string, task: string): object {
  const type = `sh.keptn.event.${task}.finished`
  const [first] = rig.keptn.stored({ context, type })
  if (first === undefined) throw new Error(`no ${type} in ${context}`)
  return (JSON.parse(first.payload) as { data: object }).data
}
