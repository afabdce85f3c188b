import type { Metrics } from '../observe/metrics.ts'

/** That one direction of a link works, and since when that is not known any more (DESIGN 7.12). */
export interface Proof {
  /** `gateway` or `keptn`. */
  readonly link: string
  readonly direction: 'down' | 'up'
  /** How long ago something came through, in milliseconds. */
  readonly ageMs: number
  /** Why it counts as broken, or undefined. */
  readonly trouble: string | undefined
}

/** Sets the gauge of each link and direction; of several proofs of one, such as of two control planes, the oldest. */
export function observeProofs(proofs: readonly Proof[], metrics: Metrics): void {
  for (const { link, direction } of proofs) {
    const alike = proofs.filter((it) => it.link === link && it.direction === direction)
    const oldest = Math.max(...alike.map(({ ageMs }) => ageMs))
    metrics.canaryAge.set({ link, direction }, oldest / 1_000)
  }
}

/** What is wrong with the first that is broken; undefined where none is. */
export function proofTrouble(proofs: readonly Proof[]): string | undefined {
  return proofs.find(({ trouble }) => trouble !== undefined)?.trouble
}

/** For `/status`. */
export function describeProofs(proofs: readonly Proof[]): readonly object[] {
  return proofs.map(({ link, direction, ageMs, trouble }) => ({
    link,
    direction,
    ageSeconds: Math.round(ageMs / 100) / 10,
    ...(trouble === undefined ? {} : { trouble }),
  }))
}
