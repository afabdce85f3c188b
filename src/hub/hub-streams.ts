import type { StoreNames } from '../domain/store-names.ts'
import type { Scope } from '../domain/subject.ts'
import { deadLetterPattern, directionPattern } from '../domain/subject.ts'
import type { Store, StreamPlan } from '../links/store.ts'

type Ages = Pick<StreamPlan, 'maxAgeMs' | 'duplicateWindowMs' | 'replicas'>

/** The three streams of a control plane in its hub store (DESIGN 4). */
export function hubStreamPlans(
  scope: Scope,
  { down, up, deadLetters }: StoreNames,
  ages: Ages,
): readonly StreamPlan[] {
  return [
    { name: down, subjects: [directionPattern(scope, 'down')], ...ages },
    { name: up, subjects: [directionPattern(scope, 'up')], ...ages },
    { name: deadLetters, subjects: [deadLetterPattern(scope)], ...ages },
  ]
}

/** Makes them, or brings them up to date. */
export async function makeHubStreams(
  store: Store,
  scope: Scope,
  names: StoreNames,
  ages: Ages,
): Promise<void> {
  for (const plan of hubStreamPlans(scope, names, ages)) await store.ensureStream(plan)
}
