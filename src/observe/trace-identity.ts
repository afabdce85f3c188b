import { createHash } from 'node:crypto'

/** A span by its ids, in lower-case hex (W3C Trace Context). */
export interface SpanIdentity {
  readonly traceId: string
  readonly spanId: string
  readonly isSampled: boolean
}

const TRACEPARENT = /^[\da-f]{2}-([\da-f]{32})-([\da-f]{16})-([\da-f]{2})(?:-.*)?$/

/** The span that a `traceparent` names; undefined where it names none. */
export function parseTraceparent(text: string): SpanIdentity | undefined {
  const [, traceId = '', spanId = '', flags = '00'] = TRACEPARENT.exec(text) ?? []
  if (text.startsWith('ff') || !/[^0]/.test(traceId) || !/[^0]/.test(spanId)) return undefined
  return { traceId, spanId, isSampled: (Number.parseInt(flags, 16) & 1) === 1 }
}

/**
 * The trace of a delivery whose events name none: its context, which is a UUID, and so the trace can be found
 * by it. All agents come to the same one without asking each other.
 */
export function traceOfContext(context: string): string {
  const bare = context.replaceAll('-', '').toLowerCase()
  if (/^[\da-f]{32}$/.test(bare) && /[^0]/.test(bare)) return bare
  return hash(context).slice(0, 32)
}

/** The span of a fan-out, by the id of its `.triggered`: stamps name it before the hub has ended it. */
export function spanOfFanOut(id: string): string {
  return hash(`fan-out ${id}`).slice(0, 16)
}

function hash(text: string): string {
  return createHash('sha256').update(text).digest('hex')
}
