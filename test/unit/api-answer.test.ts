import test from 'ava'
import { answerKind, mayHaveArrived, retryAfterMs } from '../../src/domain/api-answer.ts'

test('a status says who is at fault, and whether to come again', (t) => {
  const kinds = (...statuses: number[]) => [...new Set(statuses.map(answerKind))].join()
  t.is(kinds(200, 201, 204), 'ok')
  t.is(kinds(401, 403, 407), 'unauthorized')
  t.is(kinds(404, 405), 'missing')
  t.is(kinds(408, 425, 429, 500, 502, 503, 504), 'later')
  t.is(kinds(301, 302, 400, 413, 422), 'refused')
})

test('only a time-out and a fault of the server leave it open whether something was done', (t) => {
  t.deepEqual([200, 400, 401, 404, 408, 429, 500, 504].filter(mayHaveArrived), [408, 500, 504])
})

test('Retry-After is seconds or a date, never negative, and never more than a quarter of an hour', (t) => {
  const now = Date.parse('2026-01-01T00:00:00Z')
  t.is(retryAfterMs('7', now), 7_000)
  t.is(retryAfterMs(' 0 ', now), 0)
  t.is(retryAfterMs('Thu, 01 Jan 2026 00:00:30 GMT', now), 30_000)
  t.is(retryAfterMs('Wed, 31 Dec 2025 00:00:00 GMT', now), 0)
  t.is(retryAfterMs('999999999', now), 900_000)
  for (const nothing of [undefined, '', '-1x', 'soon']) t.is(retryAfterMs(nothing, now), undefined)
})
