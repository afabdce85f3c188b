import type { KeptnEvent } from '../domain/event.ts'
import type { Cancelled } from '../domain/fanout.ts'

/** What an event of the control plane means for the fan-outs that are open (DESIGN 7.3). */
export type Signal =
  | { readonly kind: 'none' }
  /** An integration at home answers a task. */
  | { readonly kind: 'answered-at-home'; readonly triggeredid: string }
  /** Keptn is done with whatever a stage was at in this context. */
  | {
      readonly kind: 'stage-over'
      readonly stage: string
      /** Empty: of every service. */
      readonly service: string
      readonly reason: Cancelled['reason']
    }

const SHIPYARD = 'shipyard-controller'

/**
 * Reads the signal in an event that was born at home. Keptn tells integrations nothing of an abort or a
 * time-out (wire 6.7); the end of the sequence is all there is, and a later answer of ours would be
 * appended to the next task (wire 6.2).
 */
export function signalOf(event: KeptnEvent): Signal {
  const { parsedType: type, source, stage, service, triggeredid } = event
  if (type.shape === 'sequence' && type.kind === 'finished' && source === SHIPYARD)
    return { kind: 'stage-over', stage: type.stage, service: '', reason: endReason(event) }
  if (type.shape !== 'task') return { kind: 'none' }
  if (type.kind === 'triggered' && source === SHIPYARD)
    return { kind: 'stage-over', stage, service, reason: 'overtaken' }
  const isAnswer = type.kind === 'started' || type.kind === 'finished'
  if (isAnswer && triggeredid !== '') return { kind: 'answered-at-home', triggeredid }
  return { kind: 'none' }
}

function endReason({ data }: KeptnEvent): Cancelled['reason'] {
  if (data['status'] === 'aborted') return 'aborted'
  const { message } = data
  return typeof message === 'string' && message.includes('timed out') ? 'timed-out' : 'finished'
}
