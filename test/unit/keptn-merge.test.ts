import test from 'ava'
import { merge, mergeObjects } from '../../src/demo/keptn/merge.ts'

const cases: readonly (readonly [string, unknown, unknown, unknown])[] = [
  ['maps merge', { a: 1 }, { b: 2 }, { a: 1, b: 2 }],
  [
    'maps merge in depth',
    { a: { x: 'old', y: 'kept' } },
    { a: { x: 'new' } },
    { a: { x: 'new', y: 'kept' } },
  ],
  ['the later string wins', { a: 'one' }, { a: 'two' }, { a: 'two' }],
  ['the earlier number stays', { a: 1 }, { a: 2 }, { a: 1 }],
  ['the earlier boolean stays', { a: false }, { a: true }, { a: false }],
  ['the earlier number stays, whatever comes', { a: 1 }, { a: 'two' }, { a: 1 }],
  ['the items of the later array come first', { a: [1, 2] }, { a: [3] }, { a: [3, 1, 2] }],
  ['equal items are kept', { a: ['x'] }, { a: ['x'] }, { a: ['x', 'x'] }],
  ['a string replaces a map', { a: { b: 1 } }, { a: 'x' }, { a: 'x' }],
  ['a string replaces an array', { a: ['b'] }, { a: 'x' }, { a: 'x' }],
  ['an array replaces a string', { a: 'x' }, { a: ['b'] }, { a: ['b'] }],
  ['null leaves a map', { a: { b: 1 } }, { a: null }, { a: { b: 1 } }],
  ['null leaves an array', { a: [1] }, { a: null }, { a: [1] }],
  ['null empties a string', { a: 'x' }, { a: null }, { a: '' }],
  ['anything replaces null', { a: null }, { a: 5 }, { a: 5 }],
  ['nothing and a map are the map', null, { a: 1 }, { a: 1 }],
  ['nothing and nothing are nothing', null, null, null],
]

for (const [title, earlier, later, merged] of cases) {
  test(title, (t) => {
    t.deepEqual(merge(earlier, later), merged)
  })
}

test('neither side is changed', (t) => {
  const earlier = { a: { list: [1] } }
  const later = { a: { list: [2], b: 'x' } }
  merge(earlier, later)
  t.deepEqual([earlier, later], [{ a: { list: [1] } }, { a: { list: [2], b: 'x' } }])
})

test('a key named __proto__ is a key like any other', (t) => {
  const merged = mergeObjects({ a: 1 }, JSON.parse('{"__proto__":{"polluted":true}}'))
  t.is(JSON.stringify(merged), '{"a":1,"__proto__":{"polluted":true}}')
  t.false('polluted' in {})
})
