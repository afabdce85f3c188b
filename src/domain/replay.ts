/** What became of an event of a replay. */
export type ReplayOutcome =
  /** It goes, or would go, to the stamp. */
  | 'sent'
  /** It has been sent there lately: by another replay, whose copy counts. */
  | 'sent-before'
  /** No rule, or nobody in the stamp, wants it there, or the stamp said it itself. */
  | 'not-for-it'
  /** One stamp of several does such a task, and it was not this one. */
  | 'one-stamp-task'
  /** Its fan-out is open, and did not ask this stamp. */
  | 'not-asked'
  /** The hub has not routed it yet. */
  | 'on-its-way'
  | 'malformed'
  | 'residency'
  | 'oversize'

export interface ReplayedEvent {
  readonly id: string
  readonly type: string
  readonly context: string
  /** When Keptn's stream took it, as ISO 8601. */
  readonly at: string
  /** Where it lies there. */
  readonly sequence: number
  readonly outcome: ReplayOutcome
  /** What residency leaves out of it. */
  readonly redacted?: readonly string[]
}

/** What `replay` answers. */
export interface Replay {
  readonly to: string
  readonly dryRun: boolean
  /** From when on Keptn's stream was read, as ISO 8601. */
  readonly since: string
  readonly scanned: number
  /** How many events had each outcome. */
  readonly counts: Readonly<Partial<Record<ReplayOutcome, number>>>
  /** Those that go, and those that do not for a reason of their own; the first thousand. */
  readonly events: readonly ReplayedEvent[]
  readonly truncated: boolean
}

export interface ReplayProgress {
  readonly scanned: number
  readonly done: number
  readonly all: number
}
