import type { Answer } from '../../src/domain/fanin.ts'
import type { FanOut, Target, TargetRecord } from '../../src/domain/fanout.ts'
import type { TaskPolicy } from '../../src/domain/topology.ts'
import { markStarted, takeAnswer } from '../../src/domain/fanin.ts'

export const OPENED = Date.parse('2026-03-01T10:00:00Z')
export const MINUTE = 60_000
export const HOUR = 60 * MINUTE

const POLICY: TaskPolicy = {
  select: 'all',
  success: 'all',
  startTimeoutMs: 5 * MINUTE,
  finishTimeoutMs: 2 * HOUR,
  offline: 'wait',
  missing: 'report',
}

export function target(stamp: string, more: Partial<Target> = {}): Target {
  return {
    stamp,
    geo: 'eu',
    ring: 'canary',
    answers: 1,
    exact: true,
    assumed: false,
    given: 'sent',
    ...more,
  }
}

export function targets(count: number): Target[] {
  return Array.from({ length: count }, (_, index) => target(`eu-${index + 1}`))
}

export function fanOut({
  policy,
  ...more
}: Partial<Omit<FanOut, 'policy'>> & { policy?: Partial<TaskPolicy> } = {}): FanOut {
  return {
    version: 1,
    id: 'T1',
    controlPlane: 'main',
    task: 'deployment',
    type: 'sh.keptn.event.deployment.triggered',
    context: 'C1',
    project: 'shop',
    stage: 'prod',
    service: 'cart',
    labels: {},
    gitcommitid: 'abc',
    shkeptnspecversion: '0.2.4',
    policy: { ...POLICY, ...policy },
    openedAt: OPENED,
    targets: targets(4),
    missing: [],
    ...more,
  }
}

/** An answer of one stamp; `at` in ms after the opening. */
export type StampAnswer = Answer & { readonly stamp: string }

export function started(stamp: string, at = 100, source = 'helm-service', nth = 1): StampAnswer {
  const eventId = `${stamp}:${source}:s${nth}`
  return { stamp, kind: 'started', eventId, source, at: OPENED + at }
}

export function finished(
  stamp: string,
  at = 200,
  more: Partial<{
    source: string
    nth: number
    seq: number
    result: string
    status: string
    message: string
  }> = {},
): StampAnswer {
  const { source = 'helm-service', nth = 1, ...rest } = more
  return {
    stamp,
    kind: 'finished',
    eventId: `${stamp}:${source}:f${nth}`,
    source,
    at: OPENED + at,
    seq: 1,
    result: 'pass',
    status: 'succeeded',
    message: '',
    ...rest,
  }
}

/** Takes answers one after the other, as the hub does: `.started` is decided with the first of them. */
export function take(
  opened: FanOut,
  answers: readonly StampAnswer[],
): { head: FanOut; records: Map<string, TargetRecord>; taken: string[] } {
  let head = opened
  const records = new Map<string, TargetRecord>()
  const taken: string[] = []
  for (const { stamp, ...answer } of answers) {
    const outcome = takeAnswer(head, targetOf(head, stamp), records.get(stamp), answer)
    taken.push(outcome.kind)
    if (outcome.kind !== 'recorded') continue
    records.set(stamp, outcome.record)
    head = markStarted(head, answer.at)
  }
  return { head, records, taken }
}

export function targetOf(head: FanOut, stamp: string): Target | undefined {
  return head.targets.find((candidate) => candidate.stamp === stamp)
}

const drained = () => false
const onNats = () => true
export const ALL_ONLINE = { online: () => true, onNats, onlineSince: () => OPENED - HOUR, drained }
export const ALL_OFFLINE = { online: () => false, onNats, onlineSince: () => Number.NaN, drained }
