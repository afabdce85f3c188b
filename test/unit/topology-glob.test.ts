import { fc, testProp } from '@fast-check/ava'
import test from 'ava'
import { globMatches } from '../../src/domain/topology.ts'

const word = fc.stringMatching(/^[ab.]{0,8}$/)
const glob = fc.stringMatching(/^[ab.*]{0,6}$/)

testProp(
  'a glob matches what the regular expression of the same meaning does',
  [glob, word],
  (t, pattern, text) => {
    const expression = pattern.replaceAll('.', String.raw`\.`).replaceAll('*', '.*')
    t.is(globMatches(pattern, text), new RegExp(`^${expression}$`, 's').test(text))
  },
  { numRuns: 2_000 },
)

testProp(
  'a glob that matches another as a text matches all that the other does',
  [glob, glob, word],
  (t, wide, narrow, text) => {
    if (globMatches(wide, narrow) && globMatches(narrow, text)) t.true(globMatches(wide, text))
    t.pass()
  },
  { numRuns: 2_000 },
)

test('a long text and many stars cost no more than their length', (t) => {
  t.timeout(2_000)
  t.false(globMatches('*a*a*a*a*a*a*b', 'a'.repeat(100_000)))
})
