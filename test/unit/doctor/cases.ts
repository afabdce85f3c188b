import type { FactValues } from '../../../src/doctor/facts.ts'

/** One way in which a check fires: the facts that differ from healthy ones, and what is found. */
export interface Case {
  readonly code: string
  readonly facts: Partial<FactValues>
  readonly found: RegExp
  /** Other checks that say something about the same facts, rightly. */
  readonly also?: readonly string[]
}
