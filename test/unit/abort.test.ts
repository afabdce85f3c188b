import test from 'ava'
import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import { following } from '../../src/runtime/abort.ts'

test('a following signal is aborted with the first of its signals, and with its reason', (t) => {
  const [first, second] = [new AbortController(), new AbortController()]
  using it = following({ signals: [first.signal, second.signal] })
  t.false(it.signal.aborted)
  second.abort(new Error('the second'))
  first.abort(new Error('the first'))
  t.is((it.signal.reason as Error).message, 'the second')
})

test('what is aborted already aborts it at once', (t) => {
  using it = following({ signals: [AbortSignal.abort(new Error('long ago'))], timeoutMs: 60_000 })
  t.is((it.signal.reason as Error).message, 'long ago')
})

test('its time is up whatever the garbage collector does', async (t) => {
  setFlagsFromString('--expose-gc')
  const collect = runInNewContext('gc') as () => void
  using it = following({ signals: [new AbortController().signal], timeoutMs: 20 })
  const ended = new Promise((resolve) => {
    it.signal.addEventListener('abort', () => resolve((it.signal.reason as Error).name))
  })
  collect()
  t.is(await ended, 'TimeoutError')
})

test('one that is let go follows nobody', (t) => {
  const controller = new AbortController()
  const it = following({ signals: [controller.signal] })
  it[Symbol.dispose]()
  controller.abort()
  t.false(it.signal.aborted)
})
