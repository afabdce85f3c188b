import { createHash } from 'node:crypto'
import type { Shipyard } from './shipyard.ts'

/** How to reach a NATS server. Credentials never go into the URL. */
export interface NatsAccess {
  readonly natsUrl: string
  readonly natsUser?: string
  readonly natsPassword?: string
}

/** What a Keptn double is made of. All durations are in milliseconds; defaults are Keptn's. */
export interface KeptnDoubleOptions extends NatsAccess {
  /** The shipyard of the one project, named by `project`, or one for each of several. */
  readonly shipyard: Shipyard | Readonly<Record<string, Shipyard>>
  /** Name of the one project; default `shop`. */
  readonly project?: string
  /** Default 127.0.0.1. */
  readonly host?: string
  /** Default 0: any free one, the same after a restart. */
  readonly port?: number
  /** UNIFORM_INTEGRATION_TTL; 48 h in the chart (wire 4.3). */
  readonly integrationTtlMs?: number
  /** How often expired registrations are removed; MongoDB's 60 s. */
  readonly ttlSweepMs?: number
  /** How often the queues of events and sequences are looked at; 10 s (wire 6.7). */
  readonly dispatchMs?: number
  /** How long a task may go unanswered; 10 min (wire 6.6). */
  readonly taskStartedWaitMs?: number
  /** How often that is looked at; 1 min. */
  readonly watcherMs?: number
  /** The consumer's ack wait; 30 s (wire 1.7). */
  readonly ackWaitMs?: number
  /** How long a round trip to the database takes; 0 means one turn of the event loop. */
  readonly storeMs?: number
  /** Asked for as `x-token` by the public routes and api-service; default none. */
  readonly token?: string
  /** EVENT_VALIDATION_ENABLED; default false, as in the chart (wire 5.2). */
  readonly validateEvents?: boolean
  /** Whether pages of open events repeat the newest; default true, as in Keptn (wire 5.1). */
  readonly paginationBug?: boolean
  /** KEPTN_SPEC_VERSION; default 0.2.4. */
  readonly specVersion?: string
  /** The commit of a stage's branch; default a constant for each stage. */
  readonly commitOf?: (project: string, stage: string) => string
}

/** The options with every default filled in. */
export type ResolvedOptions = Required<
  Omit<KeptnDoubleOptions, 'shipyard' | 'project' | 'token' | 'natsUser' | 'natsPassword'>
> & {
  readonly shipyards: Readonly<Record<string, Shipyard>>
  readonly token: string | undefined
  readonly natsUser: string | undefined
  readonly natsPassword: string | undefined
}

export function resolveOptions(options: KeptnDoubleOptions): ResolvedOptions {
  const { shipyard, project = 'shop', token, natsUser, natsPassword, ...rest } = options
  return {
    host: '127.0.0.1',
    port: 0,
    integrationTtlMs: 48 * 3_600_000,
    ttlSweepMs: 60_000,
    dispatchMs: 10_000,
    taskStartedWaitMs: 10 * 60_000,
    watcherMs: 60_000,
    ackWaitMs: 30_000,
    storeMs: 0,
    validateEvents: false,
    paginationBug: true,
    specVersion: '0.2.4',
    commitOf: (name, stage) => createHash('sha1').update(`${name}/${stage}`).digest('hex'),
    ...rest,
    shipyards: isOneShipyard(shipyard) ? { [project]: shipyard } : shipyard,
    token,
    natsUser,
    natsPassword,
  }
}

function isOneShipyard(
  shipyard: Shipyard | Readonly<Record<string, Shipyard>>,
): shipyard is Shipyard {
  return 'spec' in shipyard && 'stages' in shipyard.spec
}
