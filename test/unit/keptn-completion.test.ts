import test from 'ava'
import { aggregate } from '../../src/demo/keptn/aggregate.ts'
import type { TaskAnswer } from '../../src/demo/keptn/completion.ts'
import { isTaskOver } from '../../src/demo/keptn/completion.ts'
import type { JsonObject } from '../../src/demo/keptn/keptn-event.ts'

function answers(kinds: string): readonly TaskAnswer[] {
  return kinds.split('').map((kind, index) => ({
    kind: kind === 'S' ? 'started' : 'finished',
    eventId: String(index),
    source: 'any',
    result: 'pass',
    status: 'succeeded',
    properties: undefined,
  }))
}

function finished(result: string, status: string, properties: JsonObject = {}): TaskAnswer {
  return { kind: 'finished', eventId: 'f', source: 'any', result, status, properties }
}

const counts: readonly (readonly [string, boolean])[] = [
  ['', false],
  ['S', false],
  ['F', false],
  ['SF', true],
  ['FS', true],
  ['SSF', false],
  ['SSFF', true],
  ['SFF', false],
  ['SFSF', true],
]

for (const [kinds, isOver] of counts) {
  test(`a task with the answers "${kinds}" is ${isOver ? 'over' : 'open'}`, (t) => {
    t.is(isTaskOver(answers(kinds)), isOver)
  })
}

const outcomes: readonly (readonly [readonly TaskAnswer[], string, string])[] = [
  [[finished('pass', 'succeeded')], 'pass', 'succeeded'],
  [[finished('pass', 'succeeded'), finished('warning', 'succeeded')], 'warning', 'succeeded'],
  [[finished('warning', 'succeeded'), finished('fail', 'succeeded')], 'fail', 'succeeded'],
  [[finished('', 'succeeded')], 'fail', 'succeeded'],
  [[finished('failed', 'succeeded')], 'fail', 'succeeded'],
  [[finished('pass', 'errored'), finished('pass', 'succeeded')], 'pass', 'errored'],
  [[finished('pass', 'aborted'), finished('pass', 'succeeded')], 'pass', 'aborted'],
  [[finished('pass', 'aborted'), finished('pass', 'errored')], 'pass', 'errored'],
  [[finished('pass', '')], 'fail', 'unknown'],
  [[finished('pass', 'unknown'), finished('pass', 'succeeded')], 'fail', 'unknown'],
]

for (const [given, result, status] of outcomes) {
  const title = given.map((answer) => `${answer.result || '-'}/${answer.status || '-'}`).join(' ')
  test(`${title} comes to ${result}/${status}`, (t) => {
    const outcome = aggregate(given)
    t.deepEqual([outcome.result, outcome.status], [result, status])
  })
}

test('properties of all who finished are merged in the order of arrival', (t) => {
  const outcome = aggregate([
    ...answers('SS'),
    finished('pass', 'succeeded', { stage: 'dev', list: ['a'], count: 1 }),
    finished('pass', 'succeeded', { stage: 'other', list: ['b'], count: 2 }),
  ])
  t.deepEqual(outcome.properties, { stage: 'other', list: ['b', 'a'], count: 1 })
})
