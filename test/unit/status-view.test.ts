import test from 'ava'
import type { FederationStatus, StampStatus } from '../../src/domain/federation-status.ts'
import { textOf } from '../../src/view/line.ts'
import type { Line } from '../../src/view/line.ts'
import { filterStatus, statusView } from '../../src/view/status-view.ts'
import { table } from '../../src/view/table.ts'
import { age, took } from '../../src/view/time.ts'

const AT = '2026-03-01T10:00:00.000Z'

function stamp(
  name: string,
  geo: string,
  ring: string,
  more: Partial<StampStatus> = {},
): StampStatus {
  return {
    stamp: name,
    geo,
    ring,
    state: 'listed',
    drained: false,
    link: 'auto',
    online: true,
    onlineSince: '2026-03-01T07:00:00.000Z',
    heardAt: AT,
    agent: '0.1.0',
    keptn: true,
    integrations: { known: 2 },
    pending: 0,
    unacknowledged: 0,
    ...more,
  }
}

function status(
  stamps: readonly StampStatus[],
  more: Partial<FederationStatus> = {},
): FederationStatus {
  return {
    at: AT,
    federation: 'acme',
    controlPlane: 'main',
    hub: { geo: 'eu', stamp: 'eu-core-1', version: '0.1.0', ready: true },
    stamps,
    rollouts: [],
    deadLetters: 0,
    ...more,
  }
}

const text = (lines: readonly Line[]) => lines.map((line) => textOf(line).trimEnd()).join('\n')

const offline = { online: false, heardAt: '2026-03-01T09:55:00.000Z', keptn: false } as const

test('the federation at a glance', (t) => {
  const { onlineSince: _, ...silent } = stamp('us-1', 'us', 'canary', {
    ...offline,
    pending: 12,
    link: 'https',
  })
  const shown = status(
    [
      stamp('eu-1', 'eu', 'canary'),
      silent,
      stamp('eu-2', 'eu', 'early', {
        pending: 3,
        unacknowledged: 1,
        integrations: { known: 3, alive: 1 },
        keptn: false,
      }),
      stamp('eu-3', 'eu', 'early', { pending: null, drained: true }),
      stamp('eu-4', 'eu', 'early', { state: 'pending' }),
    ],
    { deadLetters: 1 },
  )
  t.is(
    text(statusView(shown, false)),
    `acme control plane main, hub in eu-core-1 (eu), agent 0.1.0: ready
4 of 5 stamps online, 1 dead letter

eu
  canary 1 of 1 online
    ● eu-1  auto   up 3 h            0 pending    2 integrations                                     0.1.0
  early 3 of 3 online
    ● eu-2  auto   up 3 h            4 pending    1 of 3 integrations alive  its Keptn NATS is away  0.1.0
    ● eu-3  auto   up 3 h            no consumer  2 integrations             drained                 0.1.0
    ● eu-4  auto   up 3 h            0 pending    2 integrations             waits to be approved    0.1.0

us
  canary 0 of 1 online
    ○ us-1  https  silent for 5 min  12 pending   2 integrations                                     0.1.0

no open rollouts`,
  )
})

test('of a large ring only what is out of order has a line, unless all are asked for', (t) => {
  const many = Array.from({ length: 40 }, (_, n) =>
    stamp(`eu-${n}`, 'eu', 'broad', n === 7 ? { pending: 5 } : n === 9 ? offline : {}),
  )
  const brief = text(statusView(status(many), false))
  t.regex(
    brief,
    /broad 39 of 40 online\n +● eu-7 .*5 pending.*\n +○ eu-9 .*silent.*\n +38 stamps online with nothing pending/,
  )
  t.is(text(statusView(status(many), true)).split('●').length - 1, 39)
})

test('what the hub does not know is said, and not taken for nothing', (t) => {
  const hub = { geo: 'eu', stamp: 'eu-core-1', version: '0.1.0', ready: false, reason: 'it waits' }
  const shown = text(statusView(status([], { hub, deadLetters: null }), false))
  t.regex(shown, /agent 0\.1\.0: it waits/)
  t.regex(shown, /dead letters unknown/)
})

test('a filter leaves the stamps of one geo and ring', (t) => {
  const all = status([
    stamp('a', 'eu', 'canary'),
    stamp('b', 'us', 'canary'),
    stamp('c', 'eu', 'early'),
  ])
  const names = (filter: object) => filterStatus(all, filter).stamps.map((each) => each.stamp)
  t.deepEqual(names({}), ['a', 'b', 'c'])
  t.deepEqual(names({ geo: 'eu' }), ['a', 'c'])
  t.deepEqual(names({ geo: 'eu', ring: 'early' }), ['c'])
})

test('durations are told in the unit that matters', (t) => {
  t.deepEqual([-5, 0, 59_400, 60_000, 7_199_000, 7_200_000, 172_800_000].map(age), [
    '0 s',
    '0 s',
    '59 s',
    '1 min',
    '1 h',
    '2 h',
    '2 d',
  ])
  t.deepEqual([-1_500, 0.4, 999, 1_000, 12_345, 120_000, 185_000, 7_200_000, 9_000_000].map(took), [
    '-1.50 s',
    '0 ms',
    '999 ms',
    '1.00 s',
    '12.3 s',
    '2 min',
    '3 min 5 s',
    '2 h',
    '2 h 30 min',
  ])
})

test('columns stand under each other, and one that is empty takes no room', (t) => {
  t.is(
    text(
      table([
        [['a'], [], ['x']],
        [['bcd'], [], ['y']],
      ]),
    ),
    'a    x\nbcd  y',
  )
})

test('a stamp that polls is told from one whose consumer is missing', (t) => {
  const stamps = [
    stamp('eu-1', 'eu', 'canary', { link: 'https', linkInUse: 'https', pending: null }),
    stamp('eu-2', 'eu', 'canary', { linkInUse: 'https', pending: 2 }),
    stamp('eu-3', 'eu', 'canary', { linkInUse: 'nats', pending: null }),
  ]
  const rows = text(statusView(status(stamps), true)).split('\n')
  const row = (name: string) => rows.find((line) => line.includes(name)) ?? ''
  t.regex(row('eu-1'), /https +up 3 h +polls /)
  t.regex(row('eu-2'), /auto: https +up 3 h +2 pending /)
  t.regex(row('eu-3'), /auto +up 3 h +no consumer /)
})
