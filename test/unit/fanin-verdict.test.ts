import { testProp, fc } from '@fast-check/ava'
import test from 'ava'
import type { Settled, Target } from '../../src/domain/fanout.ts'
import type { SuccessRule, TaskPolicy } from '../../src/domain/topology.ts'
import { keptnRule } from '../../src/domain/stamp-outcome.ts'
import { neededOf } from '../../src/domain/success.ts'
import { settle } from '../../src/domain/verdict.ts'
import { fanOut, finished, HOUR, OPENED, take, target } from './fanin-builders.ts'

type Answered = 'pass' | 'warning' | 'fail' | 'errored' | 'aborted' | 'skipped' | 'never'

/** A fan-out in which each stamp ended as said. */
function ended(
  ends: readonly Answered[],
  policy: Partial<TaskPolicy> = {},
  missing: readonly string[] = [],
): Settled {
  const targets: Target[] = ends.map((end, index) =>
    target(`eu-${index + 1}`, {
      given: end === 'skipped' ? 'skipped' : end === 'never' ? 'failed' : 'sent',
    }),
  )
  const answers = ends.flatMap((end, index) => {
    if (end === 'skipped' || end === 'never') return []
    const isStatus = end === 'errored' || end === 'aborted'
    return finished(`eu-${index + 1}`, 100 + index, {
      result: isStatus ? 'fail' : end,
      status: isStatus ? end : 'succeeded',
      message: end === 'pass' ? '' : `it was ${end}`,
    })
  })
  const { head, records } = take(fanOut({ targets, policy, missing }), answers)
  const settlement = settle(head, records, OPENED + HOUR)
  if (settlement === undefined) throw new Error('not settled')
  return settlement
}

type Pair = readonly [result: string, status: string]
type Answers = readonly Pair[]

const keptn = test.macro({
  exec(t, answers: Answers, expected: Pair) {
    const { result, status } = keptnRule(answers.map(([result, status]) => ({ result, status })))
    t.deepEqual([result, status], [...expected])
  },
  title: (_ = '', answers: Answers, [result, status]: Pair) =>
    `answers ${answers.map(([r, s]) => `${r || 'empty'}/${s || 'empty'}`).join(' and ')} make ${result}/${status}`,
})

test(keptn, [['pass', 'succeeded']], ['pass', 'succeeded'])
test(
  keptn,
  [
    ['pass', 'succeeded'],
    ['warning', 'succeeded'],
  ],
  ['warning', 'succeeded'],
)
test(
  keptn,
  [
    ['warning', 'succeeded'],
    ['fail', 'succeeded'],
  ],
  ['fail', 'succeeded'],
)
test(keptn, [['', 'succeeded']], ['fail', 'succeeded'])
test(keptn, [['failed', 'succeeded']], ['fail', 'succeeded'])
test(keptn, [['pass', '']], ['fail', 'unknown'])
test(
  keptn,
  [
    ['pass', 'succeeded'],
    ['pass', 'odd'],
  ],
  ['fail', 'unknown'],
)
test(keptn, [['pass', 'errored']], ['pass', 'errored'])
test(
  keptn,
  [
    ['pass', 'aborted'],
    ['pass', 'errored'],
  ],
  ['pass', 'errored'],
)
test(
  keptn,
  [
    ['pass', 'aborted'],
    ['pass', 'succeeded'],
  ],
  ['pass', 'aborted'],
)

const verdict = test.macro({
  exec(
    t,
    ends: readonly Answered[],
    policy: Partial<TaskPolicy>,
    expected: readonly [result: string, status: string, message: string],
  ) {
    const { result, status, message } = ended(ends, policy)
    t.deepEqual([result, status, message], [...expected])
  },
  title: (_ = '', ends: readonly Answered[], { success = 'all' }: Partial<TaskPolicy>) =>
    `${JSON.stringify(success)} of ${ends.join(', ') || 'nobody'}`,
})

const passed = (text: string) => `deployment: ${text}`

test(verdict, ['pass', 'pass', 'pass', 'pass'], {}, [
  'pass',
  'succeeded',
  passed('4 of 4 stamps passed'),
])
test(verdict, ['pass', 'warning'], {}, [
  'warning',
  'succeeded',
  passed('2 of 2 stamps passed; 1 with warnings'),
])
test(verdict, ['pass', 'fail'], {}, [
  'fail',
  'succeeded',
  passed('1 of 2 stamps passed; eu-2 failed: it was fail'),
])
test(verdict, ['pass', 'errored'], {}, [
  'fail',
  'errored',
  passed('1 of 2 stamps passed; eu-2 failed: it was errored'),
])
test(verdict, ['aborted', 'pass'], {}, [
  'fail',
  'aborted',
  passed('1 of 2 stamps passed; eu-1 failed: it was aborted'),
])
test(verdict, ['pass', 'never'], {}, [
  'fail',
  'errored',
  passed('1 of 2 stamps passed; eu-2 failed: offline'),
])
test(verdict, ['pass', 'skipped'], {}, [
  'pass',
  'succeeded',
  passed('1 of 1 stamp passed; 1 skipped'),
])
test(verdict, ['skipped', 'skipped'], {}, ['fail', 'errored', passed('no stamp ran it; 2 skipped')])
test(verdict, [], {}, ['fail', 'errored', passed('no stamp ran it')])
test(verdict, ['fail', 'warning', 'errored'], { success: 'any' }, [
  'warning',
  'succeeded',
  passed(
    '1 of 3 stamps passed; 1 with warnings; eu-1 failed: it was fail; eu-3 failed: it was errored',
  ),
])
test(verdict, ['fail', 'errored'], { success: 'any' }, [
  'fail',
  'errored',
  passed('0 of 2 stamps passed; eu-1 failed: it was fail; eu-2 failed: it was errored'),
])
test(verdict, ['pass', 'pass', 'fail'], { success: { percent: 60 } }, [
  'pass',
  'succeeded',
  passed('2 of 3 stamps passed; eu-3 failed: it was fail'),
])
test(verdict, ['pass', 'pass', 'fail'], { success: { percent: 70 } }, [
  'fail',
  'succeeded',
  passed('2 of 3 stamps passed; eu-3 failed: it was fail'),
])

test('a missing stamp is only reported, or counts as a failure, as the policy says', (t) => {
  t.like(ended(['pass'], { missing: 'report' }, ['us-1']), {
    result: 'pass',
    message: passed('1 of 1 stamp passed; 1 without anybody who handles it'),
  })
  t.like(ended(['pass'], { missing: 'fail' }, ['us-1']), {
    result: 'fail',
    message: passed('1 of 2 stamps passed; 1 without anybody who handles it'),
  })
  t.is(ended(['pass'], { missing: 'fail', success: { percent: 50 } }, ['us-1']).result, 'pass')
  t.like(ended([], { missing: 'fail' }, ['us-1']), { result: 'fail', status: 'errored' })
})

test('counts tell every target once, and the missing apart', (t) => {
  const { counts } = ended(['pass', 'warning', 'fail', 'errored', 'skipped', 'never'], {}, [
    'us-1',
    'us-2',
  ])
  t.deepEqual(counts, {
    targets: 6,
    passed: 1,
    warned: 1,
    failed: 3,
    skipped: 1,
    notBegun: 0,
    missing: 2,
  })
})

test('a share is reckoned exactly: 55 % of 20 stamps are 11', (t) => {
  t.is(neededOf({ percent: 55 }, 20), 11)
})

test('the reason is nobody where nothing was sent', (t) => {
  t.is(ended(['skipped', 'never']).reason, 'nobody')
  t.is(ended(['pass', 'skipped']).reason, 'answers')
})

test('the time of a settlement is that of its latest fact', (t) => {
  t.is(ended(['pass', 'pass', 'pass']).at, OPENED + 102)
})

test('a message names five stamps, in one line, and stays short', (t) => {
  const targets = Array.from({ length: 30 }, (_, index) =>
    target(`${'a'.repeat(55)}-${index + 10}`),
  )
  const answers = targets.map(({ stamp }) =>
    finished(stamp, 1, { result: 'fail', message: `line one\n\tline two ${'🙂'.repeat(200)}` }),
  )
  const { head, records } = take(fanOut({ targets }), answers)
  const message = settle(head, records, OPENED + HOUR)?.message ?? ''
  t.true(message.length <= 500)
  t.regex(message, /line one line two/)
  t.notRegex(message, /[\n\t]/)
  t.notThrows(() => encodeURIComponent(message))

  const short = ended(Array.from({ length: 9 }, () => 'errored' as const)).message
  t.is(short.match(/eu-\d/g)?.length, 5)
  t.regex(short, /; 4 more failed$/)
})

testProp(
  'as many stamps are needed as an exact calculation says, and never none',
  [fc.integer({ min: 0, max: 100 }), fc.integer({ min: 0, max: 500 })],
  (t, percent, counted) => {
    const exact = Number((BigInt(percent) * BigInt(counted) + 99n) / 100n)
    t.is(neededOf({ percent }, counted), Math.max(1, exact))
    t.is(neededOf('any', counted), 1)
    t.is(neededOf('all', counted), Math.max(1, counted))
  },
)

testProp(
  'success means that enough stamps ran and passed',
  [
    fc.array(
      fc.constantFrom<Answered>(
        'pass',
        'warning',
        'fail',
        'errored',
        'aborted',
        'skipped',
        'never',
      ),
      { maxLength: 8 },
    ),
    fc.oneof(
      fc.constantFrom<SuccessRule>('all', 'any'),
      fc.integer({ min: 0, max: 100 }).map((percent) => ({ percent })),
    ),
    fc.constantFrom('report' as const, 'fail' as const),
    fc.nat(2),
  ],
  (t, ends, success, missing, absent) => {
    const names = Array.from({ length: absent }, (_, index) => `us-${index}`)
    const settlement = ended(ends, { success, missing }, names)
    const good = ends.filter((end) => end === 'pass' || end === 'warning').length
    const counted =
      ends.filter((end) => end !== 'skipped').length + (missing === 'fail' ? absent : 0)
    const isMet =
      good >= 1 &&
      (success === 'any' ||
        (success === 'all' ? good === counted : good * 100 >= success.percent * counted))
    t.is(settlement.result !== 'fail', isMet)
    t.is(settlement.result === 'warning', isMet && ends.includes('warning'))
    if (isMet) t.is(settlement.status, 'succeeded')
    else if (ends.includes('errored') || ends.includes('never')) t.is(settlement.status, 'errored')
  },
)
