import type { ConsumerConfig, ConsumerInfo } from '@nats-io/jetstream'
import { AckPolicy, DeliverPolicy } from '@nats-io/jetstream'
import { nanos } from '@nats-io/transport-node'

/** Where a consumer begins that is not there yet. */
export type ConsumerStart =
  | { readonly from: 'all' }
  | { readonly from: 'new' }
  | { readonly from: 'sequence'; readonly at: number }

/** A durable pull consumer. */
export interface ConsumerPlan {
  readonly stream: string
  readonly durable: string
  readonly filter: string
  /** Asked for only where the consumer is not there yet. */
  readonly start: ConsumerStart | (() => Promise<ConsumerStart>)
  readonly ackWaitMs: number
  readonly maxAckPending: number
}

/** What the server is told when the consumer is made, to begin at `start`. */
export function consumerConfig(
  plan: Omit<ConsumerPlan, 'start'>,
  start: ConsumerStart,
): Partial<ConsumerConfig> & { durable_name: string } {
  return {
    durable_name: plan.durable,
    ack_policy: AckPolicy.Explicit,
    filter_subject: plan.filter,
    ack_wait: nanos(plan.ackWaitMs),
    max_ack_pending: plan.maxAckPending,
    ...startAt(start),
  }
}

function startAt(start: ConsumerStart): Partial<ConsumerConfig> {
  switch (start.from) {
    case 'all':
      return { deliver_policy: DeliverPolicy.All }
    case 'new':
      return { deliver_policy: DeliverPolicy.New }
    case 'sequence':
      return { deliver_policy: DeliverPolicy.StartSequence, opt_start_seq: start.at }
  }
}

/** Whether an existing consumer is to be brought up to its plan. */
export function outdated({ config }: ConsumerInfo, plan: ConsumerPlan): boolean {
  return (
    config.filter_subject !== plan.filter ||
    config.ack_wait !== nanos(plan.ackWaitMs) ||
    config.max_ack_pending !== plan.maxAckPending
  )
}
