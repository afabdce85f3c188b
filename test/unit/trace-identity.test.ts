import test from 'ava'
import { parseTraceparent, spanOfFanOut, traceOfContext } from '../../src/observe/trace-identity.ts'

const TRACE = '0af7651916cd43dd8448eb211c80319c'
const SPAN = 'b7ad6b7169203331'

test('a traceparent names a trace, a span, and whether it is recorded', (t) => {
  const named = { traceId: TRACE, spanId: SPAN }
  t.deepEqual(parseTraceparent(`00-${TRACE}-${SPAN}-01`), { ...named, isSampled: true })
  t.deepEqual(parseTraceparent(`00-${TRACE}-${SPAN}-00`), { ...named, isSampled: false })
  t.deepEqual(parseTraceparent(`01-${TRACE}-${SPAN}-03-more`), { ...named, isSampled: true })
})

test('what is no traceparent names nothing', (t) => {
  for (const text of [
    '',
    'x',
    `00-${TRACE}-${SPAN}`,
    `00-${TRACE.toUpperCase()}-${SPAN}-01`,
    `00-${'0'.repeat(32)}-${SPAN}-01`,
    `00-${TRACE}-${'0'.repeat(16)}-01`,
    `ff-${TRACE}-${SPAN}-01`,
  ])
    t.is(parseTraceparent(text), undefined, text)
})

test('the trace of a context is the UUID that it is, and always the same of any other text', (t) => {
  t.is(traceOfContext('0AF76519-16cd-43dd-8448-eb211c80319c'), TRACE)
  for (const context of ['', 'a context', '00000000-0000-0000-0000-000000000000']) {
    t.regex(traceOfContext(context), /^[\da-f]{32}$/)
    t.is(traceOfContext(context), traceOfContext(context))
    t.regex(traceOfContext(context), /[^0]/)
  }
  t.not(traceOfContext('a'), traceOfContext('b'))
})

test('each fan-out has a span of its own', (t) => {
  t.regex(spanOfFanOut('T1'), /^[\da-f]{16}$/)
  t.not(spanOfFanOut('T1'), spanOfFanOut('T2'))
})
