import { createHash, hash } from 'node:crypto'

/** What fits a header and a subject as it is. Keptn's own ids are UUIDs (wire 1.1). */
const PLAIN = /^[\w=/.:+-]{1,160}$/
const KEY = /^[\w-]{1,128}$/

/** An event's id as it stands in `Nats-Msg-Id`: itself, or its hash where a header could not carry it. */
export function messageId(eventId: string): string {
  return PLAIN.test(eventId) ? eventId : `sha256:${sha256(eventId)}`
}

/** An event's id as a key of a bucket, which knows fewer characters. */
export function bucketKey(eventId: string): string {
  return KEY.test(eventId) ? eventId : `sha256-${sha256(eventId)}`
}

/** Tells two bodies apart. Not for secrets: only for "is this the same event". */
export function fingerprint(body: Uint8Array): string {
  // `crypto.hash` is a third faster than an object of class Hash, and came with Node 20.12.
  return hash('md5', body, 'base64url')
}

/**
 * The `Nats-Msg-Id` of what a stamp sends up, by whichever link: with its body, so that the same id with
 * another body reaches the hub, which sets it aside.
 */
export function answerMessageId(eventId: string, stamp: string, body: Uint8Array): string {
  return `${messageId(eventId)}:${stamp}:${fingerprint(body)}`
}

/**
 * An id derived from others, in the shape of a UUID (version 8): the same event whenever it is made again.
 * JES takes the first 24 characters of an id (wire 1.1), so that a short one would crash it.
 */
export function derivedId(...parts: readonly string[]): string {
  const bytes = createHash('sha256').update(parts.join('\u0000')).digest().subarray(0, 16)
  bytes.writeUInt8((bytes.readUInt8(6) & 0x0f) | 0x80, 6)
  bytes.writeUInt8((bytes.readUInt8(8) & 0x3f) | 0x80, 8)
  const hex = bytes.toString('hex')
  return [
    hex.slice(0, 8),
    hex.slice(8, 12),
    hex.slice(12, 16),
    hex.slice(16, 20),
    hex.slice(20),
  ].join('-')
}

function sha256(text: string): string {
  return createHash('sha256').update(text).digest('hex')
}
