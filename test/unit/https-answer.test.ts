import test from 'ava'
import { refusalOf, rewritePosted } from '../../src/demo/keptn/api-event.ts'
import { decodeEvent } from '../../src/demo/keptn/go-decode.ts'
import { encodeGoModel } from '../../src/demo/keptn/go-encode.ts'
import { Datastore } from '../../src/demo/keptn/datastore.ts'
import type { KeptnEvent } from '../../src/domain/event.ts'
import { parseEvent } from '../../src/domain/event.ts'
import {
  isAnswer,
  isWrappedAnswer,
  unwrapAnswer,
  WRAPPED_ANSWER_TYPE,
  wrapAnswer,
} from '../../src/domain/https-answer.ts'
import { isPosted } from '../../src/domain/posted-event.ts'
import { eventOf } from '../support/keptn-event.ts'

const FINISHED = 'sh.keptn.event.deployment.finished'
const CONTEXT = '7b1f6a1e-0000-4000-8000-000000000001'

function read(text: string): KeptnEvent {
  const parsed = parseEvent(text)
  if (!parsed.ok) throw new Error(parsed.detail)
  return parsed.event
}

/** What the API of the double makes of an event that is posted to it with validation on. */
function posted(text: string): string {
  const decoded = decodeEvent(text)
  if (!decoded.ok) throw new Error(decoded.reason)
  const refusal = refusalOf(decoded.value)
  if (refusal !== undefined) throw new Error(refusal)
  return encodeGoModel(rewritePosted(decoded.value, Date.now(), () => 'made-anew'))
}

/** A `.finished` as no two JSON writers would write it. */
const ANSWER = JSON.stringify(
  eventOf(
    FINISHED,
    { id: 'A1', triggeredid: 'T1', shkeptncontext: CONTEXT, extra: 'unknown to Keptn' },
    { result: 'pass', status: 'succeeded', 'a.b': { $c: '<1> & "2"\u2028ü' }, list: [1] },
  ),
).replace('"list":[1]', '"list" : [ 1.0, 12345678901234567890 ]')

test('an answer comes out of what the API makes of it byte for byte', (t) => {
  const event = read(posted(wrapAnswer('eu-1', read(ANSWER), ANSWER)))
  t.is(event.id, 'made-anew', 'the API has its own id for it')
  t.true(isWrappedAnswer(event))
  const unwrapped = unwrapAnswer(event)
  t.true(unwrapped.ok)
  if (!unwrapped.ok) return
  t.is(unwrapped.stamp, 'eu-1')
  t.is(unwrapped.text, ANSWER)
  t.is(unwrapped.answer.id, 'A1')
  t.is(unwrapped.answer.triggeredid, 'T1')
})

test('Keptn reads nothing in a wrapped answer that would concern a task', (t) => {
  const event = read(wrapAnswer('eu-1', read(ANSWER), ANSWER))
  t.deepEqual(event.parsedType, { shape: 'task', task: 'signet-answer', kind: 'invalidated' })
  t.is(event.context, CONTEXT)
  t.not(event.triggeredid, 'T1', 'it is no answer to the task')
  t.deepEqual(Object.keys(event.data), ['project', 'stage', 'service', 'signet'])
})

test('a wrapped answer is known again in the datastore, and hides nothing there', (t) => {
  const wrapped = wrapAnswer('eu-1', read(ANSWER), ANSWER)
  const stored = posted(wrapped)
  t.true(isPosted(read(wrapped), stored))
  const other = wrapAnswer('eu-1', read(ANSWER), ANSWER.replace('pass', 'fail'))
  t.false(isPosted(read(other), stored), 'another answer is another event')

  const datastore = new Datastore()
  const types = ['deployment.triggered', 'deployment.started', 'evaluation.finished']
  for (const [index, type] of types.entries()) {
    const triggeredid = index === 0 ? '' : 'T1'
    const fields = { id: `E${index}`, triggeredid, shkeptncontext: CONTEXT }
    datastore.store(JSON.stringify(eventOf(`sh.keptn.event.${type}`, fields)), 0)
  }
  datastore.store(stored, 0)
  for (const type of types) {
    const query = { excludeInvalidated: true, limit: undefined }
    const found = datastore.ofType(`sh.keptn.event.${type}`, { context: CONTEXT }, query)
    t.is(found.length, 1, type)
  }
})

test('only .started and .finished of a task that answer something are answers', (t) => {
  const of = (type: string, triggeredid = 'T1') =>
    isAnswer(read(JSON.stringify(eventOf(`sh.keptn.event.${type}`, { triggeredid }))))
  t.true(of('deployment.started'))
  t.true(of('deployment.finished'))
  t.false(of('deployment.finished', ''))
  t.false(of('deployment.triggered'))
  t.false(of('deployment.status.changed'))
  t.false(of('dev.delivery.finished'))
})

test('what carries no answer is told from what does, with a reason', (t) => {
  const refused = (signet: unknown) => {
    const unwrapped = unwrapAnswer(
      read(JSON.stringify(eventOf(WRAPPED_ANSWER_TYPE, {}, { signet }))),
    )
    return unwrapped.ok ? undefined : unwrapped.detail
  }
  const triggered = JSON.stringify(eventOf('sh.keptn.event.deployment.triggered'))
  t.is(refused(undefined), 'data.signet is no object')
  t.is(refused([]), 'data.signet is no object')
  t.is(refused({ event: ANSWER }), 'data.signet.stamp is no name')
  t.is(refused({ stamp: 'eu-1', event: {} }), 'data.signet.event is no text')
  t.regex(refused({ stamp: 'eu-1', event: '{' }) ?? '', /malformed: not-json/)
  t.regex(refused({ stamp: 'eu-1', event: triggered }) ?? '', /no answer with a triggeredid/)
  t.is(refused({ stamp: 'eu-1', event: ANSWER }), undefined)
})
