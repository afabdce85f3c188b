import type { Context, Span } from '@opentelemetry/api'
import { ROOT_CONTEXT, SpanKind, SpanStatusCode, trace, TraceFlags } from '@opentelemetry/api'
import { OTLPTraceExporter } from '@opentelemetry/exporter-trace-otlp-http'
import { resourceFromAttributes } from '@opentelemetry/resources'
import type { IdGenerator, SpanExporter } from '@opentelemetry/sdk-trace'
import { BatchSpanProcessor, RandomIdGenerator, TracerProvider } from '@opentelemetry/sdk-trace'
import { LRUCache } from 'lru-cache'
import type { Log } from './log.ts'
import type { SpanIdentity } from './trace-identity.ts'
import { parseTraceparent, spanOfFanOut, traceOfContext } from './trace-identity.ts'
import type { Step, TracedCall, TracedEvent, TracedFanOut, Tracing } from './tracing.ts'

export interface OtlpTracingOptions {
  /** The base of a collector for OTLP over HTTP; `/v1/traces` is added. */
  readonly endpoint: string
  readonly version: string
  readonly stamp: string
  /** Which agent of the stamp it is. */
  readonly agent: string
  readonly log: Log
}

/** Integrations answer without the `traceparent` that they were given: so many are remembered for them. */
const REMEMBERED = 10_000
const MOST_CHARACTERS = 512
/** How long spans are gathered before they are sent. */
const GATHER_MS = 1_000
const EXPORT_MS = 5_000
const STOP_MS = 5_000

/**
 * Traces that go to a collector. All agents see a delivery as one trace: that of the event's `traceparent`, or
 * one that is made of its context. In it a fan-out is one span, and what is done with its events are children
 * of that.
 */
export function otlpTracing(options: OtlpTracingOptions): Tracing {
  return new OtlpTracing(options)
}

/** Ids that were decided before are given out, and random ones otherwise. */
class DecidedIds {
  readonly #random = new RandomIdGenerator()
  #decided: Partial<Omit<SpanIdentity, 'isSampled'>> = {}

  readonly generator: IdGenerator = {
    generateTraceId: () => this.#decided.traceId ?? this.#random.generateTraceId(),
    generateSpanId: () => this.#decided.spanId ?? this.#random.generateSpanId(),
  }

  /** A span begins at once, so that no other one gets its ids. */
  during<T>(decided: Partial<Omit<SpanIdentity, 'isSampled'>>, start: () => T): T {
    this.#decided = decided
    try {
      return start()
    } finally {
      this.#decided = {}
    }
  }
}

class OtlpTracing implements Tracing {
  readonly #ids = new DecidedIds()
  readonly #provider: TracerProvider
  readonly #parents = new LRUCache<string, string>({ max: REMEMBERED })

  constructor({ endpoint, version, stamp, agent, log }: OtlpTracingOptions) {
    const exporter = new OTLPTraceExporter({
      url: `${endpoint.replace(/\/+$/, '')}/v1/traces`,
      timeoutMillis: EXPORT_MS,
    })
    this.#provider = new TracerProvider({
      idGenerator: this.#ids.generator,
      // What integrations send may be of any length.
      spanLimits: { attributeValueLengthLimit: MOST_CHARACTERS },
      resource: resourceFromAttributes({
        'service.name': 'signet',
        'service.version': version,
        'service.instance.id': agent,
        'signet.stamp': stamp,
      }),
      spanProcessors: [
        new BatchSpanProcessor({ exporter: told(exporter, log), scheduledDelayMillis: GATHER_MS }),
      ],
    })
  }

  step<T>(step: Step, event: TracedEvent, work: () => Promise<T>): Promise<T> {
    const isTask = event.parsedType.shape === 'task'
    const fanOut = event.triggeredid === '' ? event.id : event.triggeredid
    const traceparent = event.traceparent === '' ? this.#parents.get(fanOut) : event.traceparent
    if (event.traceparent !== '') this.#parents.set(event.id, event.traceparent)
    const above = parseTraceparent(traceparent ?? '')
    const traceId = above?.traceId ?? traceOfContext(event.context)
    const isSampled = above?.isSampled ?? true
    const parent = isTask ? { traceId, spanId: spanOfFanOut(fanOut), isSampled } : above
    const span = this.#ids.during({ traceId }, () =>
      this.#start(step, parent, SpanKind.CONSUMER, {
        'cloudevents.event_id': event.id,
        'cloudevents.event_type': event.type,
        'cloudevents.event_source': event.source,
        'keptn.context': event.context,
      }),
    )
    return ending(span, work)
  }

  ended(fanOut: TracedFanOut, result: string): void {
    const above = parseTraceparent(fanOut.traceparent ?? '')
    const decided = {
      traceId: above?.traceId ?? traceOfContext(fanOut.context),
      spanId: spanOfFanOut(fanOut.id),
    }
    const { id, type, task, context, project, stage, service, targets, openedAt } = fanOut
    const span = this.#ids.during(decided, () =>
      this.#start(
        'aggregate',
        above,
        SpanKind.INTERNAL,
        {
          'cloudevents.event_id': id,
          'cloudevents.event_type': type,
          'keptn.context': context,
          'keptn.project': project,
          'keptn.stage': stage,
          'keptn.service': service,
          'keptn.task': task,
          'signet.targets': targets.length,
          'signet.result': result,
        },
        openedAt,
      ),
    )
    span.end()
  }

  call<T>(end: 'entry' | 'exit', call: TracedCall, work: () => Promise<T>): Promise<T> {
    const [, given = ''] = call.headers.find(([name]) => name.toLowerCase() === 'traceparent') ?? []
    const kind = end === 'entry' ? SpanKind.CLIENT : SpanKind.SERVER
    const span = this.#start(`tunnel ${end}`, parseTraceparent(given), kind, {
      'http.request.method': call.method,
      'peer.service': call.service,
    })
    return ending(span, work)
  }

  async stop(): Promise<void> {
    let timer: NodeJS.Timeout | undefined
    const late = new Promise<void>((resolve) => {
      timer = setTimeout(resolve, STOP_MS)
    })
    // A collector that is away is no reason to stop late, or badly.
    await Promise.race([this.#provider.shutdown().catch(() => undefined), late])
    clearTimeout(timer)
  }

  #start(
    name: string,
    parent: SpanIdentity | undefined,
    kind: SpanKind,
    attributes: Readonly<Record<string, string | number>>,
    startTime?: number,
  ): Span {
    const tracer = this.#provider.getTracer('signet')
    const options = { kind, attributes, ...(startTime === undefined ? {} : { startTime }) }
    return tracer.startSpan(name, options, contextOf(parent))
  }
}

function contextOf(parent: SpanIdentity | undefined): Context {
  if (parent === undefined) return ROOT_CONTEXT
  const { traceId, spanId, isSampled } = parent
  const traceFlags = isSampled ? TraceFlags.SAMPLED : TraceFlags.NONE
  return trace.setSpanContext(ROOT_CONTEXT, { traceId, spanId, traceFlags, isRemote: true })
}

async function ending<T>(span: Span, work: () => Promise<T>): Promise<T> {
  try {
    return await work()
  } catch (error) {
    const message = error instanceof Error ? error.message : String(error)
    span.setStatus({ code: SpanStatusCode.ERROR, message })
    throw error
  } finally {
    span.end()
  }
}

/** Says in the log when a collector takes no traces, and when it does again: once each, and not for each batch. */
function told(exporter: SpanExporter, log: Log): SpanExporter {
  let isRefused = false
  return {
    export: (spans, done) => {
      exporter.export(spans, (result) => {
        const failed = result.error !== undefined
        if (failed && !isRefused)
          log.warn({ error: result.error }, 'The collector takes no traces; they are dropped.')
        if (!failed && isRefused) log.info({}, 'The collector takes traces again.')
        isRefused = failed
        done(result)
      })
    },
    shutdown: () => exporter.shutdown(),
    forceFlush: () => exporter.forceFlush?.() ?? Promise.resolve(),
  }
}
