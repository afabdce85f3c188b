import type { FanOut, Target, TargetRecords } from './fanout.ts'
import { phaseOf } from './stamp-outcome.ts'

/**
 * Targets that NATS does not reach, because it is forbidden there or gone: they poll Keptn's API (DESIGN
 * 7.9). Keptn shows a task to whoever polls as soon as it is recorded (wire 5.1), to stamps of a later wave
 * too. So the hub tells in its `.status.changed` who has begun, and a stamp that polls waits for its name.
 */

/** Whether a stamp is heard over NATS, as far as that is known. */
type OnNats = (stamp: string) => boolean

/** Whether a target has to poll for what it is to do. */
export function isPolled({ link, stamp }: Target, onNats: OnNats): boolean {
  return link === 'https' || (link === 'auto' && !onNats(stamp))
}

/** The stamps that poll, whose turn has come, and that are waited for, at `now` (ms); in topology order. */
export function polledAndBegun(
  head: FanOut,
  records: TargetRecords,
  now: number,
  onNats: OnNats,
): readonly string[] {
  return head.targets.flatMap((target) => {
    if (!isPolled(target, onNats)) return []
    const { phase } = phaseOf(head, target, records.get(target.stamp), now)
    return phase === 'waiting' || phase === 'running' ? [target.stamp] : []
  })
}

/**
 * Whether Keptn is to be told `.started` without waiting for an answer: polls are slow, and its patience is
 * ten minutes (wire 6.6). Not for those of whom nobody knows whether they want the task: what somebody at
 * home takes up is withdrawn from them, and that ends with the `.started`.
 */
export function startsAtOnce({ targets }: FanOut, onNats: OnNats): boolean {
  return targets.some(
    (target) => target.given === 'sent' && !target.assumed && isPolled(target, onNats),
  )
}
