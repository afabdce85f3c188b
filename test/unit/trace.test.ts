import { fc, testProp } from '@fast-check/ava'
import test from 'ava'
import type { Sighting } from '../../src/domain/sighting.ts'
import { seenEvent } from '../../src/domain/sighting.ts'
import { buildTrace } from '../../src/domain/trace.ts'
import { paintLine, textOf } from '../../src/view/line.ts'
import { traceView } from '../../src/view/trace-view.ts'

const START = Date.parse('2026-03-01T10:00:00Z')

interface Fields {
  readonly id: string
  readonly type: string
  readonly after?: string
  readonly source?: string
  readonly result?: string
  readonly message?: string
}

function sighting(
  where: Sighting['where'],
  at: number,
  { id, type, after = '', source = 'shipyard-controller', result = '', message = '' }: Fields,
  more: Pick<Sighting, 'stamp' | 'reason'> = {},
): Sighting {
  const event = {
    id,
    type: `sh.keptn.event.${type}`,
    source,
    triggeredid: after,
    project: 'shop',
    stage: 'dev',
    service: 'cart',
    result,
    status: '',
    message,
  }
  return { where, ...more, at: START + at, sequence: at, event }
}

const sequence = { id: 'S', type: 'dev.delivery.triggered', source: 'cli' }
const task = { id: 'T', type: 'deployment.triggered', after: 'S' }
const helm = (id: string, kind: string, result = ''): Fields => ({
  id,
  type: `deployment.${kind}`,
  after: 'T',
  source: 'helm-service',
  result,
})

/** A delivery through two stamps, one of them a second wave. */
const delivery: readonly Sighting[] = [
  sighting('keptn', 0, sequence),
  sighting('keptn', 80, task),
  sighting('down', 95, task, { stamp: 'a' }),
  sighting('up', 150, helm('A1', 'started'), { stamp: 'a' }),
  sighting('keptn', 160, { id: 'H1', type: 'deployment.started', after: 'T', source: 'signet' }),
  sighting('up', 4_150, helm('A2', 'finished', 'pass'), { stamp: 'a' }),
  sighting('down', 5_000, task, { stamp: 'b' }),
  sighting('up', 5_100, helm('B1', 'started'), { stamp: 'b' }),
  sighting('up', 5_150, helm('B1', 'started'), { stamp: 'b' }),
  sighting(
    'up',
    9_100,
    { ...helm('B2', 'finished', 'fail'), message: 'no\u001b[2J\nroom' },
    { stamp: 'b' },
  ),
  sighting('dead-letters', 9_150, helm('B2', 'finished', 'fail'), {
    stamp: 'core',
    reason: 'id-conflict',
  }),
  sighting('keptn', 9_200, {
    id: 'H2',
    type: 'deployment.finished',
    after: 'T',
    source: 'signet',
    result: 'fail',
    message: 'deployment: 1 of 2 stamps passed',
  }),
  sighting('keptn', 9_300, { id: 'E', type: 'dev.delivery.finished', after: 'S', result: 'fail' }),
]

test('a trace tells what led to each event, and how long it took', (t) => {
  const { events } = buildTrace('C1', 'core', delivery)
  t.deepEqual(
    events.map(({ id, origin, depth, step }) => [
      id,
      origin,
      depth,
      step && `${step.name} ${step.ms}`,
    ]),
    [
      ['S', 'core', 0, undefined],
      ['T', 'core', 1, 'followed 80'],
      ['A1', 'a', 2, 'waited 55'],
      ['H1', 'core', 2, 'followed 80'],
      ['A2', 'a', 2, 'ran 4000'],
      ['B1', 'b', 2, 'waited 100'],
      ['B2', 'b', 2, 'ran 4000'],
      ['H2', 'core', 2, 'aggregated 100'],
      ['E', 'core', 1, 'followed 100'],
    ],
  )
  t.deepEqual(
    events.find(({ id }) => id === 'B1')?.seen.map(({ where, stamp }) => `${where} ${stamp}`),
    ['up b', 'up b'],
    'a duplicate is one event that was seen twice',
  )
})

test('a trace is a table in time order, and moves no cursor', (t) => {
  const lines = traceView(buildTrace('C1', 'core', delivery))
  const text = lines.map((line) => paintLine(line, (_, part) => part)).join('\n')
  t.is(
    text,
    `shop/cart context C1: 9 events in 9.30 s from 2026-03-01 10:00:00 UTC

TIME          STEP               WHERE  EVENT                           RESULT  BY
10:00:00.000                     core   dev.delivery.triggered                  cli
10:00:00.080  followed 80 ms     core     deployment.triggered in dev           shipyard-controller
10:00:00.095  stored 15 ms       core       to a
10:00:00.150  waited 55 ms       a          deployment.started in dev           helm-service
10:00:00.160  followed 80 ms     core       deployment.started in dev           signet
10:00:04.150  ran 4.00 s         a          deployment.finished in dev  ✓ pass  helm-service
10:00:05.000  stored 4.92 s      core       to b
10:00:05.100  waited 100 ms      b          deployment.started in dev           helm-service
10:00:09.100  ran 4.00 s         b          deployment.finished in dev  ✗ fail  helm-service: no [2J room
10:00:09.150  50 ms              core         set aside: id-conflict
10:00:09.200  aggregated 100 ms  core       deployment.finished in dev  ✗ fail  signet: deployment: 1 of 2 stamps passed
10:00:09.300  followed 100 ms    core     dev.delivery.finished         ✗ fail  shipyard-controller`,
  )
  t.deepEqual(traceView(buildTrace('C1', 'core', [])), [])
})

testProp(
  'the order in which sightings are found changes nothing',
  [fc.shuffledSubarray([...delivery], { minLength: delivery.length })],
  (t, shuffled) => {
    t.deepEqual(buildTrace('C1', 'core', shuffled), buildTrace('C1', 'core', delivery))
  },
)

test('events that name each other as their cause are told all the same', (t) => {
  const circle = [
    sighting('keptn', 0, { id: 'X', type: 'a.triggered', after: 'Y' }),
    sighting('keptn', 1, { id: 'Y', type: 'b.triggered', after: 'X' }),
  ]
  t.is(buildTrace('C1', 'core', circle).events.length, 2)
})

test('an event of another context is none of this, and a broken one that mentions it is', (t) => {
  const event = {
    shkeptncontext: 'C1',
    id: 'A',
    type: 't',
    data: { message: 'x'.repeat(5_000), stage: 7 },
  }
  const seen = seenEvent(JSON.stringify(event), 'C1')
  t.like(seen, { id: 'A', type: 't', stage: '' })
  t.true((seen?.message.length ?? 0) <= 500)
  t.is(
    seenEvent(JSON.stringify({ ...event, shkeptncontext: 'C2', data: { message: 'C1' } }), 'C1'),
    undefined,
  )
  t.like(seenEvent('{"shkeptncontext":"C1', 'C1'), { id: '' })
})

test('a line for a terminal holds nothing that moves its cursor, and fits', (t) => {
  const line = ['ab\u001b]0;x\u0007', ['wrong', 'cd\r\n\u202eef']] as const
  const shown = paintLine(line, (_, text) => text)
  t.is(shown, 'ab ]0;x cd   ef')
  t.is(paintLine(line, (_, text) => text, 3).length, 2, 'cut, and its closing space is gone')
  t.is(textOf(line).length, 15)
})
