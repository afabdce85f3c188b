import { fc, testProp } from '@fast-check/ava'
import test from 'ava'
import type { AnswerMessage, AnswerStep } from '../../src/domain/control-parts.ts'
import { answerMessages, AnswerParts, PART_BYTES } from '../../src/domain/control-parts.ts'

const MOST = 1_000_000
const bytes = fc.uint8Array({ maxLength: 2_000 })
const partBytes = fc.integer({ min: 1, max: 700 })

function messages(answer: Uint8Array, size: number, from = 'hub'): AnswerMessage[] {
  return [...answerMessages(from, answer, size)]
}

function steps(all: readonly AnswerMessage[], most = MOST): AnswerStep[] {
  const parts = new AnswerParts(most)
  return all.map((message) => parts.take(message))
}

function answered(all: readonly AnswerMessage[]): Uint8Array | undefined {
  const complete = steps(all).find((step) => step.kind === 'complete')
  return complete?.kind === 'complete' ? complete.answer : undefined
}

testProp(
  'an answer of any length comes back whole, in parts of the wanted size',
  [bytes, partBytes],
  (t, answer, size) => {
    const all = messages(answer, size)
    t.deepEqual(answered(all), answer)
    for (const { kind, body } of all)
      t.true(kind === 'end' ? body.length === 0 : body.length <= size && body.length > 0)
  },
)

testProp(
  'an answer that lacks any message, or has two of them in another order, never comes out',
  [bytes.filter(({ length }) => length > 0), partBytes, fc.nat(), fc.nat()],
  (t, answer, size, one, other) => {
    const all = messages(answer, size)
    const lost = all.toSpliced(one % all.length, 1)
    t.is(answered(lost), undefined)
    const [i, j] = [one % all.length, other % all.length]
    if (i === j) return
    const swapped = [...all]
    swapped[i] = all[j] as AnswerMessage
    swapped[j] = all[i] as AnswerMessage
    t.is(answered(swapped), undefined)
    t.true(steps(swapped).some(({ kind }) => kind === 'broken'))
  },
)

testProp(
  'two hubs that answer at once do not mix: the first that is heard counts',
  [bytes, bytes, partBytes, fc.array(fc.boolean(), { maxLength: 200 })],
  (t, first, second, size, turns) => {
    const queues = [messages(first, size, 'one'), messages(second, size, 'two')] as const
    const mixed: AnswerMessage[] = []
    for (const turn of [...turns, true, false]) {
      const next = queues[turn ? 0 : 1].shift()
      if (next !== undefined) mixed.push(next)
    }
    mixed.push(...queues[0], ...queues[1])
    t.deepEqual(answered(mixed), mixed[0]?.from === 'one' ? first : second)
  },
)

test('progress is no part of the answer, wherever it comes', (t) => {
  const progress: AnswerMessage = {
    kind: 'progress',
    from: 'hub',
    part: 0,
    body: new Uint8Array([1]),
  }
  const [a, b, end] = messages(new Uint8Array([7, 8]), 1)
  if (a === undefined || b === undefined || end === undefined) return t.fail()
  t.deepEqual(answered([progress, a, progress, b, progress, end]), new Uint8Array([7, 8]))
})

test('an answer that grows above its limit is broken at once, and stays so', (t) => {
  const all = messages(new Uint8Array(10), 3)
  t.deepEqual(
    steps(all, 8).map(({ kind }) => kind),
    ['progress', 'progress', 'broken', 'broken', 'broken'],
  )
})

test('a part stays below 256 KiB with its headers', (t) => {
  t.true(PART_BYTES + 512 < 256 * 1_024)
})
