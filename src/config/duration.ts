/**
 * Durations as people write them in topology files and settings: `10m`, `2h`, `30s`, `500ms`, `1h30m`,
 * `7d`. Whole numbers, larger units first, each unit at most once.
 */

const UNITS = [
  ['d', 86_400_000],
  ['h', 3_600_000],
  ['m', 60_000],
  ['s', 1_000],
  ['ms', 1],
] as const

/** The grammar, also for editors. */
export const DURATION_PATTERN = /^(?=\d)(\d+d)?(\d+h)?(\d+m)?(\d+s)?(\d+ms)?$/

/** What a duration looks like, for messages. */
export const DURATION_RULE = 'a duration such as 500ms, 30s, 5m, 1h30m or 7d'

/** The milliseconds of a duration; undefined where `text` is none, or is too long to count exactly. */
export function parseDuration(text: string): number | undefined {
  const match = DURATION_PATTERN.exec(text)
  if (match === null) return undefined
  const totalMs = UNITS.reduce(
    (sum, [, unitMs], index) => sum + Number.parseInt(match[index + 1] ?? '0', 10) * unitMs,
    0,
  )
  return Number.isSafeInteger(totalMs) ? totalMs : undefined
}

/** The shortest text that `parseDuration` reads as these milliseconds, a whole number of them. */
export function formatDuration(durationMs: number): string {
  let rest = durationMs
  let text = ''
  for (const [unit, unitMs] of UNITS) {
    const count = Math.floor(rest / unitMs)
    if (count > 0) text += `${count}${unit}`
    rest -= count * unitMs
  }
  return text === '' ? '0s' : text
}
