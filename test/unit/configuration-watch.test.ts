import test from 'ava'
import { ConfigurationWatch } from '../../src/config/configuration-watch.ts'
import type { ConfigurationFiles } from '../../src/config/configuration.ts'
import { eventually } from '../support/eventually.ts'

/** Files of which only the print counts. */
const files = (print: string) => ({ print, watched: [] }) as unknown as ConfigurationFiles

test('what is found counts once it has been found twice in a row', async (t) => {
  const looks = ['half', 'more', 'whole', 'whole']
  const found: string[] = []
  const watch = new ConfigurationWatch({
    files: files('old'),
    read: () => Promise.resolve(files(looks.shift() ?? 'whole')),
    onFound: ({ print }) => {
      found.push(print)
      return Promise.resolve()
    },
    onError: (error) => {
      t.fail(String(error))
    },
    pollMs: 5,
    settleMs: 1,
  })
  watch.start()
  await eventually('it was found', () => found.length > 0)
  await watch.stop()
  t.deepEqual(found, ['whole'])
})

test('what is no news is told only to whoever asks', async (t) => {
  let reads = 0
  const found: boolean[] = []
  const watch = new ConfigurationWatch({
    files: files('old'),
    read: () => {
      reads += 1
      return Promise.resolve(files('old'))
    },
    onFound: (_, isAsked) => {
      found.push(isAsked)
      return Promise.resolve()
    },
    onError: (error) => {
      t.fail(String(error))
    },
    pollMs: 5,
    settleMs: 1,
  })
  watch.start()
  await eventually('it looked several times', () => reads > 5)
  t.deepEqual(found, [])
  watch.ask()
  await eventually('it answers', () => found.length > 0)
  await watch.stop()
  t.deepEqual(found, [true])
})

test('a look that fails is told, and the next one counts', async (t) => {
  const errors: unknown[] = []
  const found: string[] = []
  const looks = [() => Promise.reject(new Error('boom'))]
  const watch = new ConfigurationWatch({
    files: files('old'),
    read: () => looks.shift()?.() ?? Promise.resolve(files('new')),
    onFound: ({ print }) => {
      found.push(print)
      return Promise.resolve()
    },
    onError: (error) => errors.push(error),
    pollMs: 5,
    settleMs: 1,
  })
  watch.start()
  await eventually('it was found', () => found.length > 0)
  await watch.stop()
  t.is(errors.length, 1)
  t.deepEqual(found, ['new'])
})
