import test from 'ava'
import { decodeEvent, decodeEventData } from '../../src/demo/keptn/go-decode.ts'
import { encodeCloudEvent, encodeGoModel } from '../../src/demo/keptn/go-encode.ts'
import { parseEventType } from '../../src/demo/keptn/keptn-event.ts'

function decoded(json: string) {
  const result = decodeEvent(json)
  if (!result.ok) throw new Error(result.reason)
  return result.value
}

test('unknown attributes are dropped and names match without regard to case', (t) => {
  const event = decoded('{"ID":"1","Type":"a","source":"s","traceparent":"x","data":{"k":1}}')
  t.is(
    encodeGoModel(event),
    '{"data":{"k":1},"id":"1","source":"s","time":"0001-01-01T00:00:00Z","type":"a"}',
  )
})

test('null leaves a field unset, and a message of null is an event of nothing', (t) => {
  t.like(decoded('{"id":null,"type":null,"source":null}'), { id: '', type: undefined })
  t.like(decoded('null'), { source: undefined })
})

const refused: readonly (readonly [string, string])[] = [
  ['no JSON', '{'],
  ['an array', '[]'],
  ['a number as id', '{"id":1}'],
  ['an empty time', '{"time":""}'],
  ['a time that is not RFC 3339', '{"time":"2024-01-01 10:00:00"}'],
  ['a time that does not exist', '{"time":"2024-02-30T10:00:00Z"}'],
]
for (const [title, json] of refused) {
  test(`${title} is refused`, (t) => {
    t.false(decodeEvent(json).ok)
  })
}

const printed = (time: string) => decoded(JSON.stringify({ time })).time

test('a time is printed as Go prints it', (t) => {
  t.is(printed('2024-01-01T10:00:00.120000Z'), '2024-01-01T10:00:00.12Z')
  t.is(printed('2024-01-01T10:00:00+00:00'), '2024-01-01T10:00:00Z')
  t.is(printed('2024-01-01T10:00:00.5+02:00'), '2024-01-01T10:00:00.5+02:00')
})

test('common data needs strings, and labels of strings', (t) => {
  t.true(decodeEventData(null).ok)
  t.true(decodeEventData({ project: 'p', labels: { a: 'b' }, anything: [1] }).ok)
  t.false(decodeEventData({ project: 1 }).ok)
  t.false(decodeEventData({ labels: { a: 1 } }).ok)
  t.false(decodeEventData('text').ok)
})

test('the two orders of keys are those of the Go model and of the CloudEvents SDK', (t) => {
  const event = decoded(
    JSON.stringify({
      contenttype: 'application/json',
      type: 't',
      triggeredid: 'T',
      gitcommitid: 'c',
      specversion: '1.0',
      source: 's',
      shkeptnspecversion: '0.2.4',
      shkeptncontext: 'C',
      id: 'I',
      time: '2024-01-01T10:00:00Z',
      data: { b: '<', a: 1 },
    }),
  )
  t.is(
    encodeGoModel(event),
    '{"contenttype":"application/json","data":{"a":1,"b":"\\u003c"},"id":"I","shkeptncontext":"C","shkeptnspecversion":"0.2.4","source":"s","specversion":"1.0","time":"2024-01-01T10:00:00Z","triggeredid":"T","gitcommitid":"c","type":"t"}',
  )
  t.is(
    encodeCloudEvent(event, { datacontenttype: true }),
    '{"specversion":"1.0","id":"I","source":"s","type":"t","datacontenttype":"application/json","time":"2024-01-01T10:00:00Z","data":{"a":1,"b":"\\u003c"},"gitcommitid":"c","shkeptncontext":"C","triggeredid":"T","shkeptnspecversion":"0.2.4"}',
  )
  t.false(encodeCloudEvent(event, { datacontenttype: false }).includes('datacontenttype'))
})

test('a type is told by the number of its parts', (t) => {
  t.like(parseEventType('sh.keptn.event.deployment.started'), { of: 'task', kind: 'started' })
  t.like(parseEventType('sh.keptn.event.dev.delivery.finished'), { of: 'sequence', stage: 'dev' })
  t.like(parseEventType('sh.keptn.event.deployment.status.changed'), { of: 'sequence' })
  t.is(parseEventType('sh.keptn.log.error'), undefined)
  t.is(parseEventType('sh.keptn.event..finished'), undefined)
})
