import { decodeEventData } from './go-decode.ts'
import type { KeptnEvent } from './keptn-event.ts'
import { parseEventType } from './keptn-event.ts'
import { startSequence } from './sequence-start.ts'
import type { ShipyardController } from './shipyard-controller.ts'
import { takeAnswer } from './task-answer.ts'

/** What becomes of a message: ignored for a reason, the end of the process, or work to be done. */
export type Intake =
  | { readonly kind: 'ignored'; readonly reason: string }
  | { readonly kind: 'crash'; readonly reason: string }
  | { readonly kind: 'work'; readonly run: () => Promise<string | undefined> }

/**
 * Decides what shipyard-controller does with an event (wire 6.1), in the order in which its code
 * does: data, type, and only then the source, without which it dies (wire 1.1). The work itself is
 * left to the caller, who runs it beside all others; it resolves to the reason of a drop.
 */
export function takeIn(controller: ShipyardController, event: KeptnEvent): Intake {
  const data = decodeEventData(event.data)
  if (!data.ok) return { kind: 'ignored', reason: data.reason }
  if (event.type === undefined) return { kind: 'ignored', reason: 'event does not contain a type' }
  const type = parseEventType(event.type)
  if (type === undefined) {
    return { kind: 'ignored', reason: `${event.type} is not a valid keptn event type` }
  }
  if (event.source === undefined) {
    return { kind: 'crash', reason: 'nil pointer dereference: the event has no source' }
  }
  const scope = data.value
  const { kind } = type
  if (kind !== 'triggered' && kind !== 'started' && kind !== 'finished') {
    return { kind: 'ignored', reason: `kind ${kind} is not handled` }
  }
  const missing = (['project', 'stage', 'service'] as const).find((name) => scope[name] === '')
  if (missing !== undefined) {
    return { kind: 'ignored', reason: `event does not contain a ${missing}` }
  }
  if (kind === 'triggered') {
    if (type.of === 'task') return { kind: 'ignored', reason: 'a task is not started from outside' }
    return {
      kind: 'work',
      run: () => startSequence(controller, event, scope, type.sequence),
    }
  }
  if (type.of === 'sequence') return { kind: 'ignored', reason: 'not a task event' }
  return { kind: 'work', run: () => takeAnswer(controller, event, scope, kind) }
}
