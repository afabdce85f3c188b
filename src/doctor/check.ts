import type { FactName, FactValues } from './facts.ts'

/** `error`: something does not work. `warning`: it works, and will not always. `notice`: worth knowing. */
export type Severity = 'error' | 'warning' | 'notice'

/** What judging came to: each thing that is wrong, or that it cannot be told. */
export type Verdict = readonly string[] | Unseen

/** What a check would have to know is not to be had, and why. */
export class Unseen {
  readonly why: string

  constructor(why: string) {
    this.why = why
  }
}

/** One check: everything that anybody needs to know of it, in one place (docs/doctor.md is made of it). */
export interface Check {
  /** Permanent: never renamed, never used for something else. */
  readonly code: `DOC-${number}`
  readonly severity: Severity
  /** What is wrong when it fires, as a sentence. */
  readonly title: string
  /** Why that matters. */
  readonly why: string
  readonly mend: string
  /** The facts that it judges; where one of them is not to be had, the check is not done. */
  readonly reads: readonly FactName[]
  judge(facts: FactValues): Verdict
}

/** A row of the table; its judge gets exactly the facts that it names. */
export function check<Name extends FactName>(
  row: Omit<Check, 'reads' | 'judge'> & {
    readonly reads: readonly Name[]
    readonly judge: (facts: Pick<FactValues, Name>) => Verdict
  },
): Check {
  return row
}

/** Checks that belong together. */
export interface Group {
  /** One word, for `--only`. */
  readonly name: string
  readonly title: string
  readonly checks: readonly Check[]
}
