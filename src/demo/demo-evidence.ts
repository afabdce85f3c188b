import type { DemoPlan } from './demo-plan.ts'

/**
 * What both ends of a demo have seen, as plain facts: what Keptn stored at home, and what integrations
 * got and sent in the stamps. The report is made from these and nothing else.
 */
export interface Evidence {
  readonly plan: DemoPlan
  readonly context: string
  /** Every row of the control plane's datastore for this delivery, copies included, in order. */
  readonly stored: readonly StoredFact[]
  /** The runs of the delivery, as shipyard-controller has them. */
  readonly runs: readonly RunFact[]
  /** Reasons of the events that shipyard-controller took and did nothing with. */
  readonly setAside: readonly string[]
  readonly integrations: readonly IntegrationFact[]
  /** How many dead letters lie in the hub store, by subject. */
  readonly deadLetters: Readonly<Record<string, number>>
  /** Messages in the hub store that nobody has acknowledged yet. */
  readonly onTheWay: number
  /** What ended that should run: agents, integrations, parts of Keptn. */
  readonly ended: readonly string[]
  /** Waits that were given up. */
  readonly overdue: readonly string[]
  readonly startMs: number
  readonly deliveryMs: number
}

/** An event in the datastore. */
export interface StoredFact {
  readonly id: string
  readonly type: string
  readonly source: string
  readonly stage: string
  readonly triggeredid: string
  readonly data: unknown
  readonly receivedAtMs: number
}

interface RunFact {
  readonly stage: string
  readonly triggeredAtMs: number
  /** Absent while it runs. */
  readonly end?: { readonly result: string; readonly status: string; readonly atMs: number }
}

/** One integration of one stamp. */
export interface IntegrationFact {
  readonly stamp: string
  readonly name: string
  /** Every delivery, repeated ones included. */
  readonly received: readonly { readonly id: string; readonly type: string }[]
  readonly sent: readonly SentFact[]
}

/** An event that an integration has published. */
export interface SentFact {
  readonly id: string
  readonly type: string
  readonly triggeredid: string
  /** Of a `.finished`. */
  readonly result: string
  readonly status: string
  /** The time in the event, in milliseconds since the epoch. */
  readonly atMs: number
}
