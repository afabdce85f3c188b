import type { KeptnEvent } from './event.ts'
import { parseEvent } from './event.ts'
import { isJsonObject } from './json.ts'

/**
 * An answer on its way to the hub through Keptn's public API (DESIGN 7.9). Posted as it is, Keptn would
 * count it by its own rules (wire 6.2, 6.3), past waves and success policies, under an id that the API makes
 * up (wire 5.2). So it travels inside an event that Keptn stores and does nothing with, as text: Go would
 * write its JSON anew, and its bytes tell a copy from another event.
 */

/** Keptn's validation lets a task's `.invalidated` pass, and shipyard-controller ignores it (wire 1.4, 5.2, 6.1). */
export const WRAPPED_ANSWER_TYPE = 'sh.keptn.event.signet-answer.invalidated'
const SOURCE = 'signet'

/** Whether an event is an answer on its way to the hub; nobody else is to be handed one. */
export function isWrappedAnswer({ type }: Pick<KeptnEvent, 'type'>): boolean {
  return type === WRAPPED_ANSWER_TYPE
}

/**
 * Whether an event of an integration goes to Keptn's API wrapped, where its `triggeredid` is that of a
 * fan-out: it is a task's `.started` or `.finished`.
 */
export function isAnswer({ parsedType: type, triggeredid }: KeptnEvent): boolean {
  const isKind = type.shape === 'task' && (type.kind === 'started' || type.kind === 'finished')
  return isKind && triggeredid !== ''
}

/**
 * The JSON of the event to post for an answer of a stamp; `text` is the answer as its integration wrote it.
 *
 * Its `triggeredid` must be there and be nobody else's: mongodb-datastore joins `.invalidated` events with
 * others by it (wire 5.3), and hides what has the same, or none where this has none.
 */
export function wrapAnswer(stamp: string, answer: KeptnEvent, text: string): string {
  const { id, time, context, project, stage, service } = answer
  return JSON.stringify({
    specversion: '1.0',
    id,
    source: SOURCE,
    type: WRAPPED_ANSWER_TYPE,
    time,
    shkeptncontext: context,
    triggeredid: id,
    data: { project, stage, service, signet: { stamp, event: text } },
  })
}

export type UnwrappedAnswer =
  | {
      readonly ok: true
      /** The stamp that it names as its sender. Nothing but the API's token vouches for it. */
      readonly stamp: string
      readonly answer: KeptnEvent
      /** As its integration wrote it. */
      readonly text: string
    }
  | { readonly ok: false; readonly detail: string }

/** Takes an answer out of the event that carries it, or says why there is none in it. */
export function unwrapAnswer({ data }: Pick<KeptnEvent, 'data'>): UnwrappedAnswer {
  const { signet } = data
  if (!isJsonObject(signet)) return refuse('data.signet is no object')
  const { stamp, event: text } = signet
  if (typeof stamp !== 'string' || stamp === '') return refuse('data.signet.stamp is no name')
  if (typeof text !== 'string') return refuse('data.signet.event is no text')
  const parsed = parseEvent(text)
  if (!parsed.ok) return refuse(`the answer in it is malformed: ${parsed.reason}, ${parsed.detail}`)
  if (!isAnswer(parsed.event))
    return refuse(`${parsed.event.type} in it is no answer with a triggeredid`)
  return { ok: true, stamp, answer: parsed.event, text }
}

function refuse(detail: string): UnwrappedAnswer {
  return { ok: false, detail }
}
