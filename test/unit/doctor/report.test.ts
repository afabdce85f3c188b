import test from 'ava'
import { isSignetError } from '../../../src/errors.ts'
import { factsOf, isWell, judge, reportJson } from '../../../src/doctor/report.ts'
import { GROUPS, isOffline, select } from '../../../src/doctor/table.ts'
import { listView, reportView } from '../../../src/doctor/view.ts'
import type { Line } from '../../../src/view/line.ts'
import { textOf } from '../../../src/view/line.ts'
import { agent, facts, gatewaySide, keptnSide, setup, without } from './facts.ts'

const ALL = { only: [], skip: [], offline: false }

const textsOf = (lines: readonly Line[]): readonly string[] => lines.map(textOf)

const BAD = facts({
  setup: setup({ environment: { SIGNET_DRAIN: '40s' } }),
  sides: [{ ...gatewaySide, connection: { kind: 'refused', why: 'no' } }, keptnSide],
  agent: { ...agent, warnings: ['the files differ'] },
})

test('errors come first, then warnings, then notices, each with how to mend it, and one line at the end', (t) => {
  const lines = textsOf(reportView(judge(GROUPS, BAD), false))
  const heads = lines.filter((line) => line.includes(' DOC-'))
  t.deepEqual(
    heads.map((line) => line.slice(0, 9)),
    ['✗ DOC-504', '! DOC-808', 'i DOC-111'],
  )
  t.is(lines.filter((line) => line.includes('mend  ')).length, 3)
  t.regex(lines.at(-1) ?? '', /^Something is wrong: 1 error, 1 warning, 1 notice; \d+ checks done$/)
  t.true(lines.every((line) => line.length <= 160))
})

test('where all is well one line for each group says so', (t) => {
  const lines = textsOf(reportView(judge(GROUPS, facts()), false))
  t.is(lines.filter((line) => line.startsWith('✓')).length, GROUPS.length)
  t.regex(lines.at(-1) ?? '', /^Nothing is wrong; \d+ checks done$/)
})

test('what could not be looked at is counted, and told with --all', (t) => {
  const report = judge(GROUPS, without('rights', 'the gateway NATS is not connected'))
  t.is(report.counts.unseen, 4)
  const short = textsOf(reportView(report, false)).join('\n')
  t.regex(short, /· Permissions on the gateway NATS/)
  t.regex(short, /4 could not be \(--all says why\)/)
  const long = textsOf(reportView(report, true)).join('\n')
  t.regex(long, /· DOC-701 not looked at: the gateway NATS is not connected/)
  t.regex(long, /✓ DOC-101 not so:/)
})

test('warnings fail only where they are to', (t) => {
  const warned = judge(GROUPS, facts({ agent: { ...agent, warnings: ['weak'] } }))
  t.true(isWell(warned, false))
  t.false(isWell(warned, true))
  t.false(isWell(judge(GROUPS, BAD), false))
  const noticed = judge(GROUPS, facts({ agent: { ...agent, version: '0' } }))
  t.true(isWell(noticed, true), 'a notice never fails')
})

test('the JSON has every check with its state', (t) => {
  const json = reportJson(judge(GROUPS, without('rights', 'why'))) as {
    counts: object
    checks: readonly { code: string; state: string; unseen?: string }[]
  }
  t.is(json.checks.length, GROUPS.flatMap(({ checks }) => checks).length)
  t.like(
    json.checks.find(({ code }) => code === 'DOC-701'),
    { state: 'unseen', unseen: 'why', group: 'rights', severity: 'warning' },
  )
  t.like(
    json.checks.find(({ code }) => code === 'DOC-101'),
    { state: 'ok' },
  )
})

test('checks are chosen by code and by group, and left out in the same way', (t) => {
  const codes = (selection: Partial<typeof ALL> | object): readonly string[] =>
    select({ ...ALL, ...selection }).flatMap(({ checks }) => checks.map(({ code }) => code))
  t.deepEqual(codes({ only: ['doc-304', 'DOC-501'] }), ['DOC-304', 'DOC-501'])
  t.deepEqual(codes({ only: ['rights'], skip: ['DOC-702'] }), ['DOC-701', 'DOC-703', 'DOC-704'])
  t.false(codes({ skip: ['keptn'] }).some((code) => code.startsWith('DOC-9')))
  const error = t.throws(() => codes({ only: ['DOC-3004'] }))
  t.true(isSignetError(error, 'SIGNET_USAGE'))
  t.regex(error.message, /DOC-304/)
})

test('offline no check reads what a server must be asked for', (t) => {
  const groups = select({ ...ALL, offline: true })
  t.deepEqual([...factsOf(groups)].toSorted(), ['files', 'machine', 'setup'])
  const offline = GROUPS.flatMap(({ checks }) => checks).filter(isOffline)
  t.is(groups.flatMap(({ checks }) => checks).length, offline.length)
  t.true(offline.length > 30)
})

test('the list has every check with its texts', (t) => {
  const text = textsOf(listView(GROUPS)).join('\n')
  for (const { code, title } of GROUPS.flatMap(({ checks }) => checks)) {
    t.true(text.includes(code))
    t.true(text.includes(title))
  }
})

test('many findings of one check are cut, and counted', (t) => {
  const stamps = Array.from({ length: 30 }, (_, index) => `stamp-${index}`)
  const report = judge(GROUPS, facts({ agent: { ...agent, silent: stamps } }))
  const text = textsOf(reportView(report, false)).join('\n')
  t.regex(text, /stamp-11\n.*and 18 more/)
  t.false(text.includes('stamp-12'))
})
