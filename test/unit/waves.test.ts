import test from 'ava'
import type { FanOut, Target } from '../../src/domain/fanout.ts'
import { abortByHand, holdAsKeptn, pauseByHand, resumeByHand } from '../../src/domain/hold.ts'
import { progressOf } from '../../src/domain/progress.ts'
import type { TaskPolicy } from '../../src/domain/topology.ts'
import type { StampAnswer } from './fanin-builders.ts'
import type { Wave, WaveGroup } from '../../src/domain/wave-plan.ts'
import { LONGEST_MS } from '../../src/domain/waves.ts'
import {
  ALL_ONLINE,
  fanOut,
  finished,
  HOUR,
  MINUTE,
  OPENED,
  started,
  target,
} from './fanin-builders.ts'
import { WaveMachine } from './wave-machine.ts'

const RINGS = ['canary', 'early', 'broad']

interface Plan {
  readonly stamps: number
  readonly group?: Partial<WaveGroup>
  readonly soakMs?: number
}

/** One wave after the other in geo `eu`: stamps `canary-1`, `canary-2`, `early-1` … */
function inWaves(plans: readonly Plan[], policy: Partial<TaskPolicy> = {}): FanOut {
  const targets: Target[] = []
  const waves = plans.map(({ stamps, group, soakMs = 0 }, index): Wave => {
    const ring = RINGS[index] ?? ''
    for (let nth = 1; nth <= stamps; nth += 1) targets.push(target(`${ring}-${nth}`, { ring }))
    return { ring, soakMs, groups: [{ geo: 'eu', concurrency: stamps, ...group }] }
  })
  return fanOut({ targets, waves, policy })
}

/** A machine and hands to play with it; times in ms after the opening. */
function play(head: FanOut) {
  const machine = new WaveMachine(head)
  return {
    machine,
    look: (at: number) => machine.look(OPENED + at) - OPENED,
    begun: () => machine.begun.splice(0),
    /** Looks after each, as a hub does. */
    pass(at: number, ...stamps: string[]) {
      for (const stamp of stamps) this.say(at, finished(stamp, at))
    },
    fail(at: number, ...stamps: string[]) {
      for (const stamp of stamps)
        this.say(at, finished(stamp, at, { result: 'fail', message: 'boom' }))
    },
    say(at: number, { stamp, ...answer }: StampAnswer) {
      machine.answer(stamp, answer)
      machine.look(OPENED + at)
    },
    progress: (at: number) => progressOf(machine.head, machine.records, OPENED + at).message,
  }
}

const LIMITS = { maxFailures: 0 }

test('rings go one after the other, each when the one before it is done', (t) => {
  const p = play(inWaves([{ stamps: 2 }, { stamps: 2 }, { stamps: 1 }]))
  p.look(0)
  t.deepEqual(p.begun(), ['canary-1', 'canary-2'])
  p.pass(10, 'canary-1')
  t.deepEqual(p.begun(), [])
  p.pass(20, 'canary-2')
  t.deepEqual(p.begun(), ['early-1', 'early-2'])
  p.pass(30, 'early-2', 'early-1')
  t.deepEqual(p.begun(), ['broad-1'])
  p.pass(40, 'broad-1')
  t.like(p.machine.settled, { result: 'pass', message: 'deployment: 5 of 5 stamps passed' })
})

test('a ring soaks before the next begins, and the last one before the end', (t) => {
  const p = play(
    inWaves([
      { stamps: 1, soakMs: MINUTE },
      { stamps: 1, soakMs: HOUR },
    ]),
  )
  p.look(0)
  p.pass(1_000, 'canary-1')
  t.is(p.look(1_000), 1_000 + MINUTE)
  p.look(MINUTE)
  t.deepEqual(p.begun(), ['canary-1'])
  p.look(1_000 + MINUTE)
  t.deepEqual(p.begun(), ['early-1'])
  p.pass(2 * MINUTE, 'early-1')
  t.is(p.look(2 * MINUTE), 2 * MINUTE + HOUR)
  t.is(p.machine.settled, undefined)
  p.look(3 * HOUR)
  t.like(p.machine.settled, { result: 'pass', at: OPENED + 2 * MINUTE + HOUR })
})

test('at most so many stamps of a ring at once, each in its turn', (t) => {
  const p = play(inWaves([{ stamps: 5, group: { concurrency: 2, limits: LIMITS } }]))
  p.look(0)
  t.deepEqual(p.begun(), ['canary-1', 'canary-2'])
  p.say(5, started('canary-2', 5))
  t.deepEqual(p.begun(), [])
  p.pass(10, 'canary-2')
  t.deepEqual(p.begun(), ['canary-3'])
  p.pass(20, 'canary-1', 'canary-3')
  t.deepEqual(p.begun(), ['canary-4', 'canary-5'])
})

test('one failure more than allowed stops it: those that run are waited for, the others never begin', (t) => {
  const limits = { maxFailures: 1 }
  const p = play(inWaves([{ stamps: 5, group: { concurrency: 3, limits } }, { stamps: 4 }]))
  p.look(0)
  p.fail(10, 'canary-1')
  t.deepEqual(p.begun(), ['canary-1', 'canary-2', 'canary-3', 'canary-4'])
  p.fail(20, 'canary-2')
  t.is(p.machine.head.stop?.reason, 'failures')
  t.is(p.machine.settled, undefined)
  p.pass(30, 'canary-3', 'canary-4')
  t.deepEqual(p.begun(), [])
  t.like(p.machine.settled, {
    result: 'fail',
    reason: 'stopped',
    at: OPENED + 30,
    counts: { targets: 9, passed: 2, warned: 0, failed: 2, skipped: 0, notBegun: 5, missing: 0 },
    message:
      'deployment: stopped in canary (eu): 2 failed, 1 allowed; 2 of 9 stamps passed; 5 never begun; canary-1 failed: boom; canary-2 failed: boom',
  })
  t.is(p.machine.answer('early-1', finished('early-1', 40)), 'late')
})

test('a failure that is told while a wave soaks counts as well', (t) => {
  const p = play(inWaves([{ stamps: 1, soakMs: HOUR }, { stamps: 1 }]))
  p.look(0)
  p.pass(10, 'canary-1')
  // The same integration says more: a second pair, which fails.
  p.say(MINUTE, finished('canary-1', MINUTE, { nth: 2, result: 'fail' }))
  t.like(p.machine.settled, { result: 'fail', counts: { failed: 1, notBegun: 1 } })
  t.deepEqual(p.begun(), ['canary-1'])
})

test('a further answer in a soak begins the soak anew', (t) => {
  const p = play(inWaves([{ stamps: 1, soakMs: HOUR }, { stamps: 1 }]))
  p.look(0)
  p.pass(10, 'canary-1')
  p.say(MINUTE, started('canary-1', MINUTE))
  t.is(p.look(MINUTE), MINUTE + HOUR)
})

test('minSuccess stops as soon as it cannot be reached any more', (t) => {
  const limits = { maxFailures: 5, minSuccess: 3 }
  const p = play(inWaves([{ stamps: 5, group: { concurrency: 1, limits } }]))
  p.look(0)
  p.fail(10, 'canary-1')
  p.fail(20, 'canary-2')
  t.is(p.machine.head.stop, undefined)
  p.fail(30, 'canary-3')
  t.like(p.machine.head.stop, { reason: 'too-few', possible: 2, needed: 3 })
  t.like(p.machine.settled, { counts: { failed: 3, notBegun: 2 } })
})

test('a ring without limits holds by the success of the task', (t) => {
  const two = () => inWaves([{ stamps: 4 }, { stamps: 1 }], { success: { percent: 75 } })
  const holds = play(two())
  holds.look(0)
  holds.fail(10, 'canary-1')
  holds.pass(20, 'canary-2', 'canary-3', 'canary-4')
  t.is(holds.machine.begun.at(-1), 'early-1')
  const stops = play(two())
  stops.look(0)
  stops.fail(10, 'canary-1', 'canary-2')
  t.like(stops.machine.head.stop, { reason: 'success', ring: 'canary', passed: 0, needed: 3 })
})

test('a ring of which no stamp passed holds nothing', (t) => {
  const limits = { maxFailures: 9 }
  const p = play(inWaves([{ stamps: 1, group: { limits } }, { stamps: 1 }], { success: 'any' }))
  p.look(0)
  p.fail(10, 'canary-1')
  t.like(p.machine.head.stop, { reason: 'nobody', ring: 'canary' })
  t.like(p.machine.settled, { result: 'fail', counts: { passed: 0, failed: 1, notBegun: 1 } })
})

test('a deadline gives up its own stamps, and waits for those of the other geos', (t) => {
  const limits = { maxFailures: 0, deadlineMs: MINUTE }
  const groups = [
    { geo: 'eu', concurrency: 1, limits },
    { geo: 'us', concurrency: 1 },
  ]
  const targets = [target('eu-1'), target('eu-2'), target('us-1', { geo: 'us' })]
  const p = play(fanOut({ targets, waves: [{ ring: 'canary', soakMs: HOUR, groups }] }))
  t.is(p.look(0), MINUTE)
  p.look(MINUTE)
  t.like(p.machine.head.stop, { reason: 'deadline', geo: 'eu', at: OPENED + MINUTE })
  t.like(p.machine.records.get('eu-1')?.givenUp, { kind: 'failed', reason: 'deadline' })
  t.like(p.machine.records.get('eu-2')?.givenUp, { kind: 'not-begun', reason: 'stopped' })
  t.is(p.machine.settled, undefined)
  p.pass(2 * MINUTE, 'us-1')
  t.like(p.machine.settled, {
    result: 'fail',
    status: 'errored',
    at: OPENED + 2 * MINUTE,
    counts: { passed: 1, failed: 1, notBegun: 1 },
  })
})

test('the clocks of a stamp begin when its turn comes', (t) => {
  const p = play(inWaves([{ stamps: 1, soakMs: 3 * HOUR }, { stamps: 1 }]))
  p.look(0)
  p.pass(10, 'canary-1')
  p.look(4 * HOUR)
  p.look(4 * HOUR + 4 * MINUTE)
  t.is(p.machine.records.get('early-1')?.givenUp, undefined)
  p.look(4 * HOUR + 5 * MINUTE)
  t.like(p.machine.records.get('early-1')?.givenUp, { reason: 'not-started' })
})

test('who is offline when its turn comes is skipped or failed where the task says so', (t) => {
  const offline = { ...ALL_ONLINE, online: (stamp: string) => stamp !== 'early-1' }
  const two = (policy: Partial<TaskPolicy>) => {
    const p = play(inWaves([{ stamps: 1 }, { stamps: 2, group: { concurrency: 1 } }], policy))
    p.machine.presence = offline
    p.look(0)
    p.pass(10, 'canary-1')
    return p
  }
  const skip = two({ offline: 'skip' })
  t.deepEqual(skip.begun(), ['canary-1', 'early-2'])
  t.like(skip.machine.records.get('early-1')?.givenUp, { kind: 'skipped', reason: 'offline' })
  const fail = two({ offline: 'fail', success: 'any' })
  t.like(fail.machine.records.get('early-1')?.givenUp, { kind: 'failed', reason: 'offline' })
  const wait = two({ offline: 'wait' })
  t.deepEqual(wait.begun(), ['canary-1', 'early-1'], 'it holds its place')
})

test('who is drained when its turn comes is not begun, and skipped for that reason', (t) => {
  const p = play(inWaves([{ stamps: 2, group: { concurrency: 1 } }, { stamps: 1 }]))
  p.machine.presence = { ...ALL_ONLINE, drained: (stamp) => stamp === 'canary-1' }
  p.look(0)
  t.deepEqual(p.begun(), ['canary-2'])
  t.like(p.machine.records.get('canary-1')?.givenUp, { kind: 'skipped', reason: 'drained' })
})

test('while it is paused nobody begins, and time does not count for a deadline', (t) => {
  const limits = { maxFailures: 0, deadlineMs: HOUR }
  const p = play(inWaves([{ stamps: 3, group: { concurrency: 1, limits } }]))
  p.look(0)
  const { machine } = p
  machine.head = pauseByHand(machine.head, 'anna', OPENED + MINUTE)
  p.pass(2 * MINUTE, 'canary-1')
  t.is(p.look(2 * MINUTE), LONGEST_MS, 'there is nothing to look for meanwhile')
  p.look(10 * HOUR)
  t.deepEqual(p.begun(), ['canary-1'])
  t.is(machine.head.stop, undefined)
  t.is(p.progress(3 * MINUTE), 'deployment: canary 1/3 done, 2 waiting, paused by anna')
  // Keptn holds it too: it takes both to let go.
  machine.head = holdAsKeptn(machine.head, true, machine.records, OPENED + 2 * HOUR)
  machine.head = resumeByHand(machine.head, machine.records, OPENED + 3 * HOUR)
  p.look(10 * HOUR)
  t.deepEqual(p.begun(), [])
  machine.head = holdAsKeptn(machine.head, false, machine.records, OPENED + 10 * HOUR + MINUTE)
  t.deepEqual(machine.head.heldMs, { canary: 10 * HOUR })
  const due = p.look(10 * HOUR + MINUTE)
  t.deepEqual(p.begun(), ['canary-2'])
  t.true(due <= 11 * HOUR)
  p.look(11 * HOUR)
  t.like(machine.head.stop, { reason: 'deadline', at: OPENED + 11 * HOUR })
})

test('what stays paused ends as failed before its records are forgotten', (t) => {
  const p = play(inWaves([{ stamps: 1 }, { stamps: 1 }]))
  p.look(0)
  p.pass(10, 'canary-1')
  const paused = play(inWaves([{ stamps: 1 }, { stamps: 1 }]))
  paused.machine.head = pauseByHand(paused.machine.head, 'anna', OPENED)
  t.true(paused.look(0) <= LONGEST_MS)
  paused.look(LONGEST_MS)
  t.like(paused.machine.settled, {
    result: 'fail',
    message: 'deployment: stopped: not over after 6d; no stamp ran it; 2 never begun',
  })
})

test('an abort by hand ends it at once, also after a stop', (t) => {
  const p = play(inWaves([{ stamps: 2, group: { limits: LIMITS } }, { stamps: 1 }]))
  p.look(0)
  p.fail(10, 'canary-1')
  t.is(p.machine.settled, undefined)
  p.machine.head = abortByHand(p.machine.head, 'anna', OPENED + 20)
  p.look(25)
  t.like(p.machine.settled, {
    status: 'aborted',
    at: OPENED + 20,
    message:
      'deployment: aborted by anna; 0 of 3 stamps passed; 1 never begun; canary-1 failed: boom; canary-2 failed: aborted by hand',
  })
})

test('progress names the wave, what soaks and what stopped it', (t) => {
  const p = play(
    inWaves([
      { stamps: 1, soakMs: HOUR },
      { stamps: 8, group: { concurrency: 4, limits: LIMITS } },
    ]),
  )
  p.look(0)
  t.is(p.progress(0), 'deployment: canary (1 of 2) 0/1 done, 1 waiting')
  p.pass(10, 'canary-1')
  t.is(p.progress(10), 'deployment: canary (1 of 2) 1/1 done, soaks until 11:00:00 UTC')
  p.look(2 * HOUR)
  p.pass(2 * HOUR, 'early-1', 'early-2', 'early-3')
  p.say(2 * HOUR, started('early-4', 2 * HOUR))
  t.is(p.progress(2 * HOUR), 'deployment: early (2 of 2) 3/8 done, 1 running, 4 waiting')
  p.fail(2 * HOUR, 'early-5')
  t.is(
    p.progress(2 * HOUR),
    'deployment: early (2 of 2) 4/8 done, 1 running, 2 waiting, 1 failed, stopped in early (eu): 1 failed, 0 allowed',
  )
})
