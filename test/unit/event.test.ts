import { fc, testProp } from '@fast-check/ava'
import test from 'ava'
import { isRfc3339, parseEvent } from '../../src/domain/event.ts'
import { parseEventType, readSlip } from '../../src/domain/event-type.ts'

const TYPE = 'sh.keptn.event.deployment.triggered'
const good = {
  specversion: '1.0',
  id: 'T1',
  source: 'shipyard-controller',
  type: TYPE,
  time: '2024-01-01T10:00:00.123456789Z',
  shkeptncontext: 'c1',
  data: { project: 'p', stage: 'dev', service: 's', labels: { a: 'b' } },
}

function reason(text: string): string {
  const parsed = parseEvent(text)
  return parsed.ok ? 'accepted' : parsed.reason
}

function parse(changes: Readonly<Record<string, unknown>>, subject = TYPE) {
  return parseEvent(JSON.stringify({ ...good, ...changes }), subject)
}

test('an event as shipyard-controller sends it is read', (t) => {
  const parsed = parse({ gitcommitid: 'abc', shkeptnspecversion: '0.2.4', datacontenttype: 'x' })
  t.true(parsed.ok)
  if (!parsed.ok) return
  t.like(parsed.event, { id: 'T1', context: 'c1', project: 'p', stage: 'dev', gitcommitid: 'abc' })
  t.deepEqual(parsed.event.labels, { a: 'b' })
})

test('an event as a client sends it is read: unknown fields, no context, null strings, extensions', (t) => {
  const { shkeptncontext: _, ...rest } = good
  const data = { ...good.data, message: null, labels: null, custom: [1, { x: null }] }
  const parsed = parseEvent(JSON.stringify({ ...rest, data, extensions: { a: {} }, foo: 1 }), TYPE)
  t.true(parsed.ok)
  t.is(parsed.ok && parsed.event.context, '')
})

const refused: readonly [string, Readonly<Record<string, unknown>>, string][] = [
  ['no source crashes shipyard-controller', { source: undefined }, 'no-source'],
  ['an empty source', { source: '' }, 'no-source'],
  ['a null source', { source: null }, 'no-source'],
  ['no type kills cp-connector', { type: undefined }, 'no-type'],
  ['a type that is no subject', { type: 'sh.keptn.event.a b.triggered' }, 'bad-type'],
  ['a type with a wildcard', { type: 'sh.keptn.event.*.triggered' }, 'bad-type'],
  [
    'a type that is not its subject',
    { type: 'sh.keptn.event.test.triggered' },
    'type-is-not-subject',
  ],
  ['no id', { id: undefined }, 'no-id'],
  ['an id that is a number', { id: 7 }, 'no-id'],
  ['no specversion', { specversion: undefined }, 'no-specversion'],
  ['no time', { time: undefined }, 'bad-time'],
  ['an empty time', { time: '' }, 'bad-time'],
  ['a time that Go does not read', { time: '2024-13-01T00:00:00Z' }, 'bad-time'],
  ['a triggeredid that is no string', { triggeredid: 1 }, 'bad-attribute'],
  ['a context that is no string', { shkeptncontext: {} }, 'bad-attribute'],
  ['no data', { data: undefined }, 'no-data'],
  ['null data', { data: null }, 'no-data'],
  ['data that is a list', { data: [] }, 'no-data'],
  ['a project that is no string', { data: { project: 1 } }, 'bad-data-field'],
  ['a result that is no string', { data: { result: true } }, 'bad-data-field'],
  ['labels that are a list', { data: { labels: [] } }, 'bad-labels'],
  ['a label that is no string', { data: { labels: { a: 1 } } }, 'bad-labels'],
  [
    'null temporaryData panics the distributor',
    { data: { temporaryData: null } },
    'bad-temporary-data',
  ],
  ['temporaryData that is a string', { data: { temporaryData: 'x' } }, 'bad-temporary-data'],
  ['a second source that Go would take', { Source: null }, 'ambiguous-key'],
  ['a key that Go folds with the long s', { '\u017fource': null }, 'ambiguous-key'],
  ['a second project that Go would take', { data: { PROJECT: 1 } }, 'ambiguous-key'],
]
for (const [title, changes, reason] of refused) {
  test(`refused: ${title}`, (t) => {
    const parsed = parse(changes)
    t.is(parsed.ok ? 'accepted' : parsed.reason, reason)
  })
}

test('refused: what is no JSON object, with reasons of their own', (t) => {
  t.is(reason(''), 'not-json')
  t.is(reason('{"id":'), 'not-json')
  t.is(reason(`\u{feff}${JSON.stringify(good)}`), 'not-json')
  t.is(reason('[]'), 'not-an-object')
  t.is(reason('null'), 'not-an-object')
  t.is(reason('"x"'), 'not-an-object')
})

testProp(
  'no text makes the parser throw, and a reason is a token of a subject',
  [fc.string()],
  (t, text) => {
    const parsed = parseEvent(text)
    t.true(parsed.ok || /^[a-z-]+$/.test(parsed.reason))
  },
)

testProp(
  'no JSON makes the parser throw',
  [fc.jsonValue(), fc.jsonValue(), fc.jsonValue()],
  (t, data, source, time) => {
    t.notThrows(() => parseEvent(JSON.stringify({ ...good, data, source, time }), TYPE))
    t.notThrows(() => parseEvent(JSON.stringify(data), TYPE))
  },
)

test('a trace goes on in a header only if a header can carry it', (t) => {
  const trace = '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01'
  const cases: readonly (readonly [unknown, string])[] = [
    [trace, trace],
    ['two\nlines', ''],
    ['é', ''],
    [7, ''],
  ]
  for (const [traceparent, kept] of cases) {
    const parsed = parse({ traceparent })
    t.is(parsed.ok && parsed.event.traceparent, kept)
  }
})

test('times are RFC 3339 as Go reads it', (t) => {
  for (const time of [
    '0001-01-01T00:00:00Z',
    '2024-02-29T23:59:59+14:00',
    '2024-01-01T10:00:00.123456789123Z',
  ])
    t.true(isRfc3339(time), time)
  for (const time of [
    '2023-02-29T00:00:00Z',
    '2024-01-01 10:00:00Z',
    '2024-01-01T24:00:00Z',
    '2024-01-01T10:00:60Z',
    '2024-01-01t10:00:00z',
    '2024-01-01T10:00:00',
  ])
    t.false(isRfc3339(time), time)
})

test('event types are taken apart by Keptn’s grammar', (t) => {
  t.deepEqual(parseEventType('sh.keptn.event.deployment.triggered'), {
    shape: 'task',
    task: 'deployment',
    kind: 'triggered',
  })
  t.deepEqual(parseEventType('sh.keptn.event.dev.delivery.finished'), {
    shape: 'sequence',
    stage: 'dev',
    sequence: 'delivery',
    kind: 'finished',
  })
  t.deepEqual(parseEventType('sh.keptn.event.deployment.status.changed'), {
    shape: 'task',
    task: 'deployment',
    kind: 'status.changed',
  })
  t.is(parseEventType('sh.keptn.event.project.create.finished').shape, 'entity')
  t.is(parseEventType('sh.keptn.event.service.create.status.changed').shape, 'entity')
  for (const type of [
    'sh.keptn.log.error',
    'sh.keptn.events.problem',
    'x',
    '',
    'sh.keptn.event..x',
  ])
    t.is(parseEventType(type).shape, 'other', type)
})

test('the slip of the seeds is read as the sequence that was meant, but never for Keptn’s own tasks', (t) => {
  const type = parseEventType('sh.keptn.event.dev-delivery.triggered')
  t.deepEqual(readSlip(type, 'dev', 'cli'), {
    shape: 'sequence',
    stage: 'dev',
    sequence: 'delivery',
    kind: 'triggered',
  })
  t.is(readSlip(type, 'dev', 'shipyard-controller'), type)
  t.is(readSlip(type, 'prod', 'cli'), type)
  t.is(readSlip(type, '', 'cli'), type)
})
