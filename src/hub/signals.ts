import { LRUCache } from 'lru-cache'
import type { KeptnEvent } from '../domain/event.ts'
import type { Cancelled } from '../domain/fanout.ts'

/** What an event of the control plane means for the fan-outs that are open (DESIGN 7.3). */
export type Signal =
  | { readonly kind: 'none' }
  /** An integration at home answers a task. */
  | { readonly kind: 'answered-at-home'; readonly triggeredid: string }
  /** Keptn is done with whatever a stage was at in this context. */
  | { readonly kind: 'stage-over'; readonly stage: string; readonly reason: Cancelled['reason'] }

const SHIPYARD = 'shipyard-controller'
const NONE: Signal = { kind: 'none' }
/** Stages of contexts whose sequences are remembered. */
const REMEMBERED = 10_000

/**
 * Reads the signals in events that were born at home. Keptn tells integrations nothing of an abort or a
 * time-out (wire 6.7); the end of the sequence is all there is, and a later answer of ours would be
 * appended to the next task (wire 6.2).
 *
 * Two sequences of one context may run side by side in one stage (wire 6.7: the queue holds up other
 * contexts only), and a task does not say which of them it belongs to. So the ordinary end of a sequence,
 * and the next task, mean something only where no other sequence is known to run there; an abort ends all
 * of them.
 */
export class Signals {
  /** By context and stage: the ids of the sequence triggers that have not ended, as far as we saw. */
  readonly #running = new LRUCache<string, Set<string>>({ max: REMEMBERED })

  read(event: KeptnEvent): Signal {
    const { parsedType: type, source, triggeredid, stage, context } = event
    if (type.shape === 'sequence') return this.#sequence(event, type)
    if (type.shape !== 'task') return NONE
    if (type.kind === 'triggered' && source === SHIPYARD)
      return this.#count(context, stage) === 1
        ? { kind: 'stage-over', stage, reason: 'overtaken' }
        : NONE
    const isAnswer = type.kind === 'started' || type.kind === 'finished'
    return isAnswer && triggeredid !== '' ? { kind: 'answered-at-home', triggeredid } : NONE
  }

  #sequence(
    event: KeptnEvent,
    { stage, kind }: { readonly stage: string; readonly kind: string },
  ): Signal {
    const { context, id, triggeredid, source } = event
    const key = `${context} ${stage}`
    if (kind === 'triggered') {
      const running = this.#running.get(key) ?? new Set<string>()
      this.#running.set(key, running.add(id))
      return NONE
    }
    if (kind !== 'finished' || source !== SHIPYARD) return NONE
    const isKnown = this.#running.get(key)?.delete(triggeredid) === true
    const reason = endReason(event)
    if (reason !== 'finished') return { kind: 'stage-over', stage, reason }
    return isKnown && this.#count(context, stage) === 0
      ? { kind: 'stage-over', stage, reason }
      : NONE
  }

  #count(context: string, stage: string): number {
    return this.#running.get(`${context} ${stage}`)?.size ?? 0
  }
}

function endReason({ data }: KeptnEvent): Cancelled['reason'] {
  if (data['status'] === 'aborted') return 'aborted'
  const { message } = data
  return typeof message === 'string' && message.includes('timed out') ? 'timed-out' : 'finished'
}
