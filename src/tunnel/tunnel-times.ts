/** The clocks of the tunnel, in milliseconds. */
export interface TunnelTimes {
  /** How long an answer may take to begin, from the end of the request's body on. */
  readonly answerMs: number
  /** How long a hub is looked for before it is said that there is none: a restart takes as long. */
  readonly patienceMs: number
  /** How often either side says that it is there while it has nothing else to say. */
  readonly aliveMs: number
  /** After so long a silence the other side counts as gone. */
  readonly silenceMs: number
  /** How long nothing may move between a client and its agent, or a hub agent and a service. */
  readonly stallMs: number
  /** How long a call may take in all, body after body. */
  readonly totalMs: number
}

export const TUNNEL_TIMES: TunnelTimes = {
  answerMs: 30_000,
  patienceMs: 5_000,
  aliveMs: 2_500,
  silenceMs: 10_000,
  stallMs: 60_000,
  totalMs: 600_000,
}

/** How much longer than a hub agent a stamp waits, so that it hears why the answer is late. */
export const GRACE_MS = 1_000
