import { fc, testProp } from '@fast-check/ava'
import test from 'ava'
import type { Registration } from '../../src/domain/registration.ts'
import type { EntryChange, RegistrationEntry } from '../../src/domain/registration-entry.ts'
import {
  comparedUpstream,
  differsUpstream,
  forgottenUpstream,
  parseEntry,
  pinged,
  registered,
  registeredUpstream,
  removed,
  subscribed,
  toldUpstream,
  unsubscribed,
} from '../../src/domain/registration-entry.ts'
import { register } from '../../src/domain/registration-identity.ts'
import { DEPLOYMENT, TEST, wanted } from '../support/registrations.ts'

const NOW = 1_700_000_000_000
const LOCAL: Registration = { ...wanted({ events: [DEPLOYMENT] }), id: 'local' }
const filter = { projects: [], stages: [], services: [] }
const one = (id: string, event = TEST) => ({ id, event, filter })

function entry(over: Partial<RegistrationEntry> = {}): RegistrationEntry {
  const registration = { ...LOCAL, subscriptions: [one('own', DEPLOYMENT)] }
  return { registration, hadPinged: true, upstream: undefined, isRemoved: false, ...over }
}

const upstream = (over: object = {}) => ({
  id: 'up',
  subscriptions: [one('own', DEPLOYMENT)],
  integrationversion: '1.0',
  distributorversion: '0.15.0',
  ...over,
})

const CHANGES: Readonly<Record<string, EntryChange>> = {
  registered: registered({ ...LOCAL, subscriptions: [one('new')] }, NOW, [one('more')]),
  pinged: pinged([one('own', DEPLOYMENT)], NOW),
  subscribed: subscribed(one('own')),
  unsubscribed: unsubscribed('own'),
  removed,
  'registered upstream': registeredUpstream(LOCAL, 'up', true, () => 'made'),
  'found upstream': registeredUpstream(LOCAL, 'other', false, () => 'made'),
  compared: comparedUpstream('up', [one('theirs')]),
  told: toldUpstream('up', [one('theirs')]),
  forgotten: forgottenUpstream('up'),
}

const entries = fc.option(
  fc
    .record({
      hadPinged: fc.boolean(),
      isRemoved: fc.boolean(),
      upstream: fc.option(
        fc.constantFrom(
          upstream(),
          upstream({ id: 'other' }),
          upstream({ subscriptions: null }),
          upstream({ subscriptions: [one('theirs')] }),
        ),
        { nil: undefined },
      ),
      subscriptions: fc.subarray([one('own', DEPLOYMENT), one('theirs'), one('more', 'x')]),
    })
    .map(({ subscriptions, ...rest }) =>
      entry({ ...rest, registration: { ...LOCAL, subscriptions } }),
    ),
  { nil: undefined },
)

for (const [name, change] of Object.entries(CHANGES)) {
  testProp(`made twice it is made once: ${name}`, [entries], (t, before) => {
    const once = change(before)
    t.deepEqual(change(once), once)
  })
}

testProp(
  'what another agent reads is what was written, after any changes',
  [entries, fc.array(fc.constantFrom(...Object.values(CHANGES)))],
  (t, before, changes) => {
    let after: RegistrationEntry | undefined = before ?? entry()
    for (const change of changes) after = change(after)
    t.deepEqual(parseEntry(JSON.parse(JSON.stringify(after))), after)
  },
)

test('what is no entry is none', (t) => {
  for (const json of [null, 'x', {}, { registration: { id: '' } }, { registration: { id: 1 } }])
    t.is(parseEntry(json), undefined)
  // As earlier versions wrote them.
  t.deepEqual(parseEntry({ registration: LOCAL, hadPinged: true }), {
    registration: LOCAL,
    hadPinged: true,
    upstream: undefined,
    isRemoved: false,
  })
})

test('a ping that was answered with what no longer holds does not make it listen', (t) => {
  const changed = subscribed(one('mine'))(entry())
  t.false(changed?.hadPinged)
  t.false(pinged([one('own', DEPLOYMENT)], NOW)(changed)?.hadPinged)
  t.true(pinged([one('mine'), one('own', DEPLOYMENT)], NOW)(changed)?.hadPinged)
})

test('other ids for the same wish do not make it stop listening', (t) => {
  const known = entry({ upstream: upstream() })
  const changed = comparedUpstream('up', [one('renamed', DEPLOYMENT)])(known)
  t.deepEqual(changed?.registration.subscriptions, [one('renamed', DEPLOYMENT)])
  t.true(changed?.hadPinged)
})

test('what was removed stays removed, whoever pinged or compared meanwhile', (t) => {
  const gone = removed(entry({ upstream: upstream() }))
  for (const name of ['pinged', 'subscribed', 'compared', 'told'])
    t.deepEqual(CHANGES[name]?.(gone), gone, name)
  // Registered again before the control plane was told: its entry there is taken over.
  const back = registered({ ...LOCAL, subscriptions: [one('new')] }, NOW)(gone)
  t.like(back, { isRemoved: false, hadPinged: false, upstream: { id: 'up' } })
  t.deepEqual(back?.registration.subscriptions, [one('new')])
})

test('the control plane has to be told of what it does not have', (t) => {
  t.true(differsUpstream(entry()))
  t.false(differsUpstream(entry({ upstream: upstream() })))
  t.true(differsUpstream(entry({ upstream: upstream({ subscriptions: null }) })))
  t.true(differsUpstream(entry({ upstream: upstream({ subscriptions: [] }) })))
  t.true(differsUpstream(entry({ upstream: upstream({ integrationversion: '0.9' }) })))
})

test('what has no id gets one before it is put anywhere', (t) => {
  const nameless = entry({ registration: { ...LOCAL, subscriptions: [one('')] } })
  const made = registeredUpstream(LOCAL, 'up', true, () => 'made')(nameless)
  t.deepEqual(made?.registration.subscriptions, [one('made')])
  t.deepEqual(made?.upstream?.subscriptions, [])
})

test('of several with one name and namespace the last seen is meant, and gets what the others have', (t) => {
  const seen = (id: string, minute: number, subscriptions: Registration['subscriptions']) => ({
    ...LOCAL,
    id,
    metadata: { ...LOCAL.metadata, lastseen: `2026-01-01T10:0${minute}:00Z` },
    subscriptions,
  })
  const known = [
    seen('a', 1, [one('1')]),
    seen('b', 3, [one('2')]),
    seen('c', 2, [one('2'), one('3')]),
  ]
  const ids = { ofIntegration: () => 'new', ofSubscription: () => 'new' }
  const again = register(wanted(), known, ids, NOW)
  if (again.kind === 'incomplete') return t.fail()
  t.is(again.kind, 'existing')
  t.is(again.registration.id, 'b')
  t.deepEqual(
    again.registration.subscriptions.map(({ id }) => id),
    ['2', '3', '1'],
  )
})
