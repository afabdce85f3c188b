import test from 'ava'
import { parseCanary, writeCanary } from '../../src/domain/canary.ts'
import type { HealingStep, Ladder } from '../../src/domain/healing.ts'
import { climb, ON_THE_GROUND } from '../../src/domain/healing.ts'

const STEPS: readonly HealingStep[] = ['pull', 'consumer', 'connection']
const LIMIT_MS = 30_000

test('steps are taken gentlest first, again and again, each after a longer wait up to a limit', (t) => {
  let ladder: Ladder = ON_THE_GROUND
  let now = 0
  const taken: string[] = []
  const waits: number[] = []
  for (let turn = 0; turn < 12; turn += 1) {
    const next = climb(ladder, STEPS, LIMIT_MS, now)
    if (next === undefined) throw new Error('it is time')
    taken.push(next.step)
    waits.push(next.ladder.nextAt - now)
    t.is(climb(next.ladder, STEPS, LIMIT_MS, next.ladder.nextAt - 1), undefined, 'not yet')
    ladder = next.ladder
    now = ladder.nextAt
  }
  t.deepEqual(taken.slice(0, 4), ['pull', 'consumer', 'connection', 'pull'])
  t.deepEqual(waits.slice(0, 4), [10_000, 20_000, 40_000, 80_000])
  t.is(Math.max(...waits), 300_000)
})

test('where no step fits none is taken', (t) => {
  t.is(climb(ON_THE_GROUND, [], LIMIT_MS, 1), undefined)
})

test('a canary is read as it was written, and what is none is none', (t) => {
  const heard = { run: 'other', number: 7 }
  for (const canary of [
    { run: 'own', number: 1 },
    { run: 'own', number: 2, heard },
    { run: 'own', number: 3, heard, isStalled: true },
  ])
    t.deepEqual(parseCanary(writeCanary(canary)), canary)
  for (const text of ['', '{}', '[]', '{"run":1,"number":1}', '{"run":"a","number":1.5}'])
    t.is(parseCanary(text), undefined, text)
  t.is(parseCanary(JSON.stringify({ run: 'x'.repeat(65), number: 1 })), undefined)
})
