import test from 'ava'
import { parseEvent } from '../../src/domain/event.ts'
import type { Signal } from '../../src/hub/signals.ts'
import { Signals } from '../../src/hub/signals.ts'

interface Sent {
  readonly type: string
  readonly id?: string
  readonly triggeredid?: string
  readonly source?: string
  readonly data?: Readonly<Record<string, string>>
}

function read(signals: Signals, { type, data = {}, ...rest }: Sent): Signal {
  const parsed = parseEvent(
    JSON.stringify({
      specversion: '1.0',
      id: 'id',
      source: 'shipyard-controller',
      time: '2024-01-01T10:00:00Z',
      shkeptncontext: 'c',
      ...rest,
      type: `sh.keptn.event.${type}`,
      data: { project: 'p', stage: 'dev', service: 's', ...data },
    }),
  )
  if (!parsed.ok) throw new Error(parsed.reason)
  return signals.read(parsed.event)
}

test('with one sequence in the stage, its next task and its end are signals', (t) => {
  const signals = new Signals()
  t.is(read(signals, { type: 'dev.delivery.triggered', id: 'S1' }).kind, 'none')
  t.like(read(signals, { type: 'test.triggered' }), { kind: 'stage-over', reason: 'overtaken' })
  const end = { type: 'dev.delivery.finished', triggeredid: 'S1' }
  t.like(read(signals, end), { kind: 'stage-over', stage: 'dev', reason: 'finished' })
})

test('with two sequences side by side, neither ends what the other waits for', (t) => {
  const signals = new Signals()
  read(signals, { type: 'dev.delivery.triggered', id: 'S1' })
  read(signals, { type: 'dev.checks.triggered', id: 'S2' })
  t.is(read(signals, { type: 'test.triggered' }).kind, 'none')
  t.is(read(signals, { type: 'dev.checks.finished', triggeredid: 'S2' }).kind, 'none')
  t.is(read(signals, { type: 'test.triggered' }).kind, 'stage-over')
})

test('what was not seen to begin says nothing by its end, but an abort always does', (t) => {
  const signals = new Signals()
  t.is(read(signals, { type: 'dev.delivery.finished', triggeredid: 'S0' }).kind, 'none')
  const aborted = { type: 'dev.delivery.finished', triggeredid: 'S0', data: { status: 'aborted' } }
  t.like(read(signals, aborted), { kind: 'stage-over', reason: 'aborted' })
  const late = {
    type: 'dev.delivery.finished',
    data: { message: 'sequence timed out while waiting' },
  }
  t.like(read(signals, late), { kind: 'stage-over', reason: 'timed-out' })
})

test('an answer of somebody at home names its task; a task that a service sends ends nothing', (t) => {
  const signals = new Signals()
  read(signals, { type: 'dev.delivery.triggered', id: 'S1' })
  const started = { type: 'evaluation.started', source: 'lighthouse-service', triggeredid: 'T1' }
  t.deepEqual(read(signals, started), { kind: 'answered-at-home', triggeredid: 'T1' })
  t.is(read(signals, { type: 'get-sli.triggered', source: 'lighthouse-service' }).kind, 'none')
  t.is(read(signals, { type: 'evaluation.status.changed', triggeredid: 'T1' }).kind, 'none')
})
