import { fc, testProp } from '@fast-check/ava'
import type { ExecutionContext } from 'ava'
import type { Answer } from '../../src/domain/fanin.ts'
import { begin, giveUp, takeAnswer } from '../../src/domain/fanin.ts'
import type { Target, TargetRecord } from '../../src/domain/fanout.ts'
import { holdAsKeptn, pauseByHand, resumeByHand } from '../../src/domain/hold.ts'
import { phaseOf } from '../../src/domain/stamp-outcome.ts'
import { settle } from '../../src/domain/verdict.ts'
import type { Wave } from '../../src/domain/wave-plan.ts'
import { LONGEST_MS } from '../../src/domain/waves.ts'
import { fanOut, MINUTE, OPENED, target, targetOf } from './fanin-builders.ts'
import { WaveMachine } from './wave-machine.ts'

/** How a stamp behaves once its turn has come; times in ms. */
interface Manner {
  readonly startMs: number
  readonly runMs: number
  readonly result: 'pass' | 'warning' | 'fail' | 'silent'
  /** Says all of it again so much later; 0: once. */
  readonly againMs: number
  readonly isOffline: boolean
  readonly isDrained: boolean
}

interface Scene {
  readonly waves: readonly {
    readonly soakMs: number
    readonly groups: readonly {
      readonly stamps: readonly Manner[]
      readonly concurrency: number
      readonly maxFailures: number | undefined
      readonly minSuccess: number | undefined
      readonly deadlineMs: number | undefined
    }[]
  }[]
  readonly offline: 'wait' | 'skip' | 'fail'
  readonly success: 'all' | 'any' | { readonly percent: number }
  /** Pauses and their ends by turns, each so long after the one before; by hand, then in Keptn, and so on. */
  readonly pauses: readonly number[]
}

const manner: fc.Arbitrary<Manner> = fc.record({
  startMs: fc.integer({ min: 1, max: 6 * MINUTE }),
  runMs: fc.integer({ min: 0, max: 20 * MINUTE }),
  result: fc.constantFrom('pass', 'pass', 'pass', 'warning', 'fail', 'silent'),
  againMs: fc.constantFrom(0, 0, 1, 30 * MINUTE),
  isOffline: fc.constantFrom(false, false, false, true),
  isDrained: fc.constantFrom(false, false, false, false, true),
})

const maybe = <T>(value: fc.Arbitrary<T>) => fc.option(value, { nil: undefined })

const scene: fc.Arbitrary<Scene> = fc.record({
  waves: fc.array(
    fc.record({
      soakMs: fc.constantFrom(0, 1_000, 10 * MINUTE),
      groups: fc.array(
        fc.record({
          stamps: fc.array(manner, { minLength: 1, maxLength: 5 }),
          concurrency: fc.integer({ min: 1, max: 5 }),
          maxFailures: maybe(fc.integer({ min: 0, max: 2 })),
          minSuccess: maybe(fc.integer({ min: 1, max: 5 })),
          deadlineMs: maybe(fc.integer({ min: MINUTE, max: 60 * MINUTE })),
        }),
        { minLength: 1, maxLength: 3 },
      ),
    }),
    { minLength: 1, maxLength: 3 },
  ),
  offline: fc.constantFrom('wait', 'skip', 'fail'),
  success: fc.constantFrom<Scene['success']>('all', 'any', { percent: 60 }),
  pauses: fc.array(fc.integer({ min: 1, max: 40 * MINUTE }), { maxLength: 8 }),
})

/** Something that happens at a time. */
interface Happening {
  readonly at: number
  readonly run: (machine: WaveMachine) => void
}

/** Plays a scene to its end; holds at each begin what must never be broken. */
function play(t: ExecutionContext, { waves, offline, success, pauses }: Scene) {
  const manners = new Map<string, Manner>()
  const targets: Target[] = []
  const plan = waves.map(({ soakMs, groups }, ring): Wave => ({
    ring: `ring-${ring}`,
    soakMs,
    groups: groups.map(({ stamps, concurrency, maxFailures, minSuccess, deadlineMs }, geo) => {
      for (const [nth, each] of stamps.entries()) {
        const stamp = `s-${ring}-${geo}-${nth}`
        manners.set(stamp, each)
        targets.push(target(stamp, { ring: `ring-${ring}`, geo: `geo-${geo}` }))
      }
      if (maxFailures === undefined) return { geo: `geo-${geo}`, concurrency: stamps.length }
      return {
        geo: `geo-${geo}`,
        concurrency,
        limits: {
          maxFailures,
          ...(minSuccess === undefined ? {} : { minSuccess: Math.min(minSuccess, stamps.length) }),
          ...(deadlineMs === undefined ? {} : { deadlineMs }),
        },
      }
    }),
  }))
  const machine = new WaveMachine(fanOut({ targets, waves: plan, policy: { offline, success } }))
  const queue: Happening[] = pauseHappenings(pauses)
  const said: { readonly stamp: string; readonly answer: Answer; readonly taken: string }[] = []
  machine.presence = {
    online: (stamp) => manners.get(stamp)?.isOffline !== true,
    onNats: () => true,
    onlineSince: () => OPENED,
    drained: (stamp) => manners.get(stamp)?.isDrained === true,
  }
  machine.onBegin = (stamp, at) => {
    holdsAtBegin(t, machine, stamp, at)
    const each = manners.get(stamp)
    if (each === undefined || each.result === 'silent' || each.isOffline) return
    for (const again of each.againMs === 0 ? [0] : [0, each.againMs]) {
      for (const answer of answersOf(stamp, each, at))
        queue.push({
          at: answer.at + again,
          run: () => said.push({ stamp, answer, taken: machine.answer(stamp, answer) }),
        })
    }
  }
  let now = OPENED
  for (let step = 0; machine.settled === undefined; step += 1) {
    if (step > 2_000) throw new Error('it does not end')
    const lookAt = machine.look(now)
    queue.sort((a, b) => a.at - b.at)
    const next = Math.min(lookAt, queue[0]?.at ?? Infinity)
    if (machine.settled !== undefined) break
    if (next === Infinity) throw new Error('it waits for nothing')
    now = Math.max(now, next)
    while (queue[0] !== undefined && queue[0].at <= now) queue.shift()?.run(machine)
  }
  return { machine, said, now, targets }
}

function pauseHappenings(pauses: readonly number[]): Happening[] {
  let at = OPENED
  return pauses.map((wait, index) => {
    at += wait
    const when = at
    const isEnd = index % 2 === 1
    const isByHand = index % 4 < 2
    return {
      at,
      run: (machine) => {
        const { head, records } = machine
        if (!isByHand) machine.head = holdAsKeptn(head, !isEnd, records, when)
        else
          machine.head = isEnd ? resumeByHand(head, records, when) : pauseByHand(head, 'anna', when)
      },
    }
  })
}

function answersOf(stamp: string, { startMs, runMs, result }: Manner, begunAt: number): Answer[] {
  const at = begunAt + startMs
  const facts = { source: 'helm', seq: 1 }
  const end = { result, status: 'succeeded', message: '' }
  return [
    { kind: 'started', eventId: `${stamp}-s`, at, ...facts },
    { kind: 'finished', eventId: `${stamp}-f`, at: at + runMs, ...facts, ...end },
  ]
}

function holdsAtBegin(t: ExecutionContext, machine: WaveMachine, stamp: string, at: number): void {
  const { head, records } = machine
  const own = targetOf(head, stamp)
  const waves = head.waves ?? []
  const index = waves.findIndex(({ ring }) => ring === own?.ring)
  t.false(machine.begun.includes(stamp), `${stamp} begins twice`)
  t.is(head.stop, undefined, 'it was stopped')
  t.is(head.paused, undefined, 'it is paused')
  let inWindow = 0
  for (const each of head.targets) {
    const { phase } = phaseOf(head, each, records.get(each.stamp), at)
    const isOpen = phase === 'pending' || phase === 'waiting' || phase === 'running'
    const place = waves.findIndex(({ ring }) => ring === each.ring)
    if (place < index) t.false(isOpen, `${stamp} begins before ${each.stamp} is done`)
    if (place > index) t.is(phase, 'pending', `${each.stamp} was before ${stamp}`)
    if (place === index && each.geo === own?.geo && isOpen && phase !== 'pending') inWindow += 1
  }
  const group = waves[index]?.groups.find(({ geo }) => geo === own?.geo)
  t.true(inWindow < (group?.concurrency ?? 0), `${stamp} is one too many`)
}

testProp('waves keep their order, their windows and their pauses, and end', [scene], (t, drawn) => {
  const { machine, said, targets } = play(t, drawn)
  const counts = machine.settled?.counts
  if (counts === undefined) throw new Error('not settled')
  const { passed, warned, failed, skipped, notBegun } = counts
  t.is(passed + warned + failed + skipped + notBegun, targets.length)
  // Nothing counts as passed that did not run, and nothing that ran as never begun.
  const ran = new Set(said.filter(({ taken }) => taken === 'recorded').map(({ stamp }) => stamp))
  t.true(passed + warned <= ran.size)
  for (const stamp of ran) t.true(machine.begun.includes(stamp))
  t.is(notBegun + skipped + failed >= targets.length - ran.size, true)
  for (const { stamp } of targets)
    if (machine.records.get(stamp)?.givenUp?.kind === 'not-begun')
      t.false(machine.begun.includes(stamp))
  if (machine.settled?.result !== 'fail') {
    t.is(machine.head.stop, undefined)
    t.true(passed + warned > 0)
    t.is(notBegun, 0)
  }
  if (notBegun > 0) t.not(machine.head.stop, undefined)
})

testProp(
  'whoever has the same facts, in any order and any number, comes to the same end',
  [scene, fc.infiniteStream(fc.nat())],
  (t, drawn, dice) => {
    const { machine, said, now } = play(t, drawn)
    const shuffled = said
      .filter(({ taken }) => taken !== 'late')
      .map((each) => ({ ...each, rank: dice.next().value ?? 0 }))
      .toSorted((a, b) => a.rank - b.rank)
    const { settlement, ...head } = machine.head
    const records = new Map<string, TargetRecord>()
    for (const [stamp, { begunAt }] of machine.records)
      if (begunAt !== undefined) records.set(stamp, begin(undefined, begunAt))
    for (const { stamp, answer } of shuffled) {
      const taken = takeAnswer(head, targetOf(head, stamp), records.get(stamp), answer)
      if (taken.kind === 'recorded') records.set(stamp, taken.record)
    }
    for (const [stamp, { givenUp }] of machine.records)
      if (givenUp !== undefined) records.set(stamp, giveUp(records.get(stamp), givenUp))
    t.deepEqual(settle(head, records, now), settlement)
    const stored = new Map(JSON.parse(JSON.stringify([...records]))) as Map<string, TargetRecord>
    t.deepEqual(settle(JSON.parse(JSON.stringify(head)), stored, now + LONGEST_MS), settlement)
  },
)
