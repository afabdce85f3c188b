import { fc, testProp } from '@fast-check/ava'
import test from 'ava'
import {
  isTheSame,
  localNamespace,
  toUpstream,
  translateLogs,
  upstreamNamespace,
} from '../../src/domain/registration-translate.ts'
import { wanted } from '../support/registrations.ts'

const stamps = fc.stringMatching(/^[a-z0-9]([a-z0-9-]{0,20}[a-z0-9])?$/)
const namespaces = fc.string({ minLength: 1, maxLength: 40 })
const PLACE = { geo: 'eu', ring: 'canary', stamp: 'eu-1' }

testProp(
  'a namespace comes back from the control plane as it went',
  [namespaces, stamps],
  (t, namespace, stamp) => {
    t.is(localNamespace(upstreamNamespace(namespace, stamp), stamp), namespace)
  },
)

testProp(
  'two stamps never share a namespace there, and neither takes the other for its own',
  [namespaces, namespaces, stamps, stamps],
  (t, here, there, a, b) => {
    fc.pre(a !== b)
    t.not(upstreamNamespace(here, a), upstreamNamespace(there, b))
    t.is(localNamespace(upstreamNamespace(there, b), a), undefined)
  },
)

test('what is not of this stamp has no namespace in it', (t) => {
  for (const text of ['keptn', '', '.eu-1', 'eu-1', 'keptn.eu-1x', 'keptn.us-1'])
    t.is(localNamespace(text, 'eu-1'), undefined, text)
})

test('an integration goes up with its place, and without its subscriptions', (t) => {
  const local = { ...wanted(), id: 'local' }
  const up = toUpstream(local, PLACE)
  t.like(up, { id: '', name: 'helm-service', subscriptions: [] })
  t.like(up.metadata, { hostname: 'node-1', location: 'eu/canary/eu-1', integrationversion: '1.0' })
  t.deepEqual(up.metadata.kubernetesmetadata, {
    namespace: 'keptn.eu-1',
    podname: 'helm-service-0',
    deploymentname: 'helm-service',
  })
  t.true(isTheSame(up, local, 'eu-1'))
  t.false(isTheSame(up, local, 'us-1'))
  t.false(isTheSame(up, { ...local, name: 'other' }, 'eu-1'))
  t.false(isTheSame(up, wanted({ namespace: 'other' }), 'eu-1'))
})

test('logs go up under the ids that are known there, and are otherwise as they were', (t) => {
  const ids = new Map([['mine', 'upstream']])
  const log = {
    integrationid: 'mine',
    message: 'boom',
    time: '2026-01-01T00:00:00Z',
    more: { a: [1] },
  }
  const nobody = [{ message: 'x' }, { integrationid: '' }, { integrationid: null }, 'text', null]
  const { logs, unknown } = translateLogs(
    [log, ...nobody, { integrationid: 'other' }, { integrationid: 7 }],
    (id) => ids.get(id),
  )
  t.deepEqual(logs, [{ ...log, integrationid: 'upstream' }, ...nobody])
  t.is(unknown, 2)
})

testProp(
  'no log ever goes up under an id that is not one of ours',
  [fc.array(fc.record({ integrationid: fc.string() }))],
  (t, sent) => {
    const { logs, unknown } = translateLogs(sent, (id) => (id.length > 2 ? `up-${id}` : undefined))
    t.is(logs.length + unknown, sent.length)
    for (const log of logs as readonly { readonly integrationid: string }[])
      t.true(log.integrationid === '' || log.integrationid.startsWith('up-'))
  },
)
