/**
 * Traces of events, for those who collect them with OpenTelemetry. What is here has no package behind it: an
 * agent that exports no traces runs the work and nothing else. `otlp-tracing.ts` has the rest, and is loaded
 * only where the setting asks for it.
 */
export interface Tracing {
  /** Runs what is done with an event, and tells how long it took and whether it failed. */
  step<T>(step: Step, event: TracedEvent, work: () => Promise<T>): Promise<T>
  /** A fan-out that was opened at `openedAt` (ms) has just ended as `result`. */
  ended(fanOut: TracedFanOut, result: string): void
  /** Runs a call to Keptn's API, as the stamp that asks (`entry`) or the hub (`exit`). */
  call<T>(end: 'entry' | 'exit', call: TracedCall, work: () => Promise<T>): Promise<T>
  /** Sends what has not been sent, for a few seconds at most. */
  stop(): Promise<void>
}

/** What an agent does with an event on its way. */
export type Step = 'route' | 'deliver' | 'collect' | 'answer'

/** What a trace tells of an event; empty texts stand for what it has not. */
export interface TracedEvent {
  readonly id: string
  readonly type: string
  readonly source: string
  /** `shkeptncontext`: one delivery. */
  readonly context: string
  readonly triggeredid: string
  /** W3C `traceparent`. */
  readonly traceparent: string
  readonly parsedType: { readonly shape: string }
}

export interface TracedFanOut {
  /** The id of the `.triggered`. */
  readonly id: string
  readonly type: string
  readonly task: string
  readonly context: string
  readonly project: string
  readonly stage: string
  readonly service: string
  readonly openedAt: number
  readonly targets: readonly unknown[]
  readonly traceparent?: string
}

export interface TracedCall {
  readonly service: string
  readonly method: string
  readonly headers: readonly (readonly [string, string])[]
}

/** Where no traces are exported. */
export const noTracing: Tracing = {
  step: (_step, _event, work) => work(),
  ended: () => {},
  call: (_end, _call, work) => work(),
  stop: () => Promise.resolve(),
}
