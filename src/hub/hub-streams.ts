import type { StoreNames } from '../domain/store-names.ts'
import type { Scope } from '../domain/subject.ts'
import { deadLetterPattern, directionPattern } from '../domain/subject.ts'
import type { BucketPlan } from '../links/bucket.ts'
import type { Replicas } from '../links/replicas.ts'
import type { Store, StreamPlan } from '../links/store.ts'

type Ages = Pick<StreamPlan, 'maxAgeMs' | 'duplicateWindowMs' | 'replicas'>

/** What nobody renews is kept for so long; fan-outs may be open for three days (docs/configuration.md). */
const FANOUT_TTL_MS = 7 * 24 * 3_600_000
/** What is known of stamps must outlive their silence: the registry itself forgets them. */
const NO_TTL = 0

/** The buckets of a control plane in its hub store that fan-outs and stamps are kept in, whoever opens them. */
export function hubBucketPlans(
  { fanoutBucket, stampsBucket }: StoreNames,
  replicas: Replicas,
): { readonly fanOuts: BucketPlan; readonly stamps: BucketPlan } {
  return {
    fanOuts: { name: fanoutBucket, ttlMs: FANOUT_TTL_MS, replicas },
    stamps: { name: stampsBucket, ttlMs: NO_TTL, replicas },
  }
}

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
