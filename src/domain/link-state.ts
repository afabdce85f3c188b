/**
 * When a stamp goes over from NATS to HTTPS and back (DESIGN 7.9). NATS counts only while it is proved: a connection
 * may be there, and lead nowhere. Times are in milliseconds, by a clock that never goes back.
 */
export interface LinkState {
  readonly link: 'nats' | 'https'
  /** When NATS was last proved, or when that was first asked. */
  readonly provedAt: number
  /** How often in a row it has been proved, and since when. */
  readonly proofs: number
  readonly provedSince: number
}

/** What a look at NATS has shown. */
export interface NatsLook {
  readonly at: number
  /** Whether the hub store has answered. */
  readonly isProved: boolean
  /** Whether the stamp has fetched all that lies there for it. */
  readonly isCaughtUp: boolean
}

/** NATS that was gone is back only when it is proved as often in a row: a line that flaps is not followed. */
const PROOFS = 3
/**
 * And when what it holds has come, or could have: longer than a consumer waits that lost deliveries
 * (docs/delivery.md), for what waits for its integration may never come.
 */
const CATCH_UP_MS = 10_000

export function firstLinkState(at: number): LinkState {
  return { link: 'nats', provedAt: at, proofs: 0, provedSince: at }
}

/** The state after a look. */
export function nextLinkState(
  state: LinkState,
  { at, isProved, isCaughtUp }: NatsLook,
  failoverAfterMs: number,
): LinkState {
  if (!isProved) {
    const isGone = at - state.provedAt >= failoverAfterMs
    return { ...state, link: isGone ? 'https' : state.link, proofs: 0 }
  }
  const proofs = state.proofs + 1
  const provedSince = proofs === 1 ? at : state.provedSince
  const isBack = proofs >= PROOFS && (isCaughtUp || at - provedSince >= CATCH_UP_MS)
  const link = state.link === 'nats' || isBack ? 'nats' : 'https'
  return { link, provedAt: at, proofs, provedSince }
}
