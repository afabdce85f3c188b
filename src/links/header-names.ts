/** The headers that Signet puts on a message (DESIGN 4), and those of the server it reads. */
export const MESSAGE_ID = 'Nats-Msg-Id'
/** The stamps that a message has been through, comma-separated: the loop guard. */
export const PATH = 'Signet-Path'
/** The fan-out that a message belongs to. */
export const CAUSE = 'Signet-Cause'
/** The link that a message came in by, where it is not NATS: the body is then what Keptn's API made of it. */
export const LINK = 'Signet-Link'
export const HTTPS_LINK = 'https'
export const TRACEPARENT = 'traceparent'
/** What the server puts on a republished message: where it came from. */
export const REPUBLISHED_STREAM = 'Nats-Stream'
export const REPUBLISHED_SEQUENCE = 'Nats-Sequence'

/** What a message of an answer of the hub is (`control-parts.ts`), and which of its parts. */
export const ANSWER = 'Signet-Answer'
export const PART = 'Signet-Part'

/** Reads a path header; empty where there is none. */
export function parsePath(header: string | undefined): readonly string[] {
  if (header === undefined || header === '') return []
  return header.split(',').map((name) => name.trim())
}

/** A path with one more stamp at its end. */
export function extendPath(path: readonly string[], stamp: string): string {
  return [...path, stamp].join(',')
}
