import type { StoreNames } from '../domain/store-names.ts'
import type { Scope } from '../domain/subject.ts'
import { deadLetterPattern, directionPattern } from '../domain/subject.ts'
import type { Store, StreamPlan } from '../links/store.ts'

/** Makes the three streams of a control plane in its hub store, or brings them up to date (DESIGN 4). */
export async function makeHubStreams(
  store: Store,
  scope: Scope,
  { down, up, deadLetters }: StoreNames,
  ages: Pick<StreamPlan, 'maxAgeMs' | 'duplicateWindowMs' | 'replicas'>,
): Promise<void> {
  await store.ensureStream({ name: down, subjects: [directionPattern(scope, 'down')], ...ages })
  await store.ensureStream({ name: up, subjects: [directionPattern(scope, 'up')], ...ages })
  await store.ensureStream({ name: deadLetters, subjects: [deadLetterPattern(scope)], ...ages })
}
