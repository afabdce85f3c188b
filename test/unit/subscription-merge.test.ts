import { fc, testProp } from '@fast-check/ava'
import test from 'ava'
import type { RegisteredSubscription } from '../../src/domain/registration.ts'
import { areSame, mergeSubscriptions, wantTheSame } from '../../src/domain/subscription-merge.ts'

type List = readonly RegisteredSubscription[]

/** `a1 b2`: subscriptions a and b, in their first and second form. */
function list(text: string): List {
  return text.split(' ').flatMap((word) => {
    const [id = '', form = ''] = word
    return id === '' ? [] : one(id, form)
  })
}

function one(id: string, form: string): RegisteredSubscription {
  return { id, event: `event-${form}`, filter: { projects: [], stages: [], services: [] } }
}

const told = (subscriptions: List): string =>
  subscriptions.map(({ id, event }) => id + event.slice('event-'.length)).join(' ')

// The stamp has, both had, the control plane has: what holds, what it is told, what it is to forget.
const TABLE: readonly (readonly [string, string | null, string, string, string, string])[] = [
  ['a1', 'a1', 'a1', 'a1', '', ''],
  ['a2', 'a1', 'a1', 'a2', 'a2', ''],
  ['a1', 'a1', 'a2', 'a2', '', ''],
  ['a2', 'a1', 'a3', 'a3', '', ''],
  ['', 'a1', 'a1', '', '', 'a'],
  ['a1', 'a1', '', '', '', ''],
  ['', 'a1', 'a2', 'a2', '', ''],
  ['a2', 'a1', '', '', '', ''],
  ['a1 b1', 'a1', 'a1', 'a1 b1', 'b1', ''],
  ['a1', 'a1', 'a1 c1', 'a1 c1', '', ''],
  ['a1 b1', 'a1', 'a1 c1', 'a1 b1 c1', 'b1', ''],
  // Told already, and then killed before that was known.
  ['a1 b1', 'a1', 'a1 b1', 'a1 b1', '', ''],
  ['a1', 'a1 b1', 'a1', 'a1', '', ''],
  ['a1', '', '', 'a1', 'a1', ''],
  // Never one before: as in Keptn.
  ['a1', null, '', 'a1', 'a1', ''],
  ['a1', null, 'b1', 'b1', '', ''],
  ['', null, 'b1', 'b1', '', ''],
  ['', null, '', '', '', ''],
]
for (const [local, base, upstream, holds, put, remove] of TABLE) {
  test(`stamp ${local}, before ${base}, control plane ${upstream}: ${holds}`, (t) => {
    const merged = mergeSubscriptions(
      list(local),
      base === null ? null : list(base),
      list(upstream),
    )
    t.is(told(merged.subscriptions), holds)
    t.is(told(merged.put), put)
    t.is(merged.remove.join(' '), remove)
  })
}

test('what has no id is told apart by what it wants', (t) => {
  const [first, second] = [one('', '1'), one('', '2')]
  const merged = mergeSubscriptions([first], [first], [first, second])
  t.deepEqual(merged, { subscriptions: [first, second], put: [], remove: [] })
  t.deepEqual(mergeSubscriptions([first, second], [first, second], [second]).subscriptions, [
    second,
  ])
})

const lists = fc.uniqueArray(
  fc.record({
    id: fc.constantFrom('a', 'b', 'c', 'd', 'e', 'f'),
    form: fc.constantFrom('1', '2', '3'),
  }),
  { selector: ({ id }) => id },
)
const subscriptions = lists.map((them): List => them.map(({ id, form }) => one(id, form)))
const bases = fc.option(subscriptions, { nil: null })

/** What the control plane has once it was told. */
function afterTelling(upstream: List, put: List, remove: readonly string[]): List {
  const changed = new Set([...put.map(({ id }) => id), ...remove])
  return [...upstream.filter(({ id }) => !changed.has(id)), ...put]
}

testProp(
  'once the control plane was told, both sides are one',
  [subscriptions, bases, subscriptions],
  (t, local, base, upstream) => {
    const merged = mergeSubscriptions(local, base, upstream)
    const there = afterTelling(upstream, merged.put, merged.remove)
    t.true(areSame(merged.subscriptions, there))
    // And then there is nothing more to do.
    const again = mergeSubscriptions(merged.subscriptions, there, there)
    t.deepEqual(again, { subscriptions: merged.subscriptions, put: [], remove: [] })
  },
)

testProp(
  'what the control plane changed is as it has it, and nothing of it is told back',
  [subscriptions, subscriptions, subscriptions],
  (t, local, base, upstream) => {
    const merged = mergeSubscriptions(local, base, upstream)
    const find = (them: List, id: string) => told(them.filter((it) => it.id === id))
    for (const id of 'abcdef') {
      const isChangedThere = find(upstream, id) !== find(base, id)
      t.is(find(merged.subscriptions, id), find(isChangedThere ? upstream : local, id))
      if (!isChangedThere) continue
      t.is(find(merged.put, id), '')
      t.false(merged.remove.includes(id))
    }
  },
)

testProp(
  'where the control plane did not change, the stamp keeps all that it has',
  [subscriptions, subscriptions],
  (t, local, base) => {
    const merged = mergeSubscriptions(local, base, base)
    t.deepEqual(merged.subscriptions, local)
    // A crash after any of the calls, before it was noted, costs nothing but those calls again.
    const there = afterTelling(base, merged.put.slice(0, 1), merged.remove.slice(0, 1))
    t.true(areSame(mergeSubscriptions(local, base, there).subscriptions, local))
  },
)

testProp('lists are compared whatever their order', [subscriptions], (t, them) => {
  t.true(areSame(them, them.toReversed()))
  t.true(wantTheSame(them, them.map((it, index) => ({ ...it, id: `other-${index}` })).toReversed()))
  t.is(
    areSame(
      them,
      them.map((it) => ({ ...it, id: `${it.id}x` })),
    ),
    them.length === 0,
  )
  t.false(wantTheSame(them, [...them, one('z', '9')]))
})
