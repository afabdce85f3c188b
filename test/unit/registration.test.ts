import test from 'ava'
import { createHash } from 'node:crypto'
import type { Registration } from '../../src/domain/registration.ts'
import {
  interestOfAll,
  matchesFilter,
  withoutSubscription,
  withSubscription,
} from '../../src/domain/registration.ts'
import type { Registering } from '../../src/domain/registration-identity.ts'
import { register as registerAt } from '../../src/domain/registration-identity.ts'
import {
  parseRegisteredSubscription,
  parseRegistration,
} from '../../src/domain/registration-parse.ts'
import { parseIntegrations } from '../../src/domain/presence.ts'
import { DEPLOYMENT, TEST, wanted } from '../support/registrations.ts'

function ids() {
  let count = 0
  return {
    ofIntegration: (text: string) => createHash('sha1').update(text).digest('hex'),
    ofSubscription: () => {
      count += 1
      return `sub-${count}`
    },
  }
}

const NOW = 1_700_000_000_000

function register(
  sent: Registration,
  known: Iterable<Registration>,
  make: ReturnType<typeof ids>,
): Registering {
  return registerAt(sent, known, make, NOW)
}

function created(over: Parameters<typeof wanted>[0] = {}): Registration {
  const registering = register(wanted(over), [], ids())
  if (registering.kind !== 'created') throw new Error(registering.kind)
  return registering.registration
}

test('a new integration gets the SHA-1 of name, namespace and host as its id, and ids for its subscriptions', (t) => {
  const registration = created({ events: [DEPLOYMENT, TEST] })
  // printf 'helm-service-keptn-node-1' | sha1sum
  t.is(registration.id, '4a986e6ceedb358e0e34d062de1dea5ffc053b44')
  t.deepEqual(
    registration.subscriptions.map(({ id, event }) => [id, event]),
    [
      ['sub-1', DEPLOYMENT],
      ['sub-2', TEST],
    ],
  )
})

test('the same name and namespace from another host is the same integration, and keeps its subscriptions', (t) => {
  const known = created()
  const again = register(
    wanted({ hostname: 'node-2', version: '2.0', events: [TEST], stages: ['prod'] }),
    [known],
    ids(),
  )
  t.like(again, { kind: 'existing', registration: { id: known.id } })
  if (again.kind !== 'existing') return
  t.deepEqual(again.registration.subscriptions, known.subscriptions)
  t.is(again.registration.metadata.hostname, 'node-1')
  t.is(again.registration.metadata.integrationversion, '2.0')
})

test('another namespace is another integration', (t) => {
  const known = created()
  const other = register(wanted({ namespace: 'other' }), [known], ids())
  t.is(other.kind, 'created')
})

test('an empty list of subscriptions is filled by the next registration, with ids', (t) => {
  const known = created({ events: [] })
  const again = register(wanted(), [known], ids())
  if (again.kind !== 'existing') return t.fail(again.kind)
  t.deepEqual(
    again.registration.subscriptions.map(({ id, event }) => [id, event]),
    [['sub-1', DEPLOYMENT]],
  )
})

test('an incomplete identity is refused by the names of what is missing', (t) => {
  t.deepEqual(register(wanted({ name: '', hostname: '' }), [], ids()), {
    kind: 'incomplete',
    missing: ['name', 'hostname'],
  })
})

test('an empty name or namespace never takes over a record of somebody else', (t) => {
  const known = created()
  t.is(register(wanted({ name: '' }), [known], ids()).kind, 'incomplete')
  t.is(register(wanted({ namespace: '' }), [known], ids()).kind, 'incomplete')
})

test('a known integration needs no host name', (t) => {
  t.is(register(wanted({ hostname: '' }), [created()], ids()).kind, 'existing')
})

test('a subscription is added, replaced by its id, and removed', (t) => {
  const known = created()
  const filter = { projects: ['shop'], stages: [], services: [] }
  const added = withSubscription(known, { id: 'mine', event: TEST, filter })
  t.deepEqual(
    added.subscriptions.map(({ id }) => id),
    ['sub-1', 'mine'],
  )
  const replaced = withSubscription(added, { id: 'sub-1', event: TEST, filter })
  t.deepEqual(
    replaced.subscriptions.map(({ id, event }) => [id, event]),
    [
      ['sub-1', TEST],
      ['mine', TEST],
    ],
  )
  t.deepEqual(
    withoutSubscription(replaced, 'sub-1').subscriptions.map(({ id }) => id),
    ['mine'],
  )
  t.deepEqual(withoutSubscription(replaced, 'nobody'), replaced)
})

const FILTERS: readonly (readonly [Parameters<typeof matchesFilter>[1], boolean])[] = [
  [{}, true],
  [{ name: 'helm-service', namespace: 'keptn', hostname: 'node-1' }, true],
  [{ name: '' }, true],
  [{ name: 'helm' }, false],
  [{ namespace: 'other' }, false],
  [{ hostname: 'node-2' }, false],
  [{ id: 'x' }, false],
  [{ stage: 'dev' }, true],
  [{ stage: 'prod' }, false],
  [{ project: 'shop' }, false],
]
for (const [filter, expected] of FILTERS) {
  test(`the list filtered by ${JSON.stringify(filter)} has it: ${expected}`, (t) => {
    t.is(matchesFilter(created({ stages: ['dev'] }), filter), expected)
  })
}

test('what is missing or null in a registration is empty, and what is unknown is dropped', (t) => {
  const parsed = parseRegistration({
    name: 'a',
    metadata: { kubernetesmetadata: null, extra: 1 },
    subscriptions: [{ event: DEPLOYMENT, filter: { stages: null } }],
    more: {},
  })
  if (!parsed.ok) return t.fail(parsed.detail)
  t.deepEqual(parsed.value, {
    id: '',
    name: 'a',
    metadata: {
      hostname: '',
      integrationversion: '',
      distributorversion: '',
      location: '',
      kubernetesmetadata: { namespace: '', podname: '', deploymentname: '' },
      lastseen: '',
    },
    subscriptions: [
      { id: '', event: DEPLOYMENT, filter: { projects: [], stages: [], services: [] } },
    ],
  })
})

test('what an agent reads back is what it wrote', (t) => {
  const registration = created({ events: [DEPLOYMENT, TEST], stages: ['dev'] })
  const parsed = parseRegistration(JSON.parse(JSON.stringify(registration)))
  t.deepEqual(parsed, { ok: true, value: registration })
})

const WRONG: readonly (readonly [unknown, string])[] = [
  [[], 'an integration is a JSON object'],
  [null, 'an integration is a JSON object'],
  [{ name: 1 }, 'name is no string'],
  [{ metadata: 'x' }, 'metadata is no object'],
  [
    { metadata: { kubernetesmetadata: { namespace: {} } } },
    'metadata.kubernetesmetadata.namespace is no string',
  ],
  [{ subscriptions: {} }, 'subscriptions is no list'],
  [{ subscriptions: [1] }, 'subscriptions is no list of objects'],
  [{ subscriptions: [{ filter: { stages: 'dev' } }] }, 'subscriptions[0].filter.stages is no list'],
  [
    { subscriptions: [{ filter: { stages: [1] } }] },
    'subscriptions[0].filter.stages is no list of strings',
  ],
]
for (const [json, detail] of WRONG) {
  test(`the registration ${JSON.stringify(json)} is refused`, (t) => {
    t.deepEqual(parseRegistration(json), { ok: false, detail })
  })
}

test('a subscription is read in the same way', (t) => {
  t.deepEqual(parseRegisteredSubscription({ event: 1 }), {
    ok: false,
    detail: 'event is no string',
  })
  t.true(parseRegisteredSubscription({}).ok)
})

test('what a stamp tells is the same whatever the order of registration, and a hub can read it', (t) => {
  const helm = created()
  const jes = created({ name: 'job-executor-service', events: [TEST] })
  const told = interestOfAll([jes, helm])
  t.deepEqual(told, interestOfAll([helm, jes]))
  t.deepEqual(
    told.map(({ name }) => name),
    ['helm-service', 'job-executor-service'],
  )
  t.deepEqual(parseIntegrations(JSON.parse(JSON.stringify(told))), told)
})
