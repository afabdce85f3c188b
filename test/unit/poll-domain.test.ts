import test from 'ava'
import { fc, testProp } from '@fast-check/ava'
import { parseEventList } from '../../src/domain/event-list.ts'
import type { Integration } from '../../src/domain/interest.ts'
import { firstCursor, LOOK_BACK_MS, nextCursor, OVERLAP_MS } from '../../src/domain/poll-cursor.ts'
import {
  hasPatterns,
  openQueries,
  triggeredTypes,
  wantedProjects,
} from '../../src/domain/poll-interest.ts'
import { pollWaitMs } from '../../src/domain/poll-pace.ts'
import { isSameEvent } from '../../src/domain/same-event.ts'

const DEPLOYMENT = 'sh.keptn.event.deployment.triggered'
const TEST = 'sh.keptn.event.test.triggered'

interface Wish {
  readonly event: string
  readonly projects?: readonly string[]
  readonly stages?: readonly string[]
  readonly services?: readonly string[]
}

function integration(...wishes: Wish[]): Integration {
  return {
    name: 'any',
    subscriptions: wishes.map(({ event, projects = [], stages = [], services = [] }) => ({
      event,
      filter: { projects, stages, services },
    })),
  }
}

test('a type is asked for once, however many subscriptions name it', (t) => {
  const wishes = [integration({ event: TEST }, { event: DEPLOYMENT }), integration({ event: TEST })]
  t.deepEqual(openQueries(wishes, []), [{ type: DEPLOYMENT }, { type: TEST }])
  t.deepEqual(openQueries([], [DEPLOYMENT]), [])
})

test('a pattern stands for the types that are known, and only open events can be asked for', (t) => {
  const known = [DEPLOYMENT, TEST, 'sh.keptn.event.dev.delivery.triggered']
  const types = (event: string) =>
    openQueries([integration({ event })], known).map(({ type }) => type)
  t.deepEqual(
    types('sh.keptn.>'),
    known.toSorted((a, b) => (a < b ? -1 : 1)),
  )
  t.deepEqual(types('sh.keptn.event.*.triggered'), [DEPLOYMENT, TEST])
  t.deepEqual(types('sh.keptn.event.deployment.finished'), [])
  t.true(hasPatterns([integration({ event: TEST }, { event: 'sh.keptn.>' })]))
  t.false(hasPatterns([integration({ event: TEST })]))
})

test('a question is narrowed only by what all subscriptions agree on', (t) => {
  const one = { event: TEST, projects: ['shop'], stages: ['dev'], services: ['a', 'b'] }
  const ask = (...wishes: Wish[]) => openQueries([integration(...wishes)], [])[0]
  t.deepEqual(ask(one), { type: TEST, project: 'shop', stage: 'dev' })
  t.deepEqual(ask(one, { ...one, stages: ['prod'] }), { type: TEST, project: 'shop' })
  t.deepEqual(ask(one, { ...one, projects: [] }), { type: TEST, stage: 'dev' })
})

test('all projects are watched as soon as one subscription names none', (t) => {
  const shop = integration({ event: TEST, projects: ['shop', 'bank'] })
  t.deepEqual(wantedProjects([shop, integration({ event: TEST, projects: ['shop'] })]), [
    'bank',
    'shop',
  ])
  t.is(wantedProjects([shop, integration({ event: TEST })]), 'all')
  t.deepEqual(wantedProjects([]), [])
})

test('a shipyard tells its types, and nonsense tells none', (t) => {
  const sequences = [{ name: 'delivery', tasks: [{ name: 'deployment' }, { name: 'test' }] }]
  t.deepEqual(triggeredTypes({ spec: { stages: [{ name: 'dev', sequences }] } }), [
    'sh.keptn.event.dev.delivery.triggered',
    DEPLOYMENT,
    TEST,
  ])
  for (const nonsense of [null, 'x', 1, [], { spec: [] }, { spec: { stages: [{ sequences: 1 }] } }])
    t.deepEqual(triggeredTypes(nonsense), [])
})

test('a cursor follows the newest event with an overlap, never ahead of the server, never back', (t) => {
  const now = Date.parse('2026-01-01T12:00:00Z')
  const at = (ms: number) => new Date(ms).toISOString()
  const start = firstCursor(now)
  t.is(start, now - LOOK_BACK_MS)
  t.is(nextCursor(start, [], now), start)
  t.is(nextCursor(start, [at(now - 60_000), at(now - 90_000)], now), now - 60_000 - OVERLAP_MS)
  t.is(nextCursor(start, [at(now + 3_600_000)], now), now - OVERLAP_MS)
  t.is(nextCursor(now, [at(now - 5_000)], now), now)
  t.is(nextCursor(start, ['no time'], now), start)
})

testProp(
  'a poller is never early by more than a tenth, backs off, and obeys Retry-After',
  [fc.integer({ min: 0, max: 50 }), fc.double({ min: 0, max: 1, noNaN: true, maxExcluded: true })],
  (t, failures, random) => {
    const pace = { intervalMs: 10_000, mostMs: 300_000 }
    const wait = pollWaitMs(pace, failures, undefined, random)
    t.true(wait >= 9_000 && wait <= 300_000)
    if (failures > 0) t.true(wait >= 10_000)
    if (failures > 6) t.true(wait >= 150_000)
    if (failures > 0) t.true(pollWaitMs(pace, failures, 400_000, random) === 400_000)
  },
)

testProp(
  'the events of any page come out as they stood in it',
  [fc.array(fc.json()), fc.constantFrom('', ' ', '\n\t')],
  (t, events, blank) => {
    const text = `{${blank}"a":[{"events":[1]}],${blank}"events":${blank}[${events.join(`${blank},${blank}`)}${blank}]${blank},"nextPageKey":"20"}`
    t.deepEqual(parseEventList(text), { events, next: '20' })
  },
)

test('the end of the pages has several names, and what is no page is none', (t) => {
  for (const end of ['"nextPageKey":"0"', '"nextPageKey":""', '"nextPageKey":0', '"x":1'])
    t.deepEqual(parseEventList(`{"events":null,${end}}`), { events: [], next: undefined })
  t.is(parseEventList('{"events":[],"nextPageKey":20}')?.next, '20')
  for (const no of ['', '[]', 'null', '<html>', '{"events":{}}'])
    t.is(parseEventList(no), undefined)
  t.deepEqual(parseEventList('{"events":[{"n":12345678901234567890}]}')?.events, [
    '{"n":12345678901234567890}',
  ])
})

test('an event that Keptn wrote anew is the same, one with other data is not', (t) => {
  const event = {
    specversion: '1.0',
    id: 'T1',
    source: 'shipyard-controller',
    type: DEPLOYMENT,
    datacontenttype: 'application/json',
    time: '2026-01-01T00:00:00Z',
    shkeptncontext: 'c',
    data: { project: 'shop', list: [1, { a: '<' }] },
  }
  const { datacontenttype: _, ...anew } = { ...event, time: '2026-01-01T00:00:10Z' }
  const text = JSON.stringify({ triggeredid: '', ...anew }).replace('<', String.raw`\u003c`)
  t.true(isSameEvent(JSON.stringify(event), text))
  for (const other of [
    { ...event, data: { project: 'shop', list: [1, { a: '>' }] } },
    { ...event, data: { project: 'shop', list: [1] } },
    { ...event, data: { ...event.data, more: 1 } },
    { ...event, source: 'other' },
    { ...event, triggeredid: 'T0' },
  ])
    t.false(isSameEvent(JSON.stringify(event), JSON.stringify(other)))
  t.false(isSameEvent('no json', 'no json'))
})
