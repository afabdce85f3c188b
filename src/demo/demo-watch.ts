import type { NatsConnection } from '@nats-io/transport-node'
import { PATH } from '../links/header-names.ts'
import type { News } from './demo-board.ts'
import { demoNames } from './demo-plan.ts'
import type { Federation } from './federation.ts'
import type { Change } from './keptn/changes.ts'
import { decodeEvent } from './keptn/go-decode.ts'
import { parseEventType } from './keptn/keptn-event.ts'
import { connectLikeKeptn } from './keptn/nats-connection.ts'

/**
 * Listens in each stamp with a plain subscription beside its integrations, which neither takes anything
 * from anybody nor is waited for. Ends with `close` of the connections that it returns.
 */
export async function watchStamps(
  federation: Federation,
  now: () => number,
  hear: (news: News) => void,
): Promise<readonly NatsConnection[]> {
  const names = federation.options.stamps.map(({ name }) => name)
  const outcomes = await Promise.allSettled(
    names.map((stamp) => watchStamp(federation, stamp, now, hear)),
  )
  const connections = outcomes.flatMap((each) => (each.status === 'fulfilled' ? [each.value] : []))
  const failure = outcomes.find((each) => each.status === 'rejected')
  if (failure === undefined) return connections
  await Promise.all(connections.map((nc) => nc.close()))
  throw failure.reason
}

async function watchStamp(
  federation: Federation,
  stamp: string,
  now: () => number,
  hear: (news: News) => void,
): Promise<NatsConnection> {
  const nc = await connectLikeKeptn({ natsUrl: federation.supercluster.keptn(stamp).url }, 'watch')
  nc.subscribe('sh.keptn.event.>', {
    callback: (error, message) => {
      if (error !== null) return
      // What came in from outside has a path: of that only tasks count, not answers of the hub.
      const isFromOutside = message.headers?.has(PATH) === true
      const type = parseEventType(message.subject)
      if (type?.of !== 'task') return
      const { task, kind: verb } = type
      if (verb !== 'triggered' && verb !== 'started' && verb !== 'finished') return
      if (isFromOutside !== (verb === 'triggered')) return
      hear({ kind: 'stamp', at: now(), stamp, task, verb, result: resultOf(message.string()) })
    },
  })
  await nc.flush()
  return nc
}

function resultOf(payload: string): string {
  const decoded = decodeEvent(payload)
  const data = decoded.ok ? decoded.value.data : undefined
  const { result } = (data ?? {}) as { readonly result?: unknown }
  return typeof result === 'string' ? result : ''
}

/** What a change in the control plane is for a viewer; undefined where it is nothing to show. */
export function newsOf(change: Change, at: number): News | undefined {
  if (change.sequence !== demoNames.sequence) return undefined
  const { stage } = change
  switch (change.kind) {
    case 'sequence.triggered':
    case 'sequence.waiting':
    case 'task.started':
    case 'task.finished':
      return undefined
    case 'sequence.started':
      return { kind: 'stage started', at, stage }
    case 'sequence.finished':
      return { kind: 'stage finished', at, stage, result: change.result }
    case 'task.triggered':
      return { kind: 'task triggered', at, stage, task: change.task, result: '' }
    case 'task.completed':
      return { kind: 'task completed', at, stage, task: change.task, result: change.result }
  }
}
