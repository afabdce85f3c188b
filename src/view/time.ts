const SECOND = 1_000
const MINUTE = 60 * SECOND
const HOUR = 60 * MINUTE
const DAY = 24 * HOUR

/** About how long: `12 s`, `3 min`, `5 h`, `2 d`, of milliseconds; never below zero. */
export function age(ms: number): string {
  if (ms < MINUTE) return `${Math.max(0, Math.round(ms / SECOND))} s`
  if (ms < HOUR) return `${Math.floor(ms / MINUTE)} min`
  return ms < 2 * DAY ? `${Math.floor(ms / HOUR)} h` : `${Math.floor(ms / DAY)} d`
}

/** How long something took: `7 ms`, `1.24 s`, `3 min 5 s`, `2 h`. */
export function took(ms: number): string {
  const size = Math.abs(ms)
  if (ms < 0) return `-${took(size)}`
  if (size < SECOND) return `${Math.round(size)} ms`
  if (size < 10 * SECOND) return `${(size / SECOND).toFixed(2)} s`
  if (size < 2 * MINUTE) return `${(size / SECOND).toFixed(1)} s`
  const [large, small, whole, rest] =
    size < 2 * HOUR
      ? ([MINUTE, SECOND, 'min', 's'] as const)
      : ([HOUR, MINUTE, 'h', 'min'] as const)
  const units = Math.round(size / small)
  const each = large / small
  const over = units % each
  return `${Math.floor(units / each)} ${whole}${over === 0 ? '' : ` ${over} ${rest}`}`
}

/** The time of day of an ISO 8601 text, as it stands there: `13:05:01`, or with its milliseconds. */
export function timeOfDay(iso: string, precision: 's' | 'ms' = 's'): string {
  return iso.slice(11, precision === 's' ? 19 : 23)
}

/** Date and time of an ISO 8601 text, to the second, with its zone. */
export function dateAndTime(iso: string): string {
  return `${iso.slice(0, 10)} ${timeOfDay(iso)} UTC`
}

/** How long from one ISO 8601 text to another, in milliseconds. */
export function between(from: string, to: string): number {
  return Date.parse(to) - Date.parse(from)
}
