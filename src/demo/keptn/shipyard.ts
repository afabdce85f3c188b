import type { JsonObject } from './keptn-event.ts'

/** A shipyard file as an object, in Keptn's own shape; fields that the double does not read are fine. */
export interface Shipyard {
  readonly spec: { readonly stages: readonly ShipyardStage[] }
}

interface ShipyardStage {
  readonly name: string
  readonly sequences: readonly ShipyardSequence[]
}

export interface ShipyardSequence {
  readonly name: string
  readonly triggeredOn?: readonly ShipyardTrigger[]
  readonly tasks: readonly ShipyardTask[]
}

interface ShipyardTrigger {
  /** `<stage>.<sequence>.finished`. */
  readonly event: string
  readonly selector?: { readonly match?: Readonly<Record<string, string>> }
}

export interface ShipyardTask {
  readonly name: string
  /** A Go duration such as `10m`: the `.triggered` is held back that long (wire 6.4). */
  readonly triggeredAfter?: string
  readonly properties?: JsonObject
}

/**
 * The sequence of that name in a stage, or the message with which Keptn refuses to start it
 * (wire 6.5). A sequence `evaluation` exists in every stage.
 */
export function findSequence(
  shipyard: Shipyard,
  stageName: string,
  name: string,
): ShipyardSequence | { readonly refusal: string } {
  const stage = shipyard.spec.stages.find((candidate) => candidate.name === stageName)
  if (stage === undefined) return { refusal: `no stage with name ${stageName}` }
  const sequence = stage.sequences.find((candidate) => candidate.name === name)
  if (sequence !== undefined) {
    return sequence.tasks.length > 0
      ? sequence
      : { refusal: `task sequence ${name} does not contain any tasks` }
  }
  if (name === 'evaluation') return { name, tasks: [{ name: 'evaluation' }] }
  return { refusal: `no task sequence with name ${name} found in stage ${stageName}` }
}

/** What just ended, and therefore may trigger other sequences. */
export interface EndedSequence {
  /** The stage named by the event that completed the last task, which need not be the real one. */
  readonly stage: string
  readonly sequence: string
  readonly lastTask: string
  readonly result: string
}

/**
 * The sequences to trigger next, in the order of the shipyard, once for each of their triggers that
 * matches (wire 6.5). Without a selector pass and warning match; with one, `match.result` or
 * `match["<last task>.result"]` must be the result.
 */
export function sequencesTriggeredBy(
  shipyard: Shipyard,
  ended: EndedSequence,
): readonly { readonly stage: string; readonly sequence: ShipyardSequence }[] {
  const event = `${ended.stage}.${ended.sequence}.finished`
  return shipyard.spec.stages.flatMap((stage) =>
    stage.sequences.flatMap((sequence) =>
      (sequence.triggeredOn ?? [])
        .filter((trigger) => trigger.event === event && selects(trigger, ended))
        .map(() => ({ stage: stage.name, sequence })),
    ),
  )
}

function selects(trigger: ShipyardTrigger, ended: EndedSequence): boolean {
  const match = trigger.selector?.match
  if (match === undefined) return ended.result === 'pass' || ended.result === 'warning'
  return match['result'] === ended.result || match[`${ended.lastTask}.result`] === ended.result
}
