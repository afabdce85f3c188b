import test from 'ava'
import type { KeptnEvent } from '../../src/domain/event.ts'
import { parseEvent } from '../../src/domain/event.ts'
import { SEEN_ALIVE_MS } from '../../src/domain/stamp-registrations.ts'
import type { Standing } from '../../src/domain/stamp-standing.ts'
import { presenceSubject } from '../../src/domain/subject.ts'
import type { LinkKind, Stamp, Topology } from '../../src/domain/topology.ts'
import { Membership } from '../../src/hub/membership.ts'
import type { StampConsumers } from '../../src/hub/stamp-consumers.ts'
import type { StampRecord } from '../../src/hub/stamp-registry.ts'
import { StampRegistry } from '../../src/hub/stamp-registry.ts'
import { Standings } from '../../src/hub/standings.ts'
import type { Bucket } from '../../src/links/bucket.ts'
import type { CoreMessages } from '../../src/links/core-messages.ts'
import type { Log } from '../../src/observe/log.ts'
import { Metrics } from '../../src/observe/metrics.ts'
import { LiveTopology } from '../../src/runtime/topology-source.ts'
import { eventOf } from '../support/keptn-event.ts'
import { silent } from '../support/registrations.ts'
import { SCOPE, topology } from '../support/stamp-agent.ts'

const OFFLINE_MS = 3_000
const base = topology()
const withStamps = (...names: readonly string[]): Topology => ({
  ...base,
  // `a:https`: with that link.
  stamps: names.map((name) => ({
    name: name.replace(/:.*/, ''),
    geo: 'eu',
    ring: 'canary',
    link: (name.split(':')[1] ?? 'auto') as LinkKind,
    labels: {},
    handles: [],
  })),
})

/** A registry that hears what a test says, with a clock of its own. */
async function rig(...names: readonly string[]) {
  const source = new LiveTopology(withStamps(...names))
  const clock = { ms: 1_700_000_000_000 }
  const waitedFor = new Set<string>()
  const changed: string[] = []
  const warnings: string[] = []
  const log: Log = { ...silent, warn: (_, message) => warnings.push(message) }
  let say: (subject: string, json: unknown) => void = () => undefined
  const bucket = {
    load: () => Promise.resolve([]),
    put: () => Promise.resolve(),
  } as unknown as Bucket<StampRecord | Standing>
  const membership = new Membership({
    listed: source,
    standings: new Standings(bucket),
    consumers: {} as StampConsumers,
    now: () => clock.ms,
    log,
    metrics: new Metrics(),
    onDrain: () => undefined,
  })
  await membership.start()
  const registry = new StampRegistry({
    scope: SCOPE,
    membership,
    messages: {
      listen: (_: string, heard: typeof say) => {
        say = heard
        return () => undefined
      },
    } as unknown as CoreMessages,
    bucket,
    isWaitedFor: ({ stamp }) => waitedFor.has(stamp),
    offlineAfterMs: () => OFFLINE_MS,
    forgetAfterMs: 604_800_000,
    now: () => clock.ms,
    log,
    onChange: (stamp) => changed.push(stamp),
  })
  await registry.start()
  return {
    registry,
    changed,
    /** What Keptn says of stamps: when (ms) each was seen, and what its one integration wants. */
    read: (seen: Readonly<Record<string, number>>, wanted = 'deployment') => {
      const entries = Object.entries(seen).map(([stamp, seenAt]) => {
        const filter = { projects: [], stages: [], services: [] }
        const subscriptions = [{ event: `sh.keptn.event.${wanted}.triggered`, filter }]
        return [stamp, { integrations: [{ name: 'x', subscriptions }], alive: 1, seenAt }] as const
      })
      registry.readKeptn(new Map(entries))
    },
    clock,
    waitedFor,
    warnings,
    announce: (stamp: string, ring = 'canary', geo = 'eu') => {
      const presence = { version: 1, agent: '1.0.0', keptn: true, integrations: [] }
      say(presenceSubject(SCOPE, { geo, ring, stamp }), presence)
    },
    reload: (...next: readonly string[]) =>
      source.replace(withStamps(...next), new AbortController().signal),
  }
}

test('a stamp that left is heard as long as something that was begun waits for it', async (t) => {
  const { registry, clock, waitedFor, announce, reload } = await rig('a', 'b')
  announce('b')
  await reload('a')
  waitedFor.add('b')
  clock.ms += OFFLINE_MS
  t.false(registry.isOnline('b'))
  announce('b')
  t.true(registry.isOnline('b'))
  waitedFor.clear()
  clock.ms += OFFLINE_MS
  announce('b')
  t.false(registry.isOnline('b'))
})

test('a stamp that has just come may take as long to be heard as one at the start', async (t) => {
  const { registry, clock, reload } = await rig('a')
  t.true(registry.isOnline('a'), 'at the start')
  clock.ms += OFFLINE_MS
  t.false(registry.isOnline('a'))
  await reload('a', 'b')
  t.true(registry.isOnline('b'), 'after it came')
  t.false(registry.isOnline('a'), 'which says nothing of the others')
  clock.ms += OFFLINE_MS
  t.false(registry.isOnline('b'))
})

test('a stamp that speaks from another ring is heard, and told of once', async (t) => {
  const { registry, clock, warnings, announce } = await rig('a')
  clock.ms += OFFLINE_MS
  announce('a', 'early')
  announce('a', 'early')
  t.true(registry.isOnline('a'))
  t.is(warnings.length, 1)
  announce('a')
  announce('a', 'early')
  t.is(warnings.length, 2, 'again after it was right')
})

test('a stamp that speaks from another geo is not heard', async (t) => {
  const { registry, clock, announce } = await rig('a')
  clock.ms += OFFLINE_MS
  announce('a', 'canary', 'us')
  t.false(registry.isOnline('a'))
})

function triggered(task: string): KeptnEvent {
  const parsed = parseEvent(JSON.stringify(eventOf(`sh.keptn.event.${task}.triggered`)))
  if (!parsed.ok) throw new Error(parsed.detail)
  return parsed.event
}

test('a stamp without NATS is there while Keptn sees its integrations, and wants what they do', async (t) => {
  const { registry, clock, changed, read } = await rig('a:https')
  const [stamp] = withStamps('a:https').stamps as [Stamp]
  const wants = (task: string) => registry.interestOf(stamp, triggered(task)).kind
  t.false(registry.isOnNats('a'), 'not even at the start')
  t.is(wants('deployment'), 'assumed', 'as long as Keptn was not asked')
  registry.readKeptn(new Map())
  t.is(wants('deployment'), 'none', 'for what nobody registered it does not poll')

  read({ a: clock.ms })
  t.is(wants('deployment'), 'known')
  t.is(wants('test'), 'none')
  t.like(registry.record('a'), { link: 'https', alive: 1, heardAt: clock.ms })
  t.deepEqual(changed, ['a'])
  clock.ms += SEEN_ALIVE_MS - 1
  t.true(registry.isOnline('a'), 'the hub asks less often than a stamp says that it is there')
  clock.ms += 1
  t.false(registry.isOnline('a'))
  registry.readKeptn(new Map())
  t.is(wants('deployment'), 'known', 'what Keptn forgot is still wanted')
  read({ a: clock.ms })
  t.true(registry.isOnline('a'))
  t.is(registry.onlineSince('a'), clock.ms, 'it was away')
  t.deepEqual(changed, ['a', 'a'])
})

test('Keptn counts for a stamp with both links while NATS does not reach it', async (t) => {
  const { registry, clock, changed, announce, read } = await rig('a', 'b:nats')
  announce('a')
  announce('b')
  read({ a: clock.ms, b: clock.ms })
  t.true(registry.isOnNats('a'))
  t.deepEqual(registry.record('a')?.integrations, [], 'as it says itself')

  clock.ms += OFFLINE_MS
  t.false(registry.isOnNats('a'))
  read({ a: clock.ms - OFFLINE_MS - 1 })
  t.false(registry.isOnline('a'), 'it was seen before it fell silent')
  changed.length = 0
  read({ a: clock.ms, b: clock.ms })
  t.true(registry.isOnline('a'))
  t.false(registry.isOnNats('a'))
  t.false(registry.isOnline('b'), 'nobody speaks for a stamp that has NATS')
  t.deepEqual(changed, ['a'])

  announce('a')
  t.true(registry.isOnNats('a'), 'NATS is back')
  read({ a: clock.ms })
  t.true(registry.isOnNats('a'))
})
