import type { FederationStatus, OpenRollout, StampStatus } from '../domain/federation-status.ts'
import type { FanOut } from '../domain/fanout.ts'
import { durableName } from '../domain/store-names.ts'
import type { Stamp } from '../domain/topology.ts'
import type { ConsumerLag } from '../links/consumer-lags.ts'
import { consumerLags } from '../links/consumer-lags.ts'
import { controlHandler } from './control-handler.ts'
import type { ControlHandler } from './control-handler.ts'
import type { HubParts } from './control-handlers.ts'

/** What the hub store says; undefined where it does not answer, which must not hide all else. */
interface StoreFacts {
  readonly lags: ReadonlyMap<string, ConsumerLag>
  readonly deadLetters: number
}

/** However many watch, the hub store is asked this often at most, in milliseconds. */
const STORE_FACTS_MS = 1_000

/** `status`: the federation as the hub sees it. */
export function statusHandler(parts: HubParts): ControlHandler {
  let asked: { readonly at: number; readonly facts: Promise<StoreFacts | undefined> } | undefined
  const storeFacts = (): Promise<StoreFacts | undefined> => {
    const now = parts.now()
    if (asked === undefined || now - asked.at > STORE_FACTS_MS)
      asked = { at: now, facts: askStore(parts).catch(() => undefined) }
    return asked.facts
  }
  return controlHandler({
    verb: 'status',
    changes: false,
    read: () => undefined,
    handle: async () => federationStatus(parts, await storeFacts()),
  })
}

async function askStore({ hubStore, names }: HubParts): Promise<StoreFacts> {
  const lags = await consumerLags(hubStore, names.down)
  const deadLetters = await hubStore.stream(names.deadLetters)
  return { lags, deadLetters: deadLetters?.messages ?? 0 }
}

function federationStatus(parts: HubParts, facts: StoreFacts | undefined): FederationStatus {
  const { version, controlPlane, fanOuts, notReady, now } = parts
  const topology = parts.topology.current
  const reason = notReady()
  return {
    at: iso(now()),
    federation: topology.federation,
    controlPlane: controlPlane.name,
    hub: {
      ...controlPlane.home,
      version,
      ready: reason === undefined,
      ...(reason === undefined ? {} : { reason }),
    },
    stamps: topology.stamps
      .filter(({ name }) => name !== controlPlane.home.stamp)
      .map((stamp) => stampStatus(parts, stamp, facts)),
    rollouts: fanOuts.heads().map(openRollout),
    deadLetters: facts?.deadLetters ?? null,
  }
}

function stampStatus(
  { registry }: HubParts,
  { name, geo, ring, link }: Stamp,
  facts: StoreFacts | undefined,
): StampStatus {
  const record = registry.record(name)
  const lag = facts?.lags.get(durableName(name))
  const online = record !== undefined && registry.isOnline(name)
  return {
    stamp: name,
    geo,
    ring,
    link,
    online,
    ...(online ? { since: iso(record.onlineSince) } : {}),
    ...(record === undefined
      ? {}
      : { heardAt: iso(record.heardAt), agent: record.agent, keptn: record.keptn }),
    integrations: record?.integrations?.length ?? null,
    pending: lag?.pending ?? null,
    unacknowledged: lag?.unacknowledged ?? null,
  }
}

function openRollout(head: FanOut): OpenRollout {
  const { id, task, context, project, stage, service, openedAt, targets } = head
  return {
    id,
    task,
    context,
    project,
    stage,
    service,
    openedAt: iso(openedAt),
    targets: targets.length,
  }
}

function iso(ms: number): string {
  return new Date(ms).toISOString()
}
