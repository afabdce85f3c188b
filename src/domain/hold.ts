import type { FanOut, Paused, TargetRecords } from './fanout.ts'
import { clipText } from './fanout.ts'
import { wavesOf } from './standing.ts'
import type { Stop } from './stop.ts'

/**
 * Who holds a fan-out back, and who ends it (DESIGN 7.4). Each function returns the head as it is to be
 * written, or the same one where nothing changes. Times are milliseconds since the epoch.
 */

/** As much of a name as is kept and told. */
const NAME_LIMIT = 64

/** Nobody whose turn has not come begins, until `resume`. Only a fan-out in waves can be held back. */
export function pauseByHand(head: FanOut, by: string, at: number): FanOut {
  if (!isHoldable(head) || head.paused?.hand !== undefined) return head
  const hand = { by: clipText(by, NAME_LIMIT), at }
  return { ...head, paused: { since: at, ...head.paused, hand } }
}

export function resumeByHand(head: FanOut, records: TargetRecords, at: number): FanOut {
  if (head.paused?.hand === undefined || head.settlement !== undefined) return head
  const { hand: _, ...rest } = head.paused
  return released(head, rest, records, at)
}

/** Takes over what Keptn says of the sequence: paused or not (wire 6.7). */
export function holdAsKeptn(
  head: FanOut,
  isPaused: boolean,
  records: TargetRecords,
  at: number,
): FanOut {
  if (isPaused === (head.paused?.keptn !== undefined)) return head
  if (isPaused)
    return isHoldable(head)
      ? { ...head, paused: { since: at, ...head.paused, keptn: { at } } }
      : head
  const { keptn: _, ...rest } = head.paused ?? { since: at }
  return released(head, rest, records, at)
}

/** Ends it as failed: nobody begins any more, and nobody is waited for. */
export function abortByHand(head: FanOut, by: string, at: number): FanOut {
  if (head.stop?.reason === 'aborted') return head
  return stopAt(head, { reason: 'aborted', at, by: clipText(by, NAME_LIMIT) })
}

/** Records why it goes no further; the first reason stands, unless it is an abort that follows. */
export function stopAt(head: FanOut, stop: Stop): FanOut {
  if (head.settlement !== undefined) return head
  if (head.stop !== undefined && stop.reason !== 'aborted') return head
  const { paused: _, ...rest } = head
  return { ...rest, stop }
}

function isHoldable({ waves, stop, settlement }: FanOut): boolean {
  return waves !== undefined && stop === undefined && settlement === undefined
}

function released(head: FanOut, rest: Paused, records: TargetRecords, at: number): FanOut {
  if (rest.hand !== undefined || rest.keptn !== undefined) return { ...head, paused: rest }
  const { paused: _, ...free } = head
  const current = wavesOf(head, records, at).findLast(({ begunAt }) => begunAt !== undefined)
  if (current?.begunAt === undefined) return free
  const { ring } = current.wave
  const ms = Math.max(0, at - Math.max(rest.since, current.begunAt))
  return { ...free, heldMs: { ...head.heldMs, [ring]: (head.heldMs?.[ring] ?? 0) + ms } }
}
