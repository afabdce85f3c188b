/** One ring of a fan-out, all its geos together (DESIGN 7.4). Fixed when the fan-out is opened. */
export interface Wave {
  readonly ring: string
  /** What must pass without a further answer before the next wave begins, in ms. */
  readonly soakMs: number
  readonly groups: readonly WaveGroup[]
}

/** The targets of a wave in one geo, and how they are gone through. */
export interface WaveGroup {
  readonly geo: string
  /** How many of its stamps at once; at least 1. */
  readonly concurrency: number
  /** What its ring file says of failures; absent: the task's `success` says whether the wave holds. */
  readonly limits?: WaveLimits
}

export interface WaveLimits {
  /** More failed stamps than this stop the fan-out. */
  readonly maxFailures: number
  /** As many must pass; absent: no number. */
  readonly minSuccess?: number
  /** From the begin of the wave until its stamps are done, in ms; absent: no limit. */
  readonly deadlineMs?: number
}
