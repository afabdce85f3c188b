import test from 'ava'
import { fc, testProp } from '@fast-check/ava'
import type { BehalfIntegration, Wish } from '../../src/domain/behalf.ts'
import {
  isRegistrable,
  outcomeOf,
  pauseAfter,
  registrationFor,
  wishesFor,
} from '../../src/domain/behalf.ts'
import type { KeptnEvent } from '../../src/domain/event.ts'
import { parseEvent } from '../../src/domain/event.ts'
import { recipientDurable } from '../../src/domain/store-names.ts'

const TRIGGERED = 'sh.keptn.event.deployment.triggered'

function event(data: Readonly<Record<string, unknown>> = {}, more: object = {}): KeptnEvent {
  const parsed = parseEvent(
    JSON.stringify({
      specversion: '1.0',
      id: 'T1',
      source: 'shipyard-controller',
      type: TRIGGERED,
      time: '2024-01-01T10:00:00Z',
      contenttype: 'application/json',
      shkeptncontext: 'C1',
      extra: 'unknown to Go',
      data: { project: 'shop', stage: 'dev', service: 'cart', ...data },
      ...more,
    }),
  )
  if (!parsed.ok) throw new Error(parsed.detail)
  return parsed.event
}

const names = fc.subarray(['a', 'b', 'c'])

testProp(
  'an event is posted for exactly those subscriptions whose type and filter it fits',
  [
    fc.array(
      fc.record({
        id: fc.uuid(),
        event: fc.constantFrom(
          TRIGGERED,
          'sh.keptn.>',
          'sh.keptn.event.*.triggered',
          'sh.keptn.event.test.triggered',
        ),
        filter: fc.record({ projects: names, stages: names, services: names }),
      }),
    ),
    fc.constantFrom('a', 'b', 'd'),
    fc.constantFrom('a', 'c'),
    fc.constantFrom('b', 'd'),
  ],
  (t, wishes: readonly Wish[], project, stage, service) => {
    const allows = (list: readonly string[], value: string): boolean =>
      list.length === 0 || list.includes(value)
    t.deepEqual(
      wishesFor(wishes, event({ project, stage, service })),
      wishes.filter(
        (wish) =>
          !wish.event.includes('test') &&
          allows(wish.filter.projects, project) &&
          allows(wish.filter.stages, stage) &&
          allows(wish.filter.services, service),
      ),
    )
  },
)

test('only what will not change is given up at once', (t) => {
  const kinds = (statuses: readonly number[]) => statuses.map((status) => outcomeOf(status).kind)
  t.deepEqual(kinds([200, 202, 204]), ['taken', 'taken', 'taken'])
  t.deepEqual(
    kinds([301, 400, 404, 413, 422]),
    Array.from({ length: 5 }, () => 'refused'),
  )
  t.deepEqual(
    kinds([408, 425, 429, 500, 502, 503]),
    Array.from({ length: 6 }, () => 'failed'),
  )
})

testProp(
  'pauses are those of a distributor at first, then longer, and never more than half a minute',
  [
    fc.integer({ min: 1, max: 1_000 }),
    fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true }),
  ],
  (t, tries, random) => {
    const pause = pauseAfter(tries, random)
    t.true(pause >= 400 && pause <= 30_000)
    if (tries < 4) t.true(pause <= 4_500)
    if (tries > 8) t.true(pause >= 15_000)
  },
)

testProp(
  'two integrations never share a consumer, and its name is one that NATS takes',
  [fc.string({ unit: 'binary' }), fc.string(), fc.string(), fc.constantFrom('a', 'a_', 'a.b')],
  (t, name, namespace, other, third) => {
    const one = recipientDurable('eu-1', name, namespace)
    t.regex(one, /^[A-Za-z0-9_-]+$/)
    if (name !== other) t.not(one, recipientDurable('eu-1', other, namespace))
    if (namespace !== third) t.not(one, recipientDurable('eu-1', name, third))
  },
)

test('what a distributor would not register is not registered', (t) => {
  t.true(isRegistrable('helm-service', 'keptn'))
  t.false(isRegistrable('', 'keptn'))
  t.false(isRegistrable('helm-service', ''))
  t.false(isRegistrable('statistics-service', 'keptn'))
})

test('a registration says where the stamp is, unless it is told otherwise', (t) => {
  const integration: BehalfIntegration = {
    name: 'helm-service',
    namespace: 'keptn',
    isRegistered: true,
    subscriptions: [{ event: TRIGGERED, filter: { projects: [], stages: ['dev'], services: [] } }],
    hostname: 'node-1',
    podName: 'p',
    version: '1.0',
    distributorVersion: '0.9.0',
    heartbeatMs: 10_000,
    recipient: { url: 'http://helm:8080/', timeoutMs: 1_000 },
  }
  t.like(registrationFor(integration, 'eu/canary/eu-1'), {
    name: 'helm-service',
    metadata: {
      hostname: 'node-1',
      integrationversion: '1.0',
      location: 'eu/canary/eu-1',
      kubernetesmetadata: { namespace: 'keptn', podname: 'p', deploymentname: 'helm-service' },
    },
    subscriptions: [
      { id: '', event: TRIGGERED, filter: { projects: [], stages: ['dev'], services: [] } },
    ],
  })
  t.is(registrationFor({ ...integration, location: 'here' }, 'x').metadata.location, 'here')
})
