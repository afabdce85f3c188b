import test from 'ava'
import type { LinkState, NatsLook } from '../../src/domain/link-state.ts'
import { firstLinkState, nextLinkState } from '../../src/domain/link-state.ts'

const AFTER = 30_000

/** The state after looks, a second apart each. */
function after(state: LinkState, looks: readonly Omit<NatsLook, 'at'>[], from: number): LinkState {
  return looks.reduce(
    (before, look, index) => nextLinkState(before, { ...look, at: from + index * 1_000 }, AFTER),
    state,
  )
}

const gone = { isProved: false, isCaughtUp: false }
const proved = { isProved: true, isCaughtUp: false }
const whole = { isProved: true, isCaughtUp: true }
const times = <T>(count: number, one: T): readonly T[] => Array.from({ length: count }, () => one)

test('NATS is given up when it was not proved for so long, and not before', (t) => {
  const state = firstLinkState(0)
  t.is(after(state, times(30, gone), 0).link, 'nats')
  t.is(after(state, times(31, gone), 0).link, 'https')
  const flapping = after(state, [...times(29, gone), proved, ...times(29, gone)], 0)
  t.is(flapping.link, 'nats', 'each proof counts')
})

test('NATS is back when it is proved three times in a row, and all that waited has come', (t) => {
  const https = after(firstLinkState(0), times(31, gone), 0)
  t.is(after(https, times(2, whole), 60_000).link, 'https')
  t.is(after(https, times(3, whole), 60_000).link, 'nats')
  t.is(after(https, [whole, whole, gone, whole, whole], 60_000).link, 'https', 'in a row')
  t.is(after(https, times(5, proved), 60_000).link, 'https', 'something still waits there')
  t.is(after(https, [...times(5, proved), whole], 60_000).link, 'nats')
  t.is(after(https, times(11, proved), 60_000).link, 'nats', 'it may wait for its integration')
})

test('on NATS nothing has to be fetched for it to count', (t) => {
  const state = after(firstLinkState(0), times(100, proved), 0)
  t.is(state.link, 'nats')
})
