/** The headers that Signet puts on a message (DESIGN 4), and those of the server it reads. */
export const MESSAGE_ID = 'Nats-Msg-Id'
/** The stamps that a message has been through, comma-separated: the loop guard. */
export const PATH = 'Signet-Path'
/** The fan-out that a message belongs to. */
export const CAUSE = 'Signet-Cause'
/** The link that a message came in by, where it is not NATS: the body is then what Keptn's API made of it. */
export const LINK = 'Signet-Link'
export const HTTPS_LINK = 'https'
/** What residency left out or hashed in the body, comma-separated paths (DESIGN 7.6); absent: nothing. */
export const REDACTED = 'Signet-Redacted'
/** The geos whose data an event of the hub holds, comma-separated, beside those of its path. */
export const GEOS = 'Signet-Geos'
/** The dead letter that a message was, by its sequence; put back, it is another one if it fails again. */
export const LETTER = 'Signet-Letter'
/** A replay that is to be delivered though the stamp has the event: the name of its run. */
export const RUN = 'Signet-Run'
/** What a dead letter says of the message that it was. */
export const LETTERS = {
  /** Where it was read from: subject, and sequence in the stream there. */
  subject: 'Signet-Subject',
  sequence: 'Signet-Sequence',
  /** What exactly is wrong with it. */
  detail: 'Signet-Detail',
  /** Its length in bytes, where it was cut to fit. */
  truncated: 'Signet-Truncated',
  /** Why its body is not here: it may not leave its geo. */
  withheld: 'Signet-Withheld',
  /** The stamps that it was for, where it did reach others. */
  stamps: 'Signet-For',
} as const
export const TRACEPARENT = 'traceparent'
/** What the server puts on a republished message: where it came from. */
export const REPUBLISHED_STREAM = 'Nats-Stream'
export const REPUBLISHED_SEQUENCE = 'Nats-Sequence'

/** What a message of an answer of the hub is (`control-parts.ts`), and which of its parts. */
export const ANSWER = 'Signet-Answer'
export const PART = 'Signet-Part'

/** Reads a list of names, such as a path header; empty where there is none. */
export function parsePath(header: string | undefined): readonly string[] {
  if (header === undefined || header === '') return []
  return header.split(',').map((name) => name.trim())
}

/** A path with one more stamp at its end. */
export function extendPath(path: readonly string[], stamp: string): string {
  return [...path, stamp].join(',')
}
