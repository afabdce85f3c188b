/**
 * When an integration can be handed an event. A ping says that it lives, but not that it listens already:
 * cp-connector registers, connects, pings, and only with the answer to that ping learns what to subscribe
 * to; whenever that list changes it unsubscribes from everything first (wire 2.3). A distributor drops what
 * comes before its first ping (wire 3.2). What is published in such a moment is lost, so after each of
 * them the integration has to ping, and to be given a moment, before it counts as listening.
 *
 * All times are in milliseconds since the epoch.
 */
export interface SignsOfLife {
  /** The last time it was heard of in any way. */
  readonly seenAt: number
  /** Its last ping; undefined where it has not pinged yet. */
  readonly pingedAt: number | undefined
  /** When it will have subscribed to what it wants; undefined: it has to ping first. */
  readonly listensFrom: number | undefined
}

/** An integration that has been silent for so long is not alive: cp-connector pings every 5 s, a distributor every 10 s. */
export const ALIVE_MS = 30_000
/** How long it may take an integration to subscribe after the answer to a ping. */
export const SETTLE_MS = 1_000
/** An integration that has been silent for so long is forgotten. */
export const FORGET_MS = 24 * 3_600_000
/**
 * How old a record may be for its integration to be presumed alive when an agent comes back. Whoever could
 * not ping for longer has given up: cp-connector within a minute, a distributor within two (wire 2.3, 3.2).
 */
export const PRESUMED_MS = 180_000

/** It registered: a new process, as far as we know. */
export function afterRegistering(life: SignsOfLife | undefined, now: number): SignsOfLife {
  return { seenAt: now, pingedAt: life?.pingedAt, listensFrom: undefined }
}

/** Its subscriptions changed: it learns of it with its next ping. */
export function afterChange(life: SignsOfLife): SignsOfLife {
  return { ...life, listensFrom: undefined }
}

/** It pinged. */
export function afterPing(life: SignsOfLife, now: number): SignsOfLife {
  const isSteady = isAlive(life, now) && life.listensFrom !== undefined
  return {
    seenAt: now,
    pingedAt: now,
    listensFrom: isSteady ? life.listensFrom : now + SETTLE_MS,
  }
}

/**
 * Another agent of the stamp answered its ping: it lives. Whether the answer held what it wants by now is
 * in the record, which says when it may listen to that.
 */
export function afterPingElsewhere(life: SignsOfLife, now: number): SignsOfLife {
  const { listensFrom } = life
  const isSteady = listensFrom === undefined || isAlive(life, now)
  return { seenAt: now, pingedAt: now, listensFrom: isSteady ? listensFrom : now + SETTLE_MS }
}

/**
 * It was read from the record of an earlier agent, and counts as alive until it had time to ping, unless
 * its silence is too old, or it had not pinged then either.
 */
export function afterLoading(
  { seenAt, hadPinged }: { readonly seenAt: number; readonly hadPinged: boolean },
  now: number,
): SignsOfLife {
  const isPresumed = hadPinged && now - seenAt < PRESUMED_MS
  return {
    seenAt,
    pingedAt: isPresumed ? now : undefined,
    listensFrom: isPresumed ? now : undefined,
  }
}

/** Whether it pinged not long ago. */
export function isAlive({ pingedAt }: SignsOfLife, now: number): boolean {
  return pingedAt !== undefined && now - pingedAt < ALIVE_MS
}

/** Whether it is alive and has subscribed to what it wants: an event that is published now reaches it. */
export function isListening(life: SignsOfLife, now: number): boolean {
  return isAlive(life, now) && life.listensFrom !== undefined && now >= life.listensFrom
}

/** Whether it has been silent for so long that nobody expects it back. */
export function isForgotten({ seenAt }: SignsOfLife, now: number): boolean {
  return now - seenAt >= FORGET_MS
}
