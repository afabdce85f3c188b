/**
 * Why a fan-out goes no further (DESIGN 7.4). Recorded in its head, so that whoever looks at it comes to
 * the same end. `at` is in milliseconds since the epoch.
 */
export type Stop =
  | (Where & { readonly reason: 'failures'; readonly failed: number; readonly allowed: number })
  | (Where & { readonly reason: 'too-few'; readonly possible: number; readonly needed: number })
  | (Where & { readonly reason: 'deadline'; readonly limitMs: number })
  | (InRing & { readonly reason: 'success'; readonly passed: number; readonly needed: number })
  | (InRing & { readonly reason: 'nobody' })
  | { readonly reason: 'overlong'; readonly at: number; readonly limitMs: number }
  | { readonly reason: 'aborted'; readonly at: number; readonly by: string }

interface InRing {
  readonly at: number
  readonly ring: string
}

interface Where extends InRing {
  readonly geo: string
}

/** A stop as part of a sentence: `stopped in early (eu): 2 failed, 1 allowed`. */
export function stopMessage(stop: Stop): string {
  switch (stop.reason) {
    case 'failures':
      return `stopped in ${place(stop)}: ${stop.failed} failed, ${stop.allowed} allowed`
    case 'too-few':
      return `stopped in ${place(stop)}: ${stop.possible} can still pass, ${stop.needed} must`
    case 'deadline':
      return `stopped in ${place(stop)}: not done within ${span(stop.limitMs)}`
    case 'success':
      return `stopped in ${stop.ring}: ${stop.passed} passed, ${stop.needed} must`
    case 'nobody':
      return `stopped in ${stop.ring}: no stamp passed`
    case 'overlong':
      return `stopped: not over after ${span(stop.limitMs)}`
    case 'aborted':
      return `aborted by ${stop.by}`
  }
}

function place({ ring, geo }: Where): string {
  return `${ring} (${geo})`
}

const UNITS = [
  ['d', 86_400_000],
  ['h', 3_600_000],
  ['m', 60_000],
  ['s', 1_000],
] as const

function span(ms: number): string {
  const unit = UNITS.find(([, size]) => ms >= size && ms % size === 0)
  return unit === undefined ? `${ms}ms` : `${ms / unit[1]}${unit[0]}`
}
