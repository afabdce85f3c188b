import test from 'ava'
import type { SignsOfLife } from '../../src/domain/sign-of-life.ts'
import {
  afterChange,
  afterLoading,
  afterPing,
  afterRegistering,
  ALIVE_MS,
  FORGET_MS,
  isAlive,
  isForgotten,
  isListening,
  PRESUMED_MS,
  SETTLE_MS,
} from '../../src/domain/sign-of-life.ts'

const NOW = 1_700_000_000_000

function pinging(): SignsOfLife {
  const first = afterPing(afterRegistering(undefined, NOW), NOW)
  return afterPing(first, NOW + SETTLE_MS)
}

test('an integration that registered and has not pinged yet neither lives nor listens', (t) => {
  const life = afterRegistering(undefined, NOW)
  t.false(isAlive(life, NOW))
  t.false(isListening(life, NOW + SETTLE_MS))
})

test('one that pinged lives at once, and listens when it had time to subscribe', (t) => {
  const life = afterPing(afterRegistering(undefined, NOW), NOW)
  t.true(isAlive(life, NOW))
  t.false(isListening(life, NOW + SETTLE_MS - 1))
  t.true(isListening(life, NOW + SETTLE_MS))
})

test('further pings do not interrupt the listening', (t) => {
  const life = pinging()
  t.true(isListening(life, NOW + SETTLE_MS))
  t.true(isListening(afterPing(life, NOW + 20_000), NOW + 20_000))
})

test('silence ends life, and after it the next ping needs a moment again', (t) => {
  const last = NOW + SETTLE_MS
  const life = pinging()
  t.true(isListening(life, last + ALIVE_MS - 1))
  t.false(isAlive(life, last + ALIVE_MS))
  t.false(isListening(life, last + ALIVE_MS))
  const back = afterPing(life, last + ALIVE_MS)
  t.true(isAlive(back, last + ALIVE_MS))
  t.false(isListening(back, last + ALIVE_MS))
  t.true(isListening(back, last + ALIVE_MS + SETTLE_MS))
})

test('an integration that registers anew, or whose subscriptions change, has to ping before it listens', (t) => {
  const at = NOW + 5_000
  for (const life of [afterRegistering(pinging(), at), afterChange(pinging())]) {
    t.true(isAlive(life, at))
    t.false(isListening(life, at + SETTLE_MS))
    t.true(isListening(afterPing(life, at), at + SETTLE_MS))
  }
})

test('a fresh record counts as alive until its integration had time to ping, an old one does not', (t) => {
  const fresh = afterLoading({ seenAt: NOW - 35_000, hadPinged: true }, NOW)
  t.true(isListening(fresh, NOW))
  t.false(isListening(fresh, NOW + ALIVE_MS))
  t.true(isListening(afterPing(fresh, NOW + 5_000), NOW + 5_000))
  t.false(isAlive(afterLoading({ seenAt: NOW - PRESUMED_MS, hadPinged: true }, NOW), NOW))
})

test('a record of an integration that had not pinged counts for nothing until it does', (t) => {
  const life = afterLoading({ seenAt: NOW - 1_000, hadPinged: false }, NOW)
  t.false(isAlive(life, NOW))
  t.true(isListening(afterPing(life, NOW), NOW + SETTLE_MS))
})

test('an integration is forgotten after a day, whether it was read from a record or not', (t) => {
  t.false(isForgotten(pinging(), NOW + FORGET_MS))
  t.true(isForgotten(pinging(), NOW + SETTLE_MS + FORGET_MS))
  t.true(isForgotten(afterLoading({ seenAt: NOW - FORGET_MS, hadPinged: true }, NOW), NOW))
})
