import test from 'ava'
import { aggregateData } from '../../src/domain/aggregate.ts'
import { finishMerge, startMerge } from '../../src/domain/merge.ts'
import { fanOut, finished, OPENED, target } from './fanin-builders.ts'
import { WaveMachine } from './wave-machine.ts'

const ROOMY = 900_000

test('of a task in waves the section has each ring, and why it went no further', (t) => {
  const machine = new WaveMachine(
    fanOut({
      targets: [target('eu-1'), target('eu-2'), target('eu-3', { ring: 'early' })],
      waves: ['canary', 'early'].map((ring) => ({
        ring,
        soakMs: 0,
        groups: [{ geo: 'eu', concurrency: 2, limits: { maxFailures: 0 } }],
      })),
    }),
  )
  machine.look(OPENED)
  for (const answer of [finished('eu-1'), finished('eu-2', 300, { result: 'fail' })])
    machine.answer(answer.stamp, answer)
  machine.look(OPENED + 400)
  const { head, records, settled } = machine
  if (settled === undefined) throw new Error('not settled')
  const merged = finishMerge(startMerge(ROOMY))
  const data = aggregateData({ head, records, settlement: settled, merged, maxBytes: ROOMY })
  t.like(data['signet'], {
    deployment: {
      waves: {
        canary: { targets: 2, passed: 1, failed: 1, skipped: 0, notBegun: 0 },
        early: { targets: 1, passed: 0, failed: 0, skipped: 0, notBegun: 1 },
      },
      stop: {
        reason: 'failures',
        ring: 'canary',
        geo: 'eu',
        at: '2026-03-01T10:00:00.400Z',
        message: 'stopped in canary (eu): 1 failed, 0 allowed',
      },
      stamps: { 'eu-3': { result: 'not-begun', status: 'not-begun', message: 'never begun' } },
    },
  })
  t.false(JSON.stringify(data).includes('['), 'Keptn would append to a list with each task')
})
