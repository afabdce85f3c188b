import test from 'ava'
import { echoKey } from '../../src/domain/echo.ts'
import type { KeptnEvent } from '../../src/domain/event.ts'
import { parseEvent } from '../../src/domain/event.ts'
import { isPosted, storedContext } from '../../src/domain/posted-event.ts'
import { rewritePosted } from '../../src/demo/keptn/api-event.ts'
import { decodeEvent } from '../../src/demo/keptn/go-decode.ts'
import { encodeGoModel } from '../../src/demo/keptn/go-encode.ts'
import { eventOf } from '../support/keptn-event.ts'

const STARTED = 'sh.keptn.event.deployment.started'

function read(text: string): KeptnEvent {
  const parsed = parseEvent(text)
  if (!parsed.ok) throw new Error(parsed.detail)
  return parsed.event
}

/** What the API of the double makes of an event. */
function posted(text: string): string {
  const decoded = decodeEvent(text)
  if (!decoded.ok) throw new Error(decoded.reason)
  return encodeGoModel(rewritePosted(decoded.value, Date.now(), () => 'made-anew'))
}

test('what the API made of an event is known again, and nothing else is taken for it', (t) => {
  const text = JSON.stringify(eventOf(STARTED, { triggeredid: 'T1' }, { note: '<1>', n: [1, 2] }))
  const event = read(text)
  t.true(isPosted(event, posted(text)))
  t.is(echoKey(read(posted(text))), echoKey(event))
  for (const other of [
    { triggeredid: 'T2' },
    { source: 'somebody else' },
    { type: 'sh.keptn.event.deployment.finished' },
    { data: { ...event.data, note: '<2>' } },
  ])
    t.false(isPosted(event, posted(JSON.stringify({ ...JSON.parse(text), ...other }))))
  for (const nothing of ['', 'null', '[]', '{}']) t.false(isPosted(event, nothing))
})

test('a context that is no UUID becomes the one that the API makes of it', (t) => {
  for (const shkeptncontext of ['c', 'a context of more than sixteen bytes', 'käse', '%']) {
    const text = JSON.stringify(eventOf(STARTED, { shkeptncontext }))
    t.is(storedContext(shkeptncontext), read(posted(text)).context)
    t.is(echoKey(read(posted(text))), echoKey(read(text)))
  }
  const uuid = '7b1f0000-0000-4000-8000-00000000000a'
  t.is(storedContext(uuid), uuid)
  t.is(storedContext(''), undefined)
})
