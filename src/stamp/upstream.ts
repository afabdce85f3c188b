import { LOG_TAIL } from '../domain/residency.ts'
import type { Stamp } from '../domain/topology.ts'
import type { UpstreamPace } from '../domain/upstream-schedule.ts'
import type { Border } from '../flow/border.ts'
import type { Log } from '../observe/log.ts'
import type { Metrics } from '../observe/metrics.ts'
import type { KeptnCaller } from '../tunnel/keptn-caller.ts'
import type { LogsAnswer } from './integration-logs.ts'
import { IntegrationLogs } from './integration-logs.ts'
import type { Registrations } from './registrations.ts'
import { RegistrationsUplink } from './registrations-uplink.ts'
import { UpstreamUniform } from './upstream-uniform.ts'
import { UpstreamVisit } from './upstream-visit.ts'

export interface UpstreamOptions {
  readonly caller: KeptnCaller
  readonly registrations: Registrations
  /** Where this stamp stands now. */
  readonly place: () => Pick<Stamp, 'geo' | 'ring' | 'name'>
  /** What logs cross on their way to the control plane, and the geo of that. */
  readonly border: { readonly border: Border; readonly to: string }
  readonly now: () => number
  /** Where it is not the usual one. */
  readonly pace?: UpstreamPace | undefined
  readonly log: Log
  readonly metrics: Metrics
}

/** What brings the logs of integrations to the control plane; any agent of a stamp does. */
export function logsUpstream(
  options: UpstreamOptions,
): (logs: readonly unknown[]) => Promise<LogsAnswer> {
  const { border, place } = options
  const way = () => ({ from: [place().geo], to: border.to, tail: LOG_TAIL })
  const logs = new IntegrationLogs({ ...options, border: border.border, way })
  return (list) => logs.bring(list)
}

/** What tells it of registrations; made for each time that this agent of the stamp leads. */
export function registrationsUpstream(options: UpstreamOptions): RegistrationsUplink {
  const { caller, metrics, pace, place, border: _, ...rest } = options
  const visit = new UpstreamVisit({
    ...rest,
    place: () => {
      const { geo, ring, name } = place()
      return { geo, ring, stamp: name }
    },
    uniform: new UpstreamUniform(caller, metrics),
  })
  return new RegistrationsUplink({ ...rest, visit, ...(pace === undefined ? {} : { pace }) })
}
