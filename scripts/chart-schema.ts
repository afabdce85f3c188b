import { readFile } from 'node:fs/promises'
import { z } from 'zod'
import { integrationsSchema } from '../src/config/integrations-schema.ts'
import type { Setting } from '../src/config/setting.ts'
import { settingGroups } from '../src/config/settings-schema.ts'

/** Where the chart lies. */
export const CHART = 'deploy/helm/signet'

/** Settings that the chart says itself, by values of its own; besides both NATS sides, all of which are. */
const OF_THE_CHART: ReadonlySet<string> = new Set([
  'stamp',
  'geo',
  'ring',
  'topology',
  'listen',
  'httpPort',
  'servicesPort',
  'adminPort',
  'drain',
  'keptnServices',
  'api.endpoint',
  'api.token',
  'api.tlsCa',
  'oauth.clientSecret',
  'distributor.podName',
])

export const SETTINGS: readonly Setting<unknown>[] = settingGroups.flatMap(({ table }) =>
  Object.values<Setting<unknown>>(table),
)

/** Whether the chart sets it, so that nobody else may. */
export function isOfTheChart({ name }: Setting<unknown>): boolean {
  return OF_THE_CHART.has(name) || /^(gateway|keptn)\./.test(name)
}

interface Node {
  properties?: Record<string, Node>
  [key: string]: unknown
}

/** `values.schema.json`, in which `settings` is made from the table of settings; the rest stays as it is. */
export async function chartSchema(): Promise<string> {
  const schema = JSON.parse(await readFile(`${CHART}/values.schema.json`, 'utf8')) as Node
  const { properties = {} } = schema
  return `${JSON.stringify({ ...schema, properties: { ...properties, settings: settingsNode() } }, null, 2)}\n`
}

/** The keys of a settings file that may stand in a ConfigMap: no secrets, and nothing that the chart says itself. */
function settingsNode(): Node {
  const root: Node = group('Made from the table of settings by `npm run docs`.')
  for (const setting of SETTINGS) {
    if (isOfTheChart(setting) || setting.isSecret === true) continue
    const path = setting.name.split('.')
    const key = path.pop() ?? ''
    let node = root
    for (const name of path) {
      node.properties ??= {}
      node = node.properties[name] ??= group()
    }
    node.properties ??= {}
    node.properties[key] = {
      description: setting.sentence,
      type: ['string', 'number', 'boolean', 'array'],
    }
  }
  const { properties = {} } = z.toJSONSchema(integrationsSchema, {
    io: 'input',
    // Helm reads patterns as Go does, which knows no look-ahead. The agent checks them in any case.
    override: ({ jsonSchema }) => {
      delete jsonSchema.pattern
    },
  })
  root.properties = { ...root.properties, integrations: properties['integrations'] as Node }
  return root
}

function group(description?: string): Node {
  return {
    ...(description !== undefined && { description }),
    type: 'object',
    additionalProperties: false,
    properties: {},
  }
}
