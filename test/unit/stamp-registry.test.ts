import test from 'ava'
import type { Standing } from '../../src/domain/stamp-standing.ts'
import { presenceSubject } from '../../src/domain/subject.ts'
import type { Topology } from '../../src/domain/topology.ts'
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
import { silent } from '../support/registrations.ts'
import { SCOPE, topology } from '../support/stamp-agent.ts'

const OFFLINE_MS = 3_000
const base = topology()
const withStamps = (...names: readonly string[]): Topology => ({
  ...base,
  stamps: names.map((name) => ({
    name,
    geo: 'eu',
    ring: 'canary',
    link: 'auto',
    labels: {},
    handles: [],
  })),
})

/** A registry that hears what a test says, with a clock of its own. */
async function rig(...names: readonly string[]) {
  const source = new LiveTopology(withStamps(...names))
  const clock = { ms: 1_700_000_000_000 }
  const waitedFor = new Set<string>()
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
    onChange: () => undefined,
  })
  await registry.start()
  return {
    registry,
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
