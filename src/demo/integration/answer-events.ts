import { decodeEventData } from '../keptn/go-decode.ts'
import { compactEventData } from '../keptn/go-encode.ts'
import type { JsonObject, KeptnEvent } from '../keptn/keptn-event.ts'

/** What a handler says about a task; what it leaves out is filled in (wire 1.4). */
export interface Answer {
  /** Default pass. */
  readonly result?: string
  /** Default succeeded. */
  readonly status?: string
  readonly message?: string
  /** Beside the common fields, usually one object under the task's name. */
  readonly data?: JsonObject
}

/** What an answer is made with. */
export interface AnswerSource {
  readonly source: string
  readonly id: string
  readonly time: string
}

/** The `.started` of a task: the parent's common data and nothing more, leftovers included. */
export function startedEvent(parent: KeptnEvent, from: AnswerSource): KeptnEvent {
  return answerEvent(parent, 'started', commonData(parent), from)
}

/** A `.status.changed` of a task. */
export function statusChangedEvent(
  parent: KeptnEvent,
  message: string,
  from: AnswerSource,
): KeptnEvent {
  return answerEvent(parent, 'status.changed', { ...commonData(parent), message }, from)
}

/** The `.finished` of a task; an errored one without a result counts as failed. */
export function finishedEvent(parent: KeptnEvent, answer: Answer, from: AnswerSource): KeptnEvent {
  const { project, stage, service, labels } = commonData(parent)
  const { status = 'succeeded', message, data = {} } = answer
  const result = answer.result ?? (status === 'errored' ? 'fail' : 'pass')
  const common = { project, stage, service, ...(labels !== undefined && { labels }) }
  const said = { status, result, ...(message !== undefined && { message }) }
  return answerEvent(parent, 'finished', { ...common, ...data, ...said }, from)
}

function answerEvent(
  parent: KeptnEvent,
  kind: string,
  data: JsonObject,
  { source, id, time }: AnswerSource,
): KeptnEvent {
  return {
    contenttype: 'application/json',
    data,
    id,
    shkeptncontext: parent.shkeptncontext,
    shkeptnspecversion: '0.2.4',
    source,
    specversion: '1.0',
    time,
    triggeredid: parent.id,
    // go-sdk carries no commit on (wire 1.4).
    gitcommitid: '',
    type: (parent.type ?? '').replace(/\.triggered$/, `.${kind}`),
  }
}

function commonData(parent: KeptnEvent): Record<string, unknown> {
  const decoded = decodeEventData(parent.data)
  return decoded.ok ? compactEventData(decoded.value) : {}
}
