import type { TunnelConfig } from '../../src/agent-tunnel.ts'
import type { ApiRule } from '../../src/domain/api-rules.ts'
import { DEFAULT_API_RULES, parseApiRule } from '../../src/domain/api-rules.ts'
import type { KeptnServiceName } from '../../src/domain/keptn-service.ts'

export function rules(...texts: readonly string[]): readonly ApiRule[] {
  return texts.map((text) => {
    const rule = parseApiRule(text)
    if (rule === undefined) throw new Error(text)
    return rule
  })
}

/** All of Keptn's services at one address. */
export function servicesAt(url: string): Readonly<Record<KeptnServiceName, string>> {
  return {
    'shipyard-controller': url,
    'resource-service': url,
    'mongodb-datastore': url,
    'secret-service': url,
    'api-service': url,
  }
}

/** As an agent is told by default, but that nothing listens where Keptn's services would be. */
export function tunnelConfig(over: Partial<TunnelConfig> = {}): TunnelConfig {
  return {
    answerMs: 30_000,
    mostBodyBytes: 67_108_864,
    cacheBytes: 67_108_864,
    proxyPath: '/',
    eventPath: '/event',
    way: { kind: 'internal', urls: servicesAt('http://127.0.0.1:9') },
    rules: rules(...DEFAULT_API_RULES),
    limits: { mostCalls: 256, mostBytes: 67_108_864 },
    ...over,
  }
}
