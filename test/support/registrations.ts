import type { KeptnEvent } from '../../src/domain/event.ts'
import { parseEvent } from '../../src/domain/event.ts'
import type { Registration } from '../../src/domain/registration.ts'
import { CoreMessages } from '../../src/links/core-messages.ts'
import { NatsSide } from '../../src/links/nats-side.ts'
import { Store } from '../../src/links/store.ts'
import { createLog } from '../../src/observe/log.ts'
import type { Log } from '../../src/observe/log.ts'
import { Metrics } from '../../src/observe/metrics.ts'
import { Registrations } from '../../src/stamp/registrations.ts'

export const DEPLOYMENT = 'sh.keptn.event.deployment.triggered'
export const TEST = 'sh.keptn.event.test.triggered'

export const silent = createLog('silent', {})

interface Wanted {
  readonly name?: string
  readonly namespace?: string
  readonly hostname?: string
  readonly version?: string
  readonly events?: readonly string[]
  readonly stages?: readonly string[]
}

/** What an integration sends to register. */
export function wanted(over: Wanted = {}): Registration {
  const { name = 'helm-service', namespace = 'keptn', hostname = 'node-1', version = '1.0' } = over
  return {
    id: '',
    name,
    metadata: {
      hostname,
      integrationversion: version,
      distributorversion: '0.15.0',
      location: 'control-plane',
      kubernetesmetadata: { namespace, podname: `${name}-0`, deploymentname: name },
      lastseen: '0001-01-01T00:00:00Z',
    },
    subscriptions: (over.events ?? [DEPLOYMENT]).map((event) => ({
      id: '',
      event,
      filter: { projects: [], stages: over.stages ?? [], services: [] },
    })),
  }
}

let count = 0

/** The text of an event of that type. */
export function eventText(type: string, data: object = {}, context = 'context'): string {
  count += 1
  return JSON.stringify({
    specversion: '1.0',
    id: `00000000-0000-4000-8000-${String(count).padStart(12, '0')}`,
    source: 'shipyard-controller',
    type,
    time: '2026-01-01T10:00:00Z',
    shkeptncontext: context,
    data: { project: 'shop', stage: 'dev', service: 'cart', ...data },
  })
}

export function event(type: string, data: object = {}): KeptnEvent {
  const parsed = parseEvent(eventText(type, data))
  if (!parsed.ok) throw new Error(parsed.detail)
  return parsed.event
}

/** Registrations in memory only: never started, and so without a record. */
export function registrations(
  over: { now?: () => number; maxBytes?: number; log?: Log } = {},
): Registrations {
  const side = new NatsSide({
    side: 'keptn',
    address: { servers: [], auth: {} },
    clientName: 'test',
    inboxPrefix: '_INBOX.test',
    events: { connected: () => {}, disconnected: () => {}, error: () => {} },
  })
  return new Registrations({
    keptnStore: new Store(side),
    messages: new CoreMessages(side),
    onConnect: (listener) => {
      side.onConnect(listener)
    },
    now: over.now ?? (() => performance.timeOrigin + performance.now()),
    maxBytes: () => over.maxBytes ?? 500_000,
    log: over.log ?? silent,
    metrics: new Metrics(),
  })
}

/** Registers, and returns the id. */
export async function registered(stamp: Registrations, over: Wanted = {}): Promise<string> {
  const answer = await stamp.register(wanted(over))
  if (answer.kind !== 'created' && answer.kind !== 'existing') throw new Error(answer.kind)
  return answer.registration.id
}
