import type { ConsumerConfig, ConsumerInfo } from '@nats-io/jetstream'
import { AckPolicy, DeliverPolicy } from '@nats-io/jetstream'
import { nanos } from '@nats-io/transport-node'

/** A durable pull consumer. */
export interface ConsumerPlan {
  readonly stream: string
  readonly durable: string
  readonly filter: string
  readonly start:
    | { readonly from: 'all' }
    | { readonly from: 'new' }
    | { readonly from: 'sequence'; readonly at: number }
  readonly ackWaitMs: number
  readonly maxAckPending: number
}

/** What the server is told when the consumer is made. */
export function consumerConfig(
  plan: ConsumerPlan,
): Partial<ConsumerConfig> & { durable_name: string } {
  return {
    durable_name: plan.durable,
    ack_policy: AckPolicy.Explicit,
    filter_subject: plan.filter,
    ack_wait: nanos(plan.ackWaitMs),
    max_ack_pending: plan.maxAckPending,
    ...startAt(plan),
  }
}

function startAt({ start }: ConsumerPlan): Partial<ConsumerConfig> {
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
