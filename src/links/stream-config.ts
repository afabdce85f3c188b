import type { StreamConfig, StreamInfo } from '@nats-io/jetstream'
import { DiscardPolicy, RetentionPolicy, StorageType } from '@nats-io/jetstream'
import { nanos } from '@nats-io/transport-node'
import type { StreamPlan } from './store.ts'

/** What the server is told of a stream. */
export function streamConfig(
  plan: StreamPlan,
  replicas: number,
): Partial<StreamConfig> & { name: string } {
  return {
    name: plan.name,
    subjects: [...plan.subjects],
    retention: RetentionPolicy.Limits,
    storage: StorageType.File,
    discard: DiscardPolicy.Old,
    max_age: nanos(plan.maxAgeMs),
    // The server refuses a window beyond the age (nats-notes 4.1).
    duplicate_window: nanos(Math.min(plan.duplicateWindowMs, plan.maxAgeMs)),
    num_replicas: replicas,
    ...(plan.republish === undefined ? {} : { republish: { ...plan.republish } }),
  }
}

/** Whether an existing stream is to be brought up to its plan. */
export function differs({ config }: StreamInfo, wanted: Partial<StreamConfig>): boolean {
  return (
    config.max_age !== wanted.max_age ||
    config.duplicate_window !== wanted.duplicate_window ||
    config.num_replicas !== wanted.num_replicas ||
    config.republish?.dest !== wanted.republish?.dest ||
    config.subjects.join() !== wanted.subjects?.join()
  )
}
