import test from 'ava'
import { parseGoDuration } from '../../src/demo/keptn/go-duration.ts'
import type { Shipyard } from '../../src/demo/keptn/shipyard.ts'
import { findSequence, sequencesTriggeredBy } from '../../src/demo/keptn/shipyard.ts'
import { nextPayload } from '../../src/demo/keptn/task-payload.ts'

const tasks = [{ name: 'deployment' }]
const shipyard: Shipyard = {
  spec: {
    stages: [
      {
        name: 'dev',
        sequences: [
          { name: 'delivery', tasks },
          { name: 'empty', tasks: [] },
        ],
      },
      {
        name: 'prod',
        sequences: [
          { name: 'delivery', triggeredOn: [{ event: 'dev.delivery.finished' }], tasks },
          {
            name: 'rollback',
            triggeredOn: [
              { event: 'dev.delivery.finished', selector: { match: { result: 'fail' } } },
            ],
            tasks,
          },
          {
            name: 'celebrate',
            triggeredOn: [
              { event: 'dev.delivery.finished', selector: { match: { 'test.result': 'warning' } } },
            ],
            tasks,
          },
        ],
      },
    ],
  },
}

function triggered(result: string, stage = 'dev'): readonly string[] {
  const ended = { stage, sequence: 'delivery', lastTask: 'test', result }
  return sequencesTriggeredBy(shipyard, ended).map((next) => `${next.stage}.${next.sequence.name}`)
}

test('without a selector pass and warning trigger the next sequence, fail does not', (t) => {
  t.deepEqual(triggered('pass'), ['prod.delivery'])
  t.deepEqual(triggered('fail'), ['prod.rollback'])
})

test('a selector may name the last task', (t) => {
  t.deepEqual(triggered('warning'), ['prod.delivery', 'prod.celebrate'])
})

test('a wrong stage in the last answer breaks the chain', (t) => {
  t.deepEqual(triggered('pass', 'elsewhere'), [])
})

test('a sequence is found by stage and name, and evaluation is in every stage', (t) => {
  t.like(findSequence(shipyard, 'dev', 'delivery'), { name: 'delivery' })
  t.like(findSequence(shipyard, 'dev', 'evaluation'), { tasks: [{ name: 'evaluation' }] })
  t.like(findSequence(shipyard, 'nowhere', 'evaluation'), { refusal: 'no stage with name nowhere' })
  t.true('refusal' in findSequence(shipyard, 'dev', 'nothing'))
  t.true('refusal' in findSequence(shipyard, 'dev', 'empty'))
})

test('the next payload is input, scope, answers, last outcome and the properties of the task', (t) => {
  const payload = nextPayload(
    {
      project: 'shop',
      stage: 'dev',
      service: 'cart',
      input: { stage: 'given', image: 'a', list: [1], message: 'said' },
      done: [
        {
          name: 'deployment',
          triggeredId: 'T1',
          result: 'warning',
          status: 'succeeded',
          properties: { list: [2], result: 'pass', temporaryData: { x: 1 } },
          answered: 1,
        },
      ],
    },
    { name: 'test', properties: { teststrategy: 'performance' } },
  )
  t.deepEqual(payload, {
    project: 'shop',
    stage: 'dev',
    service: 'cart',
    image: 'a',
    list: [2, 1],
    message: '',
    result: 'warning',
    status: 'succeeded',
    temporaryData: { x: 1 },
    test: { teststrategy: 'performance' },
  })
})

test('durations are read as Go reads them', (t) => {
  t.is(parseGoDuration('1h30m'), 5_400_000)
  t.is(parseGoDuration('1.5s'), 1500)
  t.is(parseGoDuration('250ms'), 250)
  t.is(parseGoDuration('10'), undefined)
  t.is(parseGoDuration('soon'), undefined)
})
