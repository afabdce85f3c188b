import { fc, testProp } from '@fast-check/ava'
import test from 'ava'
import type { Frame } from '../../src/domain/tunnel-frame.ts'
import { decodeFrame, encodeFrame, frameBytes } from '../../src/domain/tunnel-frame.ts'

const bytes = fc.uint8Array({ maxLength: 200 })
const fields = fc.array(fc.tuple(fc.string(), fc.string()), { maxLength: 5 })
const count = fc.nat()
const to = fc.stringMatching(/^[a-zA-Z0-9]{1,20}\.[a-z0-9]{1,8}$/)

const frame: fc.Arbitrary<Frame> = fc.oneof(
  fc.record({
    kind: fc.constant('ask' as const),
    head: fc.record({
      id: fc.uuid(),
      service: fc.string(),
      method: fc.string(),
      target: fc.string(),
      headers: fields,
      upload: fc.constantFrom('whole' as const, 'stream' as const, 'sent' as const),
      answerMs: count,
      chunkBytes: count,
      credit: count,
    }),
    body: bytes,
  }),
  fc.record({
    kind: fc.constant('answer' as const),
    head: fc.record({
      status: fc.integer({ min: 200, max: 599 }),
      headers: fields,
      whole: fc.boolean(),
      to,
    }),
    body: bytes,
  }),
  fc.record({
    kind: fc.constant('take' as const),
    head: fc.record({ to, credit: count, chunkBytes: count }),
  }),
  fc.record({ kind: fc.constant('data' as const), head: fc.record({ n: count }), body: bytes }),
  fc.record({
    kind: fc.constantFrom('end' as const, 'credit' as const),
    head: fc.record({ n: count }),
  }),
  fc.record({ kind: fc.constant('alive' as const), head: fc.constant({}) }),
  fc.record({ kind: fc.constant('cancel' as const), head: fc.constant({}) }),
  fc.record({
    kind: fc.constant('fail' as const),
    head: fc.record({
      reason: fc.stringMatching(/^[a-z-]{1,40}$/),
      message: fc.string(),
      applied: fc.constantFrom('no' as const, 'maybe' as const, 'yes' as const),
    }),
  }),
)

testProp('what a frame says is what is read of it', [frame], (t, said) => {
  const encoded = encodeFrame(said)
  const read = decodeFrame(encoded)
  t.is(read?.kind, said.kind)
  t.deepEqual(read?.head, said.head)
  const body = 'body' in said ? said.body : new Uint8Array()
  const readBody = read !== undefined && 'body' in read ? read.body : new Uint8Array()
  t.deepEqual([...readBody], [...body])
  t.is(encoded.length, frameBytes(said.head) + body.length)
})

testProp(
  'no bytes make the reader of frames throw',
  [fc.uint8Array({ maxLength: 300 })],
  (t, noise) => {
    t.notThrows(() => decodeFrame(noise))
    t.notThrows(() => decodeFrame(Buffer.concat([Buffer.from([1]), noise])))
  },
)

testProp(
  'a frame that was cut or changed is read as a whole one, or not at all',
  [frame, fc.nat(), fc.nat({ max: 255 })],
  (t, said, at, value) => {
    const encoded = Buffer.from(encodeFrame(said))
    const cut = decodeFrame(encoded.subarray(0, at % encoded.length))
    // Only a body may be shorter, and of that the numbers of the parts tell.
    t.true(cut === undefined || 'body' in cut)
    encoded[at % encoded.length] = value
    t.notThrows(() => decodeFrame(encoded))
  },
)

test('a frame that says something impossible is none', (t) => {
  const answer = { status: 200, headers: [], whole: true, to: 'abc.1' }
  const say = (kind: string, head: object) =>
    decodeFrame(encodeFrame({ kind, head, body: new Uint8Array() } as unknown as Frame))
  t.truthy(say('answer', answer))
  t.is(say('answer', { ...answer, status: 101 }), undefined)
  t.is(say('answer', { ...answer, status: '200' }), undefined)
  t.is(say('answer', { ...answer, headers: [['a', 1]] }), undefined)
  for (const to of ['', 'abc', 'abc.*', '>', 'a.b.c', '*.1', 'a b.1'])
    t.is(say('answer', { ...answer, to }), undefined, to)
  t.is(say('data', { n: -1 }), undefined)
  t.is(say('data', { n: 1.5 }), undefined)
  t.is(say('fail', { reason: 'a b', message: '', applied: 'no' }), undefined)
})
