import type { FederationStatus, StampStatus } from '../domain/federation-status.ts'
import type { ListedStamp } from '../domain/listed-stamp.ts'
import { durableName } from '../domain/store-names.ts'
import type { ConsumerLag } from '../links/consumer-lags.ts'
import { consumerLags } from '../links/consumer-lags.ts'
import { controlHandler } from './control-handler.ts'
import type { ControlHandler } from './control-handler.ts'
import type { HubParts } from './control-handlers.ts'
import { openRollouts } from './rollout-handlers.ts'

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
  const { version, topology, controlPlane, stamps, notReady, now } = parts
  const reason = notReady()
  return {
    at: iso(now()),
    federation: topology.current.federation,
    controlPlane: controlPlane.name,
    hub: {
      ...controlPlane.home,
      version,
      ready: reason === undefined,
      ...(reason === undefined ? {} : { reason }),
    },
    stamps: stamps()
      .filter(({ stamp }) => stamp !== controlPlane.home.stamp)
      .map((stamp) => stampStatus(parts, stamp, facts)),
    rollouts: openRollouts(parts),
    deadLetters: facts?.deadLetters ?? null,
  }
}

function stampStatus(
  { registry }: HubParts,
  stamp: ListedStamp,
  facts: StoreFacts | undefined,
): StampStatus {
  const record = registry.record(stamp.stamp)
  const lag = facts?.lags.get(durableName(stamp.stamp))
  return {
    ...stamp,
    ...(record === undefined ? {} : { keptn: record.keptn }),
    pending: lag?.pending ?? null,
    unacknowledged: lag?.unacknowledged ?? null,
  }
}

function iso(ms: number): string {
  return new Date(ms).toISOString()
}
