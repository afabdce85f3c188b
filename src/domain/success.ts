import type { Outcome } from './stamp-outcome.ts'
import type { SuccessRule } from './topology.ts'

/** How many of `counted` stamps must pass; at least one, for nothing that ran is no success. */
export function neededOf(rule: SuccessRule, counted: number): number {
  if (rule === 'all') return Math.max(1, counted)
  if (rule === 'any') return 1
  // Multiplied first: 55 / 100 * 20 is more than 11 for a computer.
  return Math.max(1, Math.ceil((rule.percent * counted) / 100))
}

/** Whether a stamp counts as a success. */
export function hasPassed({ result, status }: Outcome): boolean {
  return status === 'succeeded' && (result === 'pass' || result === 'warning')
}
