import test from 'ava'
import { fc, testProp } from '@fast-check/ava'
import { parseEvent } from '../../src/domain/event.ts'
import type { KeptnEvent } from '../../src/domain/event.ts'
import type { Interest } from '../../src/domain/interest.ts'
import { expectedAnswers, interestOf } from '../../src/domain/interest.ts'
import type { Route } from '../../src/domain/route.ts'
import { pickOne, route } from '../../src/domain/route.ts'
import type { ControlPlane, Stamp, TaskPolicy, Topology } from '../../src/domain/topology.ts'
import { globMatches } from '../../src/domain/topology.ts'

const policy: TaskPolicy = {
  select: 'all',
  success: 'all',
  startTimeoutMs: 300_000,
  finishTimeoutMs: 7_200_000,
  offline: 'wait',
  missing: 'report',
}
const main: ControlPlane = {
  name: 'main',
  home: { geo: 'eu', stamp: 'eu-core-1' },
  projects: ['shop', 'web-*'],
  storeDomain: 'hub',
}
const stamps = [
  stamp('eu-canary-1', 'eu', 'canary'),
  stamp('eu-early-1', 'eu', 'early'),
  stamp('us-canary-1', 'us', 'canary'),
  stamp('us-broad-1', 'us', 'broad'),
]
const topology = {
  federation: 'acme',
  controlPlanes: [main],
  rings: ['canary', 'early', 'broad'],
  stages: [
    { stage: 'dev', rings: ['canary'] },
    { stage: 'prod-*', project: 'shop', rings: ['early', 'broad'], geos: ['eu'] },
    { stage: 'prod', rings: ['early', 'broad'] },
  ],
  tasks: {
    default: policy,
    named: {
      approval: { ...policy, select: 'none' },
      strict: { ...policy, missing: 'fail' },
    },
  },
  geos: [],
  stamps,
} as unknown as Topology

function stamp(name: string, geo: string, ring: string): Stamp {
  return { name, geo, ring, link: 'auto', labels: {}, handles: [] }
}

function event(type: string, data: Readonly<Record<string, unknown>> = {}): KeptnEvent {
  const parsed = parseEvent(
    JSON.stringify({
      specversion: '1.0',
      id: 'T1',
      source: 'shipyard-controller',
      type,
      time: '2024-01-01T10:00:00Z',
      shkeptncontext: 'c1',
      data: { project: 'shop', stage: 'dev', service: 's', ...data },
    }),
  )
  if (!parsed.ok) throw new Error(parsed.reason)
  return parsed.event
}

function decide(
  it: KeptnEvent,
  interest: (stamp: Stamp) => Interest = () => ({ kind: 'assumed' }),
  path: readonly string[] = [],
): Route {
  return route({ topology, controlPlane: main, event: it, path, interestOf: interest })
}

function names(decided: Route): readonly string[] {
  return decided.kind === 'local' ? [] : decided.targets.map((target) => target.stamp.name)
}

function narrowed(labels: Readonly<Record<string, string>>): readonly string[] {
  return names(decide(event(TRIGGERED, { labels })))
}

const TRIGGERED = 'sh.keptn.event.deployment.triggered'

test('a task goes to the stamps of its stage’s rings', (t) => {
  const decided = decide(event(TRIGGERED))
  t.is(decided.kind, 'fan-out')
  t.deepEqual(names(decided), ['eu-canary-1', 'us-canary-1'])
})

test('the first rule that matches wins, and may be limited to geos and a project', (t) => {
  t.deepEqual(names(decide(event(TRIGGERED, { stage: 'prod-eu' }))), ['eu-early-1'])
  t.deepEqual(names(decide(event(TRIGGERED, { stage: 'prod' }))), ['eu-early-1', 'us-broad-1'])
  const other = decide(event(TRIGGERED, { stage: 'prod-eu', project: 'web-1' }))
  t.deepEqual(other, { kind: 'local', reason: 'stage', missing: [], drained: [] })
})

test('a stage that no rule names, a foreign project and a task with select none stay', (t) => {
  t.like(decide(event(TRIGGERED, { stage: 'qa' })), { kind: 'local', reason: 'stage' })
  t.like(decide(event(TRIGGERED, { project: 'alien' })), { kind: 'local', reason: 'project' })
  t.like(decide(event('sh.keptn.event.approval.triggered')), { kind: 'local', reason: 'task' })
})

test('labels narrow and never widen', (t) => {
  t.deepEqual(narrowed({ 'signet-geo': 'us' }), ['us-canary-1'])
  t.deepEqual(narrowed({ 'signet-stamp': 'eu-canary-1, us-canary-1' }), [
    'eu-canary-1',
    'us-canary-1',
  ])
  t.deepEqual(narrowed({ 'signet-stamp': 'us-broad-1' }), [])
  t.deepEqual(narrowed({ 'signet-ring': 'broad' }), [])
})

testProp(
  'no label and no path makes an event reach a stamp that the topology did not select',
  [
    fc.dictionary(fc.constantFrom('signet-geo', 'signet-ring', 'signet-stamp'), fc.string()),
    fc.subarray(stamps),
  ],
  (t, labels, path) => {
    const through = path.map(({ name }) => name)
    const reached = names(decide(event(TRIGGERED, { labels }), undefined, through))
    t.true(reached.every((name) => ['eu-canary-1', 'us-canary-1'].includes(name)))
    t.true(reached.every((name) => !through.includes(name)))
  },
)

test('a stamp without interest is missing, and the task stays where nobody has any', (t) => {
  const none = (): Interest => ({ kind: 'none' })
  const one = ({ name }: Stamp): Interest =>
    name === 'eu-canary-1' ? { kind: 'known', answers: 1, exact: true } : { kind: 'none' }
  const some = decide(event(TRIGGERED), one)
  t.deepEqual(names(some), ['eu-canary-1'])
  t.deepEqual(some.kind === 'fan-out' && some.missing.map(({ name }) => name), ['us-canary-1'])
  t.like(decide(event(TRIGGERED), none), { kind: 'local', reason: 'nobody' })
  const strict = decide(event('sh.keptn.event.strict.triggered'), none)
  t.is(strict.kind, 'fan-out', 'missing: fail is a failure to be told, not silence')
})

test('a drained stamp gets no new tasks, and its notices as before', (t) => {
  const decideWith = (type: string, ...drained: readonly string[]) =>
    route({
      topology,
      controlPlane: main,
      event: event(type),
      path: [],
      interestOf: () => ({ kind: 'assumed' }),
      isDrained: (name) => drained.includes(name),
    })
  const one = decideWith(TRIGGERED, 'eu-canary-1')
  t.deepEqual(names(one), ['us-canary-1'])
  const reasons = one.kind === 'local' ? [] : one.excluded
  t.is(reasons.find((it) => it.stamp.name === 'eu-canary-1')?.reason, 'drained')
  const finished = decideWith('sh.keptn.event.deployment.finished', 'eu-canary-1')
  t.deepEqual(names(finished), ['eu-canary-1', 'us-canary-1'])
  const none = decideWith(TRIGGERED, 'eu-canary-1', 'us-canary-1')
  t.deepEqual(none.kind === 'local' && none.drained.map(({ name }) => name), [
    'eu-canary-1',
    'us-canary-1',
  ])
})

test('everything else is a notice to the stamps of its stage', (t) => {
  const finished = decide(event('sh.keptn.event.dev.delivery.finished'))
  t.is(finished.kind, 'notice')
  t.deepEqual(names(finished), ['eu-canary-1', 'us-canary-1'])
  t.is(decide(event('sh.keptn.event.deployment.status.changed')).kind, 'notice')
})

test('an event without a stage concerns every stamp', (t) => {
  const created = event('sh.keptn.event.project.create.finished', { stage: '' })
  t.is(names(decide(created)).length, stamps.length)
})

test('what another stamp published goes only to who asked for it, and never back', (t) => {
  const notice = event('sh.keptn.event.test.finished')
  t.deepEqual(names(decide(notice, undefined, ['eu-canary-1', 'eu-core-1'])), [])
  const known = (): Interest => ({ kind: 'known', answers: 1, exact: true })
  t.deepEqual(names(decide(notice, known, ['eu-canary-1', 'eu-core-1'])), ['us-canary-1'])
  t.is(names(decide(notice, undefined, ['eu-core-1'])).length, 2, 'home is no stamp to relay for')
})

test('select one takes the least busy, stable by context', (t) => {
  const targets = stamps.map((it) => ({ stamp: it, interest: { kind: 'assumed' } as const }))
  const idle = (): number => 0
  const chosen = pickOne(targets, 'ctx-1', idle)?.stamp.name
  t.is(pickOne(targets.toReversed(), 'ctx-1', idle)?.stamp.name, chosen)
  const busy = pickOne(targets, 'ctx-1', (name) => (name === chosen ? 1 : 0))?.stamp.name
  t.not(busy, chosen)
  const spread = new Set(
    Array.from({ length: 64 }, (_, index) => pickOne(targets, `ctx-${index}`, idle)?.stamp.name),
  )
  t.is(spread.size, stamps.length, 'contexts spread over all stamps')
  t.is(pickOne([], 'c', idle), undefined)
})

test('interest: registrations first, then handles, else assumed', (t) => {
  const it = event(TRIGGERED)
  const plain = stamp('s', 'eu', 'canary')
  const handling = { ...plain, handles: ['deployment'] }
  const subscribed = [{ name: 'helm', subscriptions: [subscription(TRIGGERED)] }]
  t.deepEqual(interestOf(plain, undefined, it), { kind: 'assumed' })
  t.deepEqual(interestOf(plain, [], it), { kind: 'assumed' })
  t.deepEqual(interestOf(plain, subscribed, it), { kind: 'known', answers: 1, exact: true })
  t.deepEqual(interestOf(plain, subscribed, event('sh.keptn.event.test.triggered')), {
    kind: 'none',
  })
  t.deepEqual(interestOf(handling, undefined, it), { kind: 'known', answers: 1, exact: false })
  t.deepEqual(interestOf(handling, undefined, event('sh.keptn.event.test.triggered')), {
    kind: 'none',
  })
  t.deepEqual(interestOf(handling, undefined, event('sh.keptn.event.dev.x.finished')), {
    kind: 'assumed',
  })
})

test('as many answers are expected as subscriptions handle the event', (t) => {
  const it = event(TRIGGERED)
  const twice = {
    name: 'webhook',
    subscriptions: [subscription(TRIGGERED), subscription(TRIGGERED)],
  }
  const filtered = { name: 'f', subscriptions: [subscription(TRIGGERED, { stages: ['prod'] })] }
  const overlap = {
    name: 'o',
    subscriptions: [subscription(TRIGGERED), subscription('sh.keptn.>')],
  }
  const uneven = { name: 'u', subscriptions: [...twice.subscriptions, subscription('sh.keptn.>')] }
  t.deepEqual(expectedAnswers([twice], it), { answers: 2, exact: true })
  t.deepEqual(expectedAnswers([filtered], it), { answers: 0, exact: true })
  t.deepEqual(expectedAnswers([overlap], it), { answers: 1, exact: true })
  t.deepEqual(expectedAnswers([uneven, filtered], it), { answers: 1, exact: false })
})

function subscription(type: string, filter: { readonly stages?: readonly string[] } = {}) {
  return { event: type, filter: { projects: [], stages: [], services: [], ...filter } }
}

test('globs', (t) => {
  t.true(globMatches('prod-*', 'prod-'))
  t.true(globMatches('*', ''))
  t.false(globMatches('prod-*', 'prod'))
  t.false(globMatches('a.c', 'abc'))
  t.true(globMatches('a*c*e', 'abcde'))
})
