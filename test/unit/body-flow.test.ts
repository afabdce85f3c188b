import { fc, testProp } from '@fast-check/ava'
import test from 'ava'
import type { Frame } from '../../src/domain/tunnel-frame.ts'
import { InFlow, OutFlow } from '../../src/tunnel/body-flow.ts'
import { beginningOf } from '../../src/tunnel/beginning.ts'
import { collected } from '../../src/tunnel/tunnel-request.ts'

async function* source(pieces: readonly Uint8Array[]): AsyncGenerator<Uint8Array> {
  for (const piece of pieces) yield await Promise.resolve(piece)
}

const NEVER = new AbortController().signal
const pieces = fc.array(fc.uint8Array({ maxLength: 40 }), { maxLength: 20 })

testProp(
  'a body comes whole through any parts and any window, which is never overrun',
  [pieces, fc.integer({ min: 1, max: 30 }), fc.integer({ min: 1, max: 8 })],
  async (t, body, chunkBytes, window) => {
    let open = 0
    let most = 0
    const out = new OutFlow(
      (frame: Frame) => {
        if (frame.kind === 'data') {
          open += 1
          most = Math.max(most, open)
          t.true(frame.body.length <= chunkBytes && frame.body.length > 0)
          t.is(into.part(frame.head.n, frame.body), undefined)
        } else if (frame.kind === 'end') t.is(into.end(frame.head.n), undefined)
      },
      chunkBytes,
      window,
    )
    const into = new InFlow(
      window,
      () => window,
      (credit) => {
        open -= credit
        out.give(credit)
      },
    )
    const [read] = await Promise.all([collected(into.read()), out.pass(source(body), NEVER)])
    t.true(Buffer.concat(body).equals(read))
    t.true(most <= window)
  },
)

testProp(
  'a body of which a part was lost, doubled or moved is broken, and never shorter',
  [fc.integer({ min: 1, max: 8 }), fc.nat(), fc.constantFrom('lose', 'double', 'swap', 'cut')],
  async (t, count, at, fault) => {
    const frames: [number, Uint8Array][] = Array.from({ length: count }, (_, n) => [
      n,
      Uint8Array.of(n),
    ])
    const index = at % count
    if (fault === 'lose') frames.splice(index, 1)
    if (fault === 'double') frames.splice(index, 0, frames[index] as [number, Uint8Array])
    if (fault === 'swap') {
      if (count === 1) {
        t.pass()
        return
      }
      const [moved] = frames.splice(index, 1)
      frames.splice((index + 1) % count, 0, moved as [number, Uint8Array])
    }
    const into = new InFlow(
      20,
      () => 20,
      () => undefined,
    )
    const mistakes = frames.map(([n, body]) => into.part(n, body))
    mistakes.push(into.end(fault === 'cut' ? count + 1 : count))
    t.true(mistakes.some((mistake) => mistake !== undefined))
    await t.throwsAsync(collected(into.read()), { code: 'SIGNET_TUNNEL_BROKEN' })
  },
)

test('more parts than there is credit for are refused', (t) => {
  const into = new InFlow(
    1,
    () => 1,
    () => undefined,
  )
  t.is(into.part(0, Uint8Array.of(1)), undefined)
  t.truthy(into.part(1, Uint8Array.of(2)))
})

test('a sender that waits for credit stops when it is told to', async (t) => {
  const stop = new AbortController()
  const out = new OutFlow(() => undefined, 1, 1)
  const passing = out.pass(source([Uint8Array.of(1, 2, 3)]), stop.signal)
  stop.abort(new Error('enough'))
  await t.throwsAsync(passing, { message: 'enough' })
})

testProp(
  'the beginning of a body and its rest are the body',
  [pieces, fc.nat({ max: 200 })],
  async (t, body, most) => {
    const { first, rest } = await beginningOf(source(body), most)
    const all = Buffer.concat(body)
    if (rest === undefined) t.true(first.length <= most)
    const read = rest === undefined ? first : await collected(rest)
    t.true(all.equals(read))
  },
)
