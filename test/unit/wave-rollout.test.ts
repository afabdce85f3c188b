import test from 'ava'
import { parseTopology } from '../../src/config/topology-parse.ts'

const WHOLE = `apiVersion: signet/v1
kind: Federation
name: acme
controlPlanes: [{ name: main, home: { geo: eu, stamp: core } }]
rings: [canary]
stages: [{ stage: dev, rings: [canary] }]
---
apiVersion: signet/v1
kind: Geo
geo: eu
---
apiVersion: signet/v1
kind: Ring
geo: eu
ring: canary
stamps: [{ name: one }]
`

/** The rollout of the one ring, or the first mistake. */
function rolloutOf(text: string) {
  const result = parseTopology([{ path: 'all.yaml', text: `${WHOLE}rollout: ${text}\n` }])
  return result.ok ? result.topology.geoRings?.[0]?.rollout : result.mistakes[0]?.message
}

test('minSuccess is a number, a share, or all', (t) => {
  t.like(rolloutOf('{ minSuccess: 3 }'), { minSuccess: { stamps: 3 }, maxFailures: 0 })
  t.like(rolloutOf('{ minSuccess: 80% }'), { minSuccess: { percent: 80 } })
  t.like(rolloutOf('{ minSuccess: all }'), { minSuccess: { percent: 100 } })
  t.is(
    rolloutOf('{ minSuccess: 0 }'),
    'expected a number of stamps, a percentage from 1% to 100%, or all, found the number 0',
  )
})

test('a soak is of three days at most, for a fan-out lives no longer than a week', (t) => {
  t.like(rolloutOf('{ soak: 72h }'), { soakMs: 72 * 3_600_000 })
  t.is(rolloutOf('{ soak: 73h }'), 'expected a duration of 72h at most, found "73h"')
})
