import { readdir, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { parse } from 'yaml'

/** An alert of deploy/prometheus/rules.yaml. */
export interface AlertRule {
  readonly alert: string
  readonly expr: string
  readonly for?: string
  readonly labels: Readonly<Record<string, string>>
  readonly annotations: Readonly<Record<string, string>>
}

/** A panel of a dashboard in deploy/grafana. */
export interface PanelJson {
  readonly id: number
  readonly type: string
  readonly title: string
  readonly description?: string
  readonly gridPos: Readonly<Record<'x' | 'y' | 'w' | 'h', number>>
  readonly fieldConfig?: { readonly defaults: { readonly unit?: string } }
  readonly targets?: readonly {
    readonly refId: string
    readonly expr: string
    readonly legendFormat: string
    readonly instant: boolean
  }[]
}

export interface DashboardJson {
  readonly uid: string
  readonly title: string
  readonly schemaVersion: number
  readonly panels: readonly PanelJson[]
  readonly templating: {
    readonly list: readonly { readonly name: string; readonly query: unknown }[]
  }
}

export const RULES = join('deploy', 'prometheus', 'rules.yaml')
export const RULE_TESTS = join('deploy', 'prometheus', 'rules.test.yaml')
const DASHBOARDS = join('deploy', 'grafana')

export async function alertRules(): Promise<readonly AlertRule[]> {
  const { groups } = parse(await readFile(RULES, 'utf8')) as {
    groups: readonly { rules: readonly AlertRule[] }[]
  }
  return groups.flatMap(({ rules }) => rules)
}

/** All dashboards, by the name of their file. */
export async function dashboards(): Promise<ReadonlyMap<string, DashboardJson>> {
  const files = (await readdir(DASHBOARDS)).filter((name) => name.endsWith('.json'))
  const read = files.map(async (name) => {
    const text = await readFile(join(DASHBOARDS, name), 'utf8')
    return [name, JSON.parse(text) as DashboardJson] as const
  })
  return new Map(await Promise.all(read))
}

/** A query of a panel as Grafana would send it: all stamps, and these spans of time. */
export function filledIn(expr: string, interval = '5m', range = '1h'): string {
  return expr
    .replaceAll('$__rate_interval', interval)
    .replaceAll('$__range', range)
    .replaceAll(/\$(?:geo|ring|stamp)\b/g, '.*')
}
