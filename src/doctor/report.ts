import type { Check, Group, Severity } from './check.ts'
import { Unseen } from './check.ts'
import type { FactName, Facts, FactValues } from './facts.ts'

/** What came of one check. */
export interface Outcome {
  readonly check: Check
  /** What is wrong, a sentence each; empty where all is well. */
  readonly found: readonly string[]
  /** Why it could not be done. */
  readonly unseen?: string
}

export interface JudgedGroup {
  readonly name: string
  readonly title: string
  readonly outcomes: readonly Outcome[]
}

export interface Report {
  readonly groups: readonly JudgedGroup[]
  /** How many checks fired, by severity; how many were done, and how many could not be. */
  readonly counts: Readonly<Record<Severity | 'done' | 'unseen', number>>
}

/** Judges facts by the checks of some groups. */
export function judge(groups: readonly Group[], facts: Facts): Report {
  const values = Object.fromEntries(
    Object.entries(facts).flatMap(([name, fact]) => (fact.seen ? [[name, fact.value]] : [])),
  ) as unknown as FactValues
  const judged = groups.map(({ name, title, checks }) => ({
    name,
    title,
    outcomes: checks.map((check) => outcomeOf(check, facts, values)),
  }))
  const outcomes = judged.flatMap((group) => group.outcomes)
  const fired = (severity: Severity): number =>
    outcomes.filter(({ check, found }) => check.severity === severity && found.length > 0).length
  const unseen = outcomes.filter((it) => it.unseen !== undefined).length
  return {
    groups: judged,
    counts: {
      error: fired('error'),
      warning: fired('warning'),
      notice: fired('notice'),
      done: outcomes.length - unseen,
      unseen,
    },
  }
}

/** Whether everything is as it should be; `strict`: warnings count too. */
export function isWell({ counts }: Report, strict: boolean): boolean {
  return counts.error === 0 && (!strict || counts.warning === 0)
}

/** The facts that some checks read. */
export function factsOf(groups: readonly Group[]): ReadonlySet<FactName> {
  return new Set(groups.flatMap(({ checks }) => checks.flatMap(({ reads }) => reads)))
}

/** For `--json`. Fields are added, never changed. */
export function reportJson({ groups, counts }: Report): object {
  return {
    counts,
    checks: groups.flatMap(({ name, outcomes }) =>
      outcomes.map(({ check, found, unseen }) => ({
        code: check.code,
        group: name,
        severity: check.severity,
        state: unseen !== undefined ? 'unseen' : found.length > 0 ? 'found' : 'ok',
        title: check.title,
        ...(found.length === 0 ? {} : { found, why: check.why, mend: check.mend }),
        ...(unseen === undefined ? {} : { unseen }),
      })),
    ),
  }
}

function outcomeOf(check: Check, facts: Facts, values: FactValues): Outcome {
  for (const name of check.reads) {
    const fact = facts[name]
    if (!fact.seen) return { check, found: [], unseen: fact.why }
  }
  const verdict = check.judge(values)
  if (verdict instanceof Unseen) return { check, found: [], unseen: verdict.why }
  return { check, found: verdict }
}
