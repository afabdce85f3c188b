import test from 'ava'
import type { Report } from '../../../src/doctor/report.ts'
import { judge } from '../../../src/doctor/report.ts'
import { GROUPS } from '../../../src/doctor/table.ts'
import { flowCases, rightsCases, serverCases, storeCases } from './cases-nats.ts'
import { agentCases, federationCases, keptnCases } from './cases-people.ts'
import { fileCases, machineCases, settingsCases, topologyCases } from './cases-setup.ts'
import { facts, homeSetup, homeStore, hubStore } from './facts.ts'

// Every check, on facts: it fires for what is wrong, and only then.

const CASES = [
  ...settingsCases,
  ...topologyCases,
  ...fileCases,
  ...machineCases,
  ...serverCases,
  ...rightsCases,
  ...storeCases,
  ...flowCases,
  ...agentCases,
  ...federationCases,
  ...keptnCases,
]
const CODES = GROUPS.flatMap(({ checks }) => checks.map(({ code }) => code as string))

function fired({ groups }: Report): ReadonlyMap<string, readonly string[]> {
  const outcomes = groups.flatMap((group) => group.outcomes)
  return new Map(
    outcomes
      .filter(({ found }) => found.length > 0)
      .map(({ check, found }) => [check.code, found] as const),
  )
}

test('nothing fires where all is well, in a stamp and at home', (t) => {
  t.deepEqual([...fired(judge(GROUPS, facts())).entries()], [])
  const home = facts({
    setup: homeSetup(),
    stores: [homeStore, hubStore],
    agent: { kind: 'silent', url: 'u', why: 'w' },
  })
  t.deepEqual([...fired(judge(GROUPS, home)).keys()], ['DOC-804'])
})

test('each check has a case that makes it fire', (t) => {
  const tried = new Set(CASES.map(({ code }) => code))
  t.deepEqual(
    CODES.filter((code) => !tried.has(code)),
    [],
  )
  t.true(CODES.length > 100)
})

for (const [index, { code, facts: over, found, also = [] }] of CASES.entries())
  test(`${code} fires, and nothing else does (${index + 1}: ${String(found)})`, (t) => {
    const all = fired(judge(GROUPS, facts(over)))
    t.deepEqual([...all.keys()].toSorted(), [code, ...also].toSorted())
    t.regex((all.get(code) ?? []).join('\n'), found)
  })

test('codes are unique, and each says what, why and how to mend it, in sentences', (t) => {
  t.is(new Set(CODES).size, CODES.length)
  for (const check of GROUPS.flatMap(({ checks }) => checks))
    for (const text of [check.title, check.why, check.mend])
      t.regex(text, /^[\w`].*[.?]$/, check.code)
})
