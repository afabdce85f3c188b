import { fc, testProp } from '@fast-check/ava'
import test from 'ava'
import { formatDuration, parseDuration } from '../../src/config/duration.ts'
import { nearest } from '../../src/config/nearest.ts'

const reads = test.macro({
  exec: (t, text: string, durationMs: number | undefined) => t.is(parseDuration(text), durationMs),
  title: (_, text: string, durationMs: number | undefined) =>
    durationMs === undefined ? `"${text}" is no duration` : `"${text}" is ${durationMs} ms`,
})

test(reads, '500ms', 500)
test(reads, '30s', 30_000)
test(reads, '10m', 600_000)
test(reads, '1h30m', 5_400_000)
test(reads, '7d', 604_800_000)
test(reads, '1m1ms', 60_001)
test(reads, '0s', 0)
for (const text of [
  '',
  '5',
  '5 m',
  'm',
  '30s1m',
  '1h1h',
  '1.5h',
  '-1s',
  '5M',
  '٣s',
  '9999999999999d',
])
  test(reads, text, undefined)

testProp(
  'every whole number of milliseconds survives being written and read',
  [fc.maxSafeNat()],
  (t, durationMs) => t.is(parseDuration(formatDuration(durationMs)), durationMs),
)

testProp('what is read is written shortest', [fc.maxSafeNat()], (t, durationMs) => {
  const text = formatDuration(durationMs)
  t.is(formatDuration(parseDuration(text) ?? -1), text)
})

test('a slip finds its word, and a different word finds none', (t) => {
  const words = ['stages', 'stamps', 'rings', 'tasks', 'controlPlanes']
  t.is(nearest('stagse', words), 'stages')
  t.is(nearest('Rings', words), 'rings')
  t.is(nearest('controlPlane', words), 'controlPlanes')
  t.is(nearest('federation', words), undefined)
  t.is(nearest('x'.repeat(100_000), words), undefined)
})
