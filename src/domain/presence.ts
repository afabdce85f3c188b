import type { Integration, Subscription } from './interest.ts'
import { isJsonObject } from './json.ts'

/** What a stamp says of itself every few seconds. Who says it is in the subject, not here (DESIGN 4). */
export interface Presence {
  readonly version: 1
  /** The agent's version. */
  readonly agent: string
  /** Whether the stamp's Keptn NATS is connected. */
  readonly keptn: boolean
  /** What its integrations registered for; null where nothing is known. */
  readonly integrations: readonly Integration[] | null
  /** How many of them are alive; older agents do not say, as with what follows. */
  readonly alive?: number
  /** By which link it is heard. */
  readonly link?: LinkInUse
  /** The ids of the stamp's agents, of which one speaks. */
  readonly agents?: readonly string[]
}

/** How a stamp reaches its control plane at the moment. */
export type LinkInUse = 'nats' | 'https'

/** A message must not grow with what somebody calls an agent. */
const MOST_AGENTS = 1_000

/** Reads a presence message; undefined where it is none. Extra fields are left for newer agents. */
export function parsePresence(json: unknown): Presence | undefined {
  if (!isJsonObject(json) || json['version'] !== 1) return undefined
  const { agent, keptn, integrations, alive, link, agents } = json
  if (typeof agent !== 'string' || typeof keptn !== 'boolean') return undefined
  const read = integrations === null ? null : parseIntegrations(integrations)
  if (read === undefined) return undefined
  return {
    version: 1,
    agent,
    keptn,
    integrations: read,
    ...(typeof alive === 'number' ? { alive } : {}),
    ...(link === 'nats' || link === 'https' ? { link } : {}),
    ...(Array.isArray(agents) ? { agents: strings(agents).slice(0, MOST_AGENTS) } : {}),
  }
}

/** Reads a list of integrations; undefined where it is none. */
export function parseIntegrations(json: unknown): Integration[] | undefined {
  if (!Array.isArray(json)) return undefined
  const integrations: Integration[] = []
  for (const item of json as unknown[]) {
    if (!isJsonObject(item) || typeof item['name'] !== 'string') return undefined
    const subscriptions = parseSubscriptions(item['subscriptions'])
    if (subscriptions === undefined) return undefined
    const { name, alive } = item
    integrations.push({ name, subscriptions, ...(typeof alive === 'boolean' ? { alive } : {}) })
  }
  return integrations
}

/** Reads subscriptions as Uniform writes them: filters may be missing or null (wire 4.1). */
export function parseSubscriptions(json: unknown): Subscription[] | undefined {
  if (json === undefined || json === null) return []
  if (!Array.isArray(json)) return undefined
  const subscriptions: Subscription[] = []
  for (const item of json as unknown[]) {
    if (!isJsonObject(item) || typeof item['event'] !== 'string') return undefined
    const filter = isJsonObject(item['filter']) ? item['filter'] : {}
    subscriptions.push({
      event: item['event'],
      filter: {
        projects: strings(filter['projects']),
        stages: strings(filter['stages']),
        services: strings(filter['services']),
      },
    })
  }
  return subscriptions
}

function strings(value: unknown): string[] {
  return Array.isArray(value) ? value.filter((item) => typeof item === 'string') : []
}
