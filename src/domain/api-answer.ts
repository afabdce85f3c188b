/**
 * What a status of the public Keptn API means for whoever asked. `unauthorized`: the credentials, and not
 * what was asked, are the trouble. `later`: trying again may help. `missing`: nothing of that name.
 * `refused`: what was asked can never succeed.
 */
export type AnswerKind = 'ok' | 'unauthorized' | 'missing' | 'later' | 'refused'

export function answerKind(status: number): AnswerKind {
  if (status >= 200 && status < 300) return 'ok'
  // 407: a proxy on the way wants credentials of its own.
  if (status === 401 || status === 403 || status === 407) return 'unauthorized'
  if (status === 404 || status === 405) return 'missing'
  if (status === 408 || status === 425 || status === 429 || status >= 500) return 'later'
  // Redirects too: Keptn's API makes none, so the endpoint is wrong, and a token must not follow them.
  return 'refused'
}

/**
 * Whether a request that was answered so may have been carried out all the same: a gateway gives up on a
 * backend that is at it, and a backend fails after it has done what was asked.
 */
export function mayHaveArrived(status: number): boolean {
  return status === 408 || status >= 500
}

/** A wait that nobody meant: a clock that is wrong must not silence a stamp for days. */
const MOST_RETRY_AFTER_MS = 15 * 60_000

/** `Retry-After` in milliseconds: seconds, or a date. Undefined where it says nothing. */
export function retryAfterMs(header: string | undefined, nowMs: number): number | undefined {
  const text = header?.trim() ?? ''
  const wait = /^\d{1,9}$/.test(text) ? Number(text) * 1_000 : Date.parse(text) - nowMs
  if (text === '' || Number.isNaN(wait)) return undefined
  return Math.min(MOST_RETRY_AFTER_MS, Math.max(0, wait))
}
