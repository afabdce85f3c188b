/** JetStream of one server or domain, as far as this user may look. Times are in milliseconds. */
export interface StoreFacts {
  /** For people: `the Keptn NATS`, `the hub store of main (domain hub)`. */
  readonly name: string
  readonly kind: 'keptn' | 'hub'
  /** `none`: there is no JetStream. `unseen`: this user may not look. */
  readonly state: 'answers' | 'none' | 'silent' | 'unseen'
  /** Why it is silent. */
  readonly why?: string
  readonly use?: AccountUse
  /** What there should be. */
  readonly planned: readonly PlannedStream[]
  /** What is there, of what there should be, and Keptn's own stream at home. */
  readonly streams: readonly StreamSetup[]
  /** Streams that capture subjects of Keptn; absent where this user may not ask. */
  readonly capturing?: readonly string[]
}

/** How much of an account is used; `most` is absent where nothing limits it. */
export interface AccountUse {
  readonly storage: Use
  readonly memory: Use
  readonly streams: Use
  readonly consumers: Use
}

export interface Use {
  readonly used: number
  readonly most?: number
}

/** A stream that an agent makes, or the one behind a bucket. What is absent may be anything. */
export interface PlannedStream {
  readonly name: string
  readonly subjects: readonly string[]
  readonly maxAgeMs?: number
  readonly duplicateWindowMs?: number
  readonly republish?: Republish
  /** It is made when it is first needed. */
  readonly isOptional?: true
}

export interface Republish {
  readonly src: string
  readonly dest: string
}

export interface StreamSetup {
  readonly name: string
  readonly subjects: readonly string[]
  readonly retention: string
  readonly storage: string
  /** 0: for ever. */
  readonly maxAgeMs: number
  readonly duplicateWindowMs: number
  /** Below 1: no limit, also of the next. */
  readonly maxBytes: number
  readonly maxMessages: number
  readonly replicas: number
  readonly republish?: Republish
  readonly messages: number
  readonly bytes: number
}

/** A durable consumer: what it should be, and what it is. */
export interface ConsumerFacts {
  /** Of which store. */
  readonly store: string
  readonly stream: string
  readonly name: string
  /** Who reads with it: we, Keptn itself, a stamp that reads elsewhere, or somebody who should not. */
  readonly reader: 'us' | 'keptn' | 'stamp' | 'stranger'
  /** Absent where it is not there. */
  readonly state?: ConsumerSetup
  /** Whether it has handed out or let go of anything between two looks; absent where nobody looked twice. */
  readonly hasMoved?: boolean
  readonly planned?: PlannedConsumer
}

export interface PlannedConsumer {
  readonly filter: string
  readonly ackWaitMs: number
  readonly maxAckPending: number
}

export interface ConsumerSetup extends PlannedConsumer {
  readonly name: string
  readonly pending: number
  readonly unacknowledged: number
  /** How many of those were handed out more than once. */
  readonly redelivered: number
  readonly deliveries: number
  readonly ackFloor: number
}
