import { testProp, fc } from '@fast-check/ava'
import test from 'ava'
import type { FanOut, TargetRecords } from '../../src/domain/fanout.ts'
import type { JsonObject } from '../../src/domain/json.ts'
import {
  aggregateData,
  finishedEvent,
  LISTED_STAMPS,
  progressEvent,
  SECTION_LIMIT,
  startedEvent,
} from '../../src/domain/aggregate.ts'
import { parseEvent } from '../../src/domain/event.ts'
import { finishMerge, jsonBytes, mergeAnswer, startMerge } from '../../src/domain/merge.ts'
import { settle } from '../../src/domain/verdict.ts'
import { fanOut, finished, HOUR, OPENED, started, take, target, targets } from './fanin-builders.ts'

const ROOMY = 900_000

interface Section {
  readonly result: string
  readonly status: string
  readonly counts: Readonly<Record<string, number>>
  readonly stamps: Readonly<Record<string, Readonly<Record<string, string>>>>
  readonly leftOut: { readonly stamps: number }
  readonly dataLeftOut?: true
}

function aggregated(
  state: { head: FanOut; records: TargetRecords },
  datas: readonly JsonObject[] = [],
  maxBytes = ROOMY,
) {
  const { head, records } = state
  const settlement = settle(head, records, OPENED + HOUR)
  if (settlement === undefined) throw new Error('not settled')
  let merge = startMerge(maxBytes)
  for (const data of datas) merge = mergeAnswer(merge, data)
  const data = aggregateData({ head, records, settlement, merged: finishMerge(merge), maxBytes })
  const signet = data['signet'] as Readonly<Record<string, Section>>
  const section = signet[head.task]
  if (section === undefined) throw new Error('no section')
  return { settlement, data, section }
}

const answered = (count: number, message = '', result = 'pass') =>
  take(
    fanOut({ targets: targets(count) }),
    targets(count).flatMap(({ stamp }) => [
      started(stamp, 100),
      finished(stamp, 200, { message, result }),
    ]),
  )

test('the finished event is complete, and reads as Keptn reads it', (t) => {
  const state = take(fanOut({ targets: targets(2), labels: { build: '7' } }), [
    started('eu-1', 1000),
    finished('eu-1', 2000),
    started('eu-2', 1500),
    finished('eu-2', 3000, { result: 'fail', message: 'boom' }),
  ])
  const { data, settlement } = aggregated(state, [
    {
      project: 'wrong',
      stage: 'wrong',
      deployment: { deploymentNames: ['a'] },
      labels: { a: '1' },
    },
    { deployment: { deploymentNames: ['b'] }, labels: { a: '2' }, temporaryData: {} },
  ])
  const event = finishedEvent(state.head, 'F1', settlement, data)
  t.is(
    JSON.stringify(event, undefined, 1),
    JSON.stringify(
      {
        specversion: '1.0',
        id: 'F1',
        source: 'signet',
        type: 'sh.keptn.event.deployment.finished',
        datacontenttype: 'application/json',
        time: '2026-03-01T10:00:03.000Z',
        data: {
          project: 'shop',
          stage: 'prod',
          service: 'cart',
          labels: { build: '7', a: '2' },
          status: 'succeeded',
          result: 'fail',
          message: 'deployment: 1 of 2 stamps passed; eu-2 failed: boom',
          deployment: { deploymentNames: ['b', 'a'] },
          signet: {
            deployment: {
              result: 'fail',
              status: 'succeeded',
              counts: {
                targets: 2,
                passed: 1,
                warned: 0,
                failed: 1,
                skipped: 0,
                notBegun: 0,
                missing: 0,
              },
              stamps: {
                'eu-1': {
                  result: 'pass',
                  status: 'succeeded',
                  message: '',
                  started: '2026-03-01T10:00:01.000Z',
                  finished: '2026-03-01T10:00:02.000Z',
                },
                'eu-2': {
                  result: 'fail',
                  status: 'succeeded',
                  message: 'boom',
                  started: '2026-03-01T10:00:01.500Z',
                  finished: '2026-03-01T10:00:03.000Z',
                },
              },
              leftOut: { stamps: 0 },
            },
          },
        },
        shkeptncontext: 'C1',
        triggeredid: 'T1',
        gitcommitid: 'abc',
        shkeptnspecversion: '0.2.4',
      },
      undefined,
      1,
    ),
  )
})

test('every event of the hub passes the checks of what may go to Keptn', (t) => {
  const state = answered(2)
  const { data, settlement } = aggregated(state)
  for (const event of [
    startedEvent(state.head, 'S1'),
    progressEvent(state.head, 'P1', { message: '1 of 2 stamps done', begun: ['eu-1'] }, OPENED + 1),
    finishedEvent(state.head, 'F1', settlement, data),
  ]) {
    const parsed = parseEvent(JSON.stringify(event), event.type)
    if (!parsed.ok) throw new Error(parsed.detail)
    t.like(parsed.event, { source: 'signet', triggeredid: 'T1', context: 'C1', stage: 'prod' })
    t.is(parsed.event.parsedType.shape, 'task')
  }
})

test('the started event tells how many stamps the task went to', (t) => {
  const head = fanOut({
    targets: [...targets(3), target('eu-4', { given: 'skipped' })],
    startedAt: OPENED + 5,
    gitcommitid: '',
    shkeptnspecversion: '',
  })
  t.is(
    JSON.stringify(startedEvent(head, 'S1')),
    JSON.stringify({
      specversion: '1.0',
      id: 'S1',
      source: 'signet',
      type: 'sh.keptn.event.deployment.started',
      datacontenttype: 'application/json',
      time: '2026-03-01T10:00:00.005Z',
      data: {
        project: 'shop',
        stage: 'prod',
        service: 'cart',
        message: 'deployment: sent to 3 stamps',
      },
      shkeptncontext: 'C1',
      triggeredid: 'T1',
    }),
  )
})

test('the progress event is a status change of the task', (t) => {
  const head = fanOut({ labels: { a: '1' } })
  const event = progressEvent(head, 'P1', { message: 'half way', begun: [] }, OPENED + 7)
  t.is(event.type, 'sh.keptn.event.deployment.status.changed')
  t.is(event.time, '2026-03-01T10:00:00.007Z')
  t.like(event.data, { stage: 'prod', labels: { a: '1' }, message: 'half way' })
  t.false('signet' in event.data, 'nobody is named')
  const naming = progressEvent(head, 'P2', { message: '', begun: ['eu-2', 'eu-1'] }, OPENED + 7)
  t.deepEqual(naming.data['signet'], { deployment: { begun: { 'eu-2': true, 'eu-1': true } } })
})

test('what earlier tasks left in data.signet is not sent round once more', (t) => {
  const earlier = { signet: { test: { notes: ['x'], stamps: { 'eu-1': { result: 'pass' } } } } }
  const { data } = aggregated(answered(2), [earlier, earlier])
  t.deepEqual(Object.keys(data['signet'] as object), ['deployment'])
})

test('a label that is no string does not reach Keptn, which would ignore the event', (t) => {
  const { data } = aggregated(answered(1), [{ labels: { a: 1, b: 'x', c: { d: 'y' } } }])
  t.deepEqual(data['labels'], { b: 'x' })
  t.false('labels' in aggregated(answered(1), [{ labels: 'odd' }]).data)
})

test('up to fifty stamps are all listed, beyond that only those that failed', (t) => {
  t.is(Object.keys(aggregated(answered(LISTED_STAMPS)).section.stamps).length, LISTED_STAMPS)
  const head = fanOut({ targets: targets(60) })
  const state = take(
    head,
    head.targets.map(({ stamp }, index) =>
      finished(stamp, 100, { result: index === 7 ? 'fail' : 'pass' }),
    ),
  )
  const { section } = aggregated(state)
  t.deepEqual(Object.keys(section.stamps), ['eu-8'])
  t.deepEqual(section.leftOut, { stamps: 59 })
  t.is(section.counts['passed'], 59)
})

test('messages are cut before stamps are left out', (t) => {
  const { section } = aggregated(answered(400, '€'.repeat(1000), 'fail'))
  t.true(jsonBytes(section) <= SECTION_LIMIT)
  t.is(Object.keys(section.stamps).length, 400)
  t.is(section.leftOut.stamps, 0)
  t.regex(section.stamps['eu-1']?.['message'] ?? '', /^€+…$/)

  const huge = aggregated(answered(3000, 'boom', 'fail')).section
  t.true(jsonBytes(huge) <= SECTION_LIMIT)
  t.is(Object.keys(huge.stamps).length + huge.leftOut.stamps, 3000)
  t.true(huge.leftOut.stamps > 0)
})

test('where there is room for some stamps only, it is the failed ones', (t) => {
  const head = fanOut({ targets: targets(20) })
  const state = take(
    head,
    head.targets.map(({ stamp }, index) =>
      finished(stamp, 100, { result: index >= 18 ? 'fail' : 'pass' }),
    ),
  )
  const { section, data } = aggregated(state, [], 900)
  t.true(jsonBytes(data) <= 900)
  t.true(Object.keys(section.stamps).length < 20)
  t.is(section.stamps['eu-19']?.['result'], 'fail')
  t.is(section.stamps['eu-20']?.['result'], 'fail')
})

test('answers that do not fit are left out altogether, and the event says so', (t) => {
  const large = { log: { text: 'x'.repeat(5000) }, labels: { a: '1' } }
  const { data, section } = aggregated(answered(2), [large], 4000)
  t.true(section.dataLeftOut)
  t.false('log' in data)
  t.false('labels' in data)
  t.true(jsonBytes(data) <= 4000)

  const barely = aggregated(answered(2), [large], 5300)
  t.true(barely.section.dataLeftOut, 'the answers fit, but not beside the rest')
  t.true(jsonBytes(barely.data) <= 5300)
  t.false('dataLeftOut' in aggregated(answered(2), [large]).section)
})

test('a task with an odd name has its section like any other', (t) => {
  const state = take(fanOut({ task: '__proto__', targets: targets(1) }), [finished('eu-1')])
  const { data } = aggregated(state)
  t.regex(JSON.stringify(data), /"signet":\{"__proto__":\{"result":"pass"/)
})

const hasArrayOrDot = (value: unknown): boolean =>
  Array.isArray(value) ||
  (typeof value === 'object' &&
    value !== null &&
    Object.entries(value).some(([key, child]) => key.includes('.') || hasArrayOrDot(child)))

testProp(
  'an aggregate never exceeds its limits, and lists or counts every stamp',
  [
    fc.integer({ min: 1, max: 80 }),
    fc.integer({ min: 1500, max: 40_000 }),
    fc.array(fc.constantFrom('pass', 'warning', 'fail'), { minLength: 80, maxLength: 80 }),
    fc.string({ unit: 'grapheme', maxLength: 300 }),
    fc.array(fc.dictionary(fc.string({ maxLength: 5 }), fc.jsonValue()), { maxLength: 4 }),
  ],
  (t, count, maxBytes, results, message, datas) => {
    const head = fanOut({ targets: targets(count), policy: { success: 'any' } })
    const state = take(
      head,
      head.targets.map(({ stamp }, index) => {
        const result = results[index] ?? 'pass'
        return finished(stamp, 100, { result, message })
      }),
    )
    const { data, section } = aggregated(state, datas, maxBytes)
    t.true(jsonBytes(data) <= maxBytes)
    t.true(jsonBytes(section) <= SECTION_LIMIT)
    t.is(Object.keys(section.stamps).length + section.leftOut.stamps, count)
    t.false(hasArrayOrDot(section))
    t.is(JSON.stringify(JSON.parse(JSON.stringify(data))), JSON.stringify(data))
    t.like(data, { project: 'shop', stage: 'prod', service: 'cart' })
  },
)
