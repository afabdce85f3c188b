import { testProp, fc } from '@fast-check/ava'
import type { TargetRecords } from '../../src/domain/fanout.ts'
import type { StampAnswer } from './fanin-builders.ts'
import { close, markStarted, review, takeAnswer } from '../../src/domain/fanin.ts'
import { settle } from '../../src/domain/verdict.ts'
import {
  ALL_ONLINE,
  fanOut,
  finished,
  HOUR,
  OPENED,
  started,
  take,
  target,
  targetOf,
  targets,
} from './fanin-builders.ts'

const LATER = OPENED + HOUR

interface DrawnAnswer {
  readonly stamp: string
  readonly source: string
  readonly nth: number
  readonly kind: 'started' | 'finished'
  readonly at: number
  readonly result: string
  readonly status: string
}

const idsOf = (records: TargetRecords) =>
  STAMPS.map((stamp) => Object.keys(records.get(stamp)?.finished ?? {}).toSorted())

const answersOf = (stamps: readonly string[]): fc.Arbitrary<DrawnAnswer[]> =>
  fc.array(
    fc.record({
      stamp: fc.constantFrom(...stamps),
      source: fc.constantFrom('helm', 'jes'),
      nth: fc.integer({ min: 1, max: 3 }),
      kind: fc.constantFrom('started' as const, 'finished' as const),
      at: fc.integer({ min: 1, max: 1000 }),
      result: fc.constantFrom('pass', 'warning', 'fail', ''),
      status: fc.constantFrom('succeeded', 'errored', 'aborted', 'odd'),
    }),
    { maxLength: 30 },
  )

/** One answer for each id: an id names one event. */
function answers(drawn: readonly DrawnAnswer[]): StampAnswer[] {
  const byId = new Map<string, StampAnswer>()
  for (const { stamp, source, nth, kind, at, result, status } of drawn) {
    const answer =
      kind === 'started'
        ? started(stamp, at, source, nth)
        : finished(stamp, at, { source, nth, seq: at, result, status, message: `${source} ${nth}` })
    if (!byId.has(answer.eventId)) byId.set(answer.eventId, answer)
  }
  return [...byId.values()]
}

const STAMPS = ['eu-1', 'eu-2', 'eu-3', 'eu-4']
const mixed = fanOut({
  targets: [
    target('eu-1'),
    target('eu-2', { answers: 2 }),
    target('eu-3', { exact: false }),
    target('eu-4', { given: 'skipped' }),
  ],
  policy: { success: 'any' },
})

/** The same, with all that started finished, and at least two answers of each stamp. */
function completed(drawn: readonly DrawnAnswer[]): StampAnswer[] {
  const missing = STAMPS.flatMap((stamp) =>
    ['helm', 'jes'].flatMap((source) =>
      [1, 2, 3].map((nth): DrawnAnswer => ({
        stamp,
        source,
        nth,
        kind: 'finished',
        at: 500 + nth,
        result: 'pass',
        status: 'succeeded',
      })),
    ),
  )
  return answers([...drawn, ...missing])
}

testProp(
  'any order and any repetition of answers settles a fan-in the same',
  [answersOf(STAMPS), fc.boolean(), fc.infiniteStream(fc.nat())],
  (t, drawn, isWhole, dice) => {
    const once = isWhole ? completed(drawn) : answers(drawn)
    const roll = () => dice.next().value ?? 0
    const shuffled = [...once, ...once.filter(() => roll() % 2 === 0)]
      .map((answer) => ({ answer, rank: roll() }))
      .toSorted((a, b) => a.rank - b.rank)
      .map(({ answer }) => answer)
    const a = take(mixed, once)
    const b = take(mixed, shuffled)
    const settlement = settle(a.head, a.records, LATER)
    if (isWhole) t.truthy(settlement)
    t.deepEqual(settle(b.head, b.records, LATER), settlement)
    t.deepEqual(idsOf(b.records), idsOf(a.records))
  },
)

testProp(
  'settling twice, later and from storage, gives the identical settlement',
  [answersOf(STAMPS)],
  (t, drawn) => {
    const { head, records } = take(mixed, completed(drawn))
    const settlement = settle(head, records, LATER)
    const stored = new Map(JSON.parse(JSON.stringify([...records])))
    t.is(
      JSON.stringify(
        settle(JSON.parse(JSON.stringify(head)), stored as TargetRecords, LATER + HOUR),
      ),
      JSON.stringify(settlement),
    )
    if (settlement === undefined) throw new Error('not settled')
    t.is(settle(close(head, settlement), records, LATER), undefined)
  },
)

testProp(
  'without clocks nothing is settled while something that started has not finished',
  [answersOf(STAMPS)],
  (t, drawn) => {
    const all = answers(drawn)
    const { head, records } = take(mixed, all)
    const isOpen = ['eu-1', 'eu-2', 'eu-3'].some((stamp) => {
      const of = (source: string, kind: string) =>
        all.filter((a) => a.stamp === stamp && a.source === source && a.kind === kind).length
      const wanted = stamp === 'eu-2' ? 2 : 1
      const sources = ['helm', 'jes']
      return (
        sources.some((source) => of(source, 'finished') < of(source, 'started')) ||
        sources.reduce((sum, source) => sum + of(source, 'finished'), 0) < wanted
      )
    })
    t.is(settle(head, records, LATER) === undefined, isOpen)
  },
)

testProp(
  'exactly the answers of known targets count',
  [answersOf(['eu-1', 'eu-2', 'eu-3', 'us-8', 'us-9'])],
  (t, drawn) => {
    const all = answers(drawn)
    const known = take(
      mixed,
      all.filter(({ stamp }) => stamp.startsWith('eu-')),
    )
    const everything = take(mixed, all)
    t.deepEqual(everything.records, known.records)
    t.deepEqual(
      settle(everything.head, everything.records, LATER),
      settle(known.head, known.records, LATER),
    )
  },
)

testProp(
  'twenty stamps with random delays, one of which starts after another has finished, settle once',
  [
    fc.array(fc.tuple(fc.integer({ min: 1, max: 100_000 }), fc.integer({ min: 0, max: 100_000 })), {
      minLength: 19,
      maxLength: 19,
    }),
    fc.nat(18),
    fc.option(fc.nat(19), { nil: undefined }),
  ],
  (t, delays, early, failing) => {
    let head = fanOut({ targets: targets(20) })
    const ends = delays.map(([start, run]) => start + run)
    // The twentieth begins only when another is through: where Keptn's own count would end the task.
    const lateStart = (ends[early] ?? 0) + 1
    const plan = [...delays, [lateStart, 5000] as const].flatMap(([start, run], index) => {
      const stamp = `eu-${index + 1}`
      const result = index === failing ? 'fail' : 'pass'
      return [started(stamp, start), finished(stamp, start + run, { result })]
    })
    plan.sort((a, b) => a.at - b.at || (a.kind === 'finished' ? 1 : -1))

    const records = new Map()
    let settlements = 0
    let starts = 0
    for (const [index, { stamp, ...answer }] of plan.entries()) {
      const taken = takeAnswer(head, targetOf(head, stamp), records.get(stamp), answer)
      if (taken.kind !== 'recorded') throw new Error(`answer ${index} was ${taken.kind}`)
      records.set(stamp, taken.record)
      const { startedAt, givenUp } = review(head, records, answer.at, ALL_ONLINE)
      t.is(givenUp.length, 0)
      if (startedAt !== undefined) {
        starts += 1
        head = markStarted(head, startedAt)
      }
      const settlement = settle(head, records, answer.at)
      if (settlement === undefined) continue
      settlements += 1
      t.is(index, plan.length - 1)
      t.is(settlement.result, failing === undefined ? 'pass' : 'fail')
      t.is(settlement.counts.passed, failing === undefined ? 20 : 19)
      t.is(settlement.at, answer.at)
      head = close(head, settlement)
    }
    t.deepEqual([starts, settlements], [1, 1])
  },
)
