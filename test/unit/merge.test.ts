import { testProp, fc } from '@fast-check/ava'
import test from 'ava'
import type { JsonObject } from '../../src/domain/json.ts'
import { finishMerge, jsonBytes, mergeAnswer, startMerge } from '../../src/domain/merge.ts'

function merged(datas: readonly JsonObject[], maxBytes = 1_000_000): JsonObject | undefined {
  let merge = startMerge(maxBytes)
  for (const data of datas) merge = mergeAnswer(merge, data)
  return finishMerge(merge).data
}

// What Keptn 1.4.5's own function made of these answers.
const keptn = test.macro({
  exec(t, answers: string, expected: string) {
    t.deepEqual(merged(JSON.parse(answers) as JsonObject[]), JSON.parse(expected))
  },
  title: (_ = '', answers: string, expected: string) => `${answers} makes ${expected}`,
})

test(keptn, '[{"a":{"x":1}},{"a":{"y":2}}]', '{"a":{"x":1,"y":2}}')
test(keptn, '[{"s":"a"},{"s":"b"}]', '{"s":"b"}')
test(keptn, '[{"n":1},{"n":2}]', '{"n":1}')
test(keptn, '[{"b":true},{"b":false}]', '{"b":true}')
test(keptn, '[{"a":1},{"a":{"x":1}}]', '{"a":1}')
test(keptn, '[{"s":"a"},{"s":1}]', '{"s":1}')
test(keptn, '[{"s":"a"},{"s":null}]', '{"s":""}')
test(keptn, '[{"a":[1]},{"a":[2]},{"a":[3]}]', '{"a":[3,2,1]}')
test(keptn, '[{"a":[1]},{"a":null}]', '{"a":[1]}')
test(keptn, '[{"a":[]},{"a":null}]', '{"a":null}')
test(keptn, '[{"a":null},{"a":[1]}]', '{"a":[1]}')
test(keptn, '[{"a":{"x":1}},{"a":3}]', '{"a":3}')

test('the own fields of events, what was added for delivery, and earlier tasks are not merged', (t) => {
  const echo = {
    project: 'other',
    stage: 'other',
    service: 'other',
    status: 'errored',
    result: 'fail',
    message: 'm',
    temporaryData: { distributor: { subscriptionID: '1' } },
    signet: { deployment: { stamps: {}, notes: ['x'] } },
    deployment: { deploymentNames: ['a'] },
  }
  t.deepEqual(merged([echo, echo]), { deployment: { deploymentNames: ['a', 'a'] } })
})

test('keys that are names of built-in things are keys like any other', (t) => {
  const evil = JSON.parse(
    '{"__proto__":{"polluted":"1"},"a":{"__proto__":{"x":"1"},"constructor":{"prototype":{"y":"1"}}}}',
  ) as JsonObject
  const more = JSON.parse('{"__proto__":{"z":"2"},"a":{"__proto__":{"x":"2"}}}') as JsonObject
  t.is(
    JSON.stringify(merged([evil, more])),
    '{"__proto__":{"polluted":"1","z":"2"},"a":{"__proto__":{"x":"2"},"constructor":{"prototype":{"y":"1"}}}}',
  )
  t.false('polluted' in {})
})

test('answers that are too large together are left out altogether, and stay so', (t) => {
  const half = { a: 'x'.repeat(40) }
  t.truthy(merged([half], 100))
  t.truthy(merged([half, half, half, half], 100), 'a string that is replaced needs no room')
  t.is(merged([{ l: [half.a] }, { l: [half.a] }, { l: [half.a] }], 100), undefined)
  t.is(merged([{ l: 'x'.repeat(200) }, {}], 100), undefined)
})

const nested = (depth: number) =>
  JSON.parse(`${'{"a":'.repeat(depth)}1${'}'.repeat(depth)}`) as JsonObject

test('answers nested deeper than anybody reads are left out', (t) => {
  t.truthy(merged([nested(400)]))
  t.is(merged([{ b: '1' }, nested(100_000)]), undefined)
})

const tree = fc.letrec<{ value: unknown; map: Record<string, unknown> }>((tie) => ({
  value: fc.oneof(
    { maxDepth: 4 },
    fc.constantFrom(null, true, false, 0, 1.5, '', 'a', '€', '🙂'),
    fc.array(tie('value'), { maxLength: 3 }),
    tie('map'),
  ),
  map: fc.dictionary(fc.constantFrom('a', 'b', 'c', '__proto__'), tie('value'), {
    maxKeys: 4,
    noNullPrototype: true,
  }),
})).map

/** Keptn's rule once more, as a table over kinds of JSON; `undefined` stands for a missing key. */
function reference(earlier: unknown, later: unknown): unknown {
  switch (`${kind(earlier)} ${kind(later)}`) {
    case 'object object': {
      const out = new Map(Object.entries(earlier as object))
      for (const [key, value] of Object.entries(later as object))
        out.set(key, reference(out.get(key), value))
      return Object.fromEntries(out)
    }
    case 'array array':
      return (later as unknown[]).concat(earlier as unknown[])
    case 'array nothing':
      return (earlier as unknown[]).length === 0 ? null : earlier
    case 'object nothing':
      return earlier
    case 'string nothing':
      return ''
    default:
      return ['number', 'boolean'].includes(kind(earlier)) ? earlier : later
  }
}

function kind(value: unknown): string {
  if (value === null || value === undefined) return 'nothing'
  return Array.isArray(value) ? 'array' : typeof value
}

// As text: a comparison of objects does not see an own `__proto__`.
const sorted = (value: unknown) => JSON.stringify(sortKeys(value))

testProp(
  "the merge is Keptn's rule on any trees, and changes nothing that it is given",
  [fc.array(tree, { minLength: 1, maxLength: 5 })],
  (t, datas) => {
    const before = JSON.stringify(datas)
    const result = merged(datas)
    t.is(sorted(result), sorted(datas.reduce<unknown>(reference, {})))
    t.is(JSON.stringify(datas), before)
  },
)

testProp(
  'a merge within its limit is whole, and none is ever larger',
  [fc.array(tree, { minLength: 1, maxLength: 5 }), fc.integer({ min: 2, max: 300 })],
  (t, datas, maxBytes) => {
    const result = merged(datas, maxBytes)
    const whole = datas.map((_, index) => merged(datas.slice(0, index + 1)))
    const isOver = whole.some((step) => jsonBytes(step) > maxBytes)
    t.is(result === undefined, isOver)
    if (result !== undefined) t.is(JSON.stringify(result), JSON.stringify(whole.at(-1)))
  },
)

testProp('JSON is measured in bytes of UTF-8', [fc.jsonValue()], (t, value) => {
  t.is(jsonBytes(value), Buffer.byteLength(JSON.stringify(value)))
})

function sortKeys(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(sortKeys)
  if (typeof value !== 'object' || value === null) return value
  return Object.entries(value)
    .toSorted(([a], [b]) => (a < b ? -1 : 1))
    .map(([key, child]) => ({ key, child: sortKeys(child) }))
}
