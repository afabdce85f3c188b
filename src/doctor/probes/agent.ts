import { isJsonObject, parseJsonObject } from '../../domain/json.ts'
import type { JsonObject } from '../../domain/json.ts'
import { Exchange } from '../../https/exchange.ts'
import type { AgentFacts } from '../facts.ts'

const CANARY = /^signet_canary_age_seconds(\{[^}]*\})? (\S+)$/gm
const TIMEOUT_MS = 4_000
const MOST_BYTES = 16 * 1_048_576

/** Asks the agent beside us, at its admin port. */
export async function askAgent(url: string, signal: AbortSignal): Promise<AgentFacts> {
  const exchange = new Exchange({
    proxies: {},
    verifyTls: true,
    timeoutMs: TIMEOUT_MS,
    maxAnswerBytes: MOST_BYTES,
  })
  const get = async (path: string): Promise<string | Error> => {
    const request = { method: 'GET', url: new URL(path, url), headers: {} } as const
    const exchanged = await exchange.send(request, signal)
    return exchanged.kind === 'answered' ? exchanged.answer.body.toString('utf8') : exchanged.error
  }
  try {
    const [status, ready, metrics] = await Promise.all(['/status', '/readyz', '/metrics'].map(get))
    if (typeof status !== 'string')
      return { kind: 'silent', url, why: status?.message ?? 'no answer' }
    return agentFacts(
      url,
      parseJsonObject(status) ?? {},
      parseJsonObject(typeof ready === 'string' ? ready : '') ?? {},
      typeof metrics === 'string' ? metrics : '',
    )
  } finally {
    await exchange.close()
  }
}

function agentFacts(
  url: string,
  status: JsonObject,
  ready: JsonObject,
  metrics: string,
): AgentFacts {
  const { federation, stamp, version, configuration, integrations } = status
  if (typeof federation !== 'string' || typeof stamp !== 'string' || typeof version !== 'string')
    return { kind: 'stranger', url }
  const topology = isJsonObject(configuration) ? configuration['topology'] : ''
  return {
    kind: 'agent',
    url,
    federation,
    stamp,
    version,
    topology: typeof topology === 'string' ? topology : '',
    reasons: texts(ready['reasons']),
    warnings: texts(ready['warnings']),
    silent: silentOnes(isJsonObject(integrations) ? integrations['list'] : []),
    canaries: [...metrics.matchAll(CANARY)].map(([, labels = '', age]) => ({
      way: labels === '' ? 'the link' : labels.slice(1, -1),
      ageS: Number(age),
    })),
  }
}

function silentOnes(list: unknown): readonly string[] {
  if (!Array.isArray(list)) return []
  return (list as readonly unknown[]).filter(isJsonObject).flatMap((it) => {
    const { name, namespace, alive, seenSecondsAgo } = it
    if (alive !== false) return []
    return [`${String(name)} in ${String(namespace)}: last seen ${String(seenSecondsAgo)} s ago`]
  })
}

function texts(value: unknown): readonly string[] {
  return Array.isArray(value) ? value.filter((item) => typeof item === 'string') : []
}
