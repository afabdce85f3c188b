/** What is done about a link through which nothing comes, gentlest first (DESIGN 7.12). */
export type HealingStep =
  /** The subscription that messages are pulled to, and the pull. */
  | 'pull'
  /** The consumer on the server, where it is ours to make. */
  | 'consumer'
  /** The connection of that side. */
  | 'connection'
  /** The other link takes over, where there is one. */
  | 'link'

/** How far up somebody is, and when the next step may be taken, in milliseconds of the caller's clock. */
export interface Ladder {
  readonly taken: number
  readonly nextAt: number
}

export const ON_THE_GROUND: Ladder = { taken: 0, nextAt: 0 }

/** A step has so much of the limit to show that it helped. */
const SHARE = 3
/** From then on steps come no farther apart than so many times the limit. */
const MOST_WAIT = 10

/**
 * The next step at `now`, and where that leads; undefined where it is too early for one. After the last of
 * `steps` it begins again with the first. Each wait is twice as long as the one before.
 */
export function climb(
  { taken, nextAt }: Ladder,
  steps: readonly HealingStep[],
  limitMs: number,
  now: number,
): { readonly step: HealingStep; readonly ladder: Ladder } | undefined {
  const step = steps[taken % steps.length]
  if (step === undefined || now < nextAt) return undefined
  const wait = Math.min(MOST_WAIT * limitMs, (limitMs / SHARE) * 2 ** Math.min(taken, 30))
  return { step, ladder: { taken: taken + 1, nextAt: now + wait } }
}
