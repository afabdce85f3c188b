import type { Metrics } from '../../src/observe/metrics.ts'

export type SeriesLabels = Readonly<Record<string, string>>

export interface Series {
  readonly name: string
  readonly labels: SeriesLabels
  readonly value: number
}

/** Every series of what `/metrics` answers. */
export function parseMetrics(text: string): readonly Series[] {
  return text
    .split('\n')
    .map((line) => /^([a-zA-Z_:][\w:]*)(?:\{(.*)\})? (\S+)$/.exec(line))
    .filter((found) => found !== null)
    .map(([, name = '', inner = '', value]) => ({
      name,
      labels: Object.fromEntries(
        [...inner.matchAll(/(\w+)="((?:[^"\\]|\\.)*)"/g)].map(([, label, text]) => [label, text]),
      ) as SeriesLabels,
      value: Number(value),
    }))
}

/** The sum of all series of a name that have these labels among theirs; undefined where there is none. */
export function sumOf(
  series: readonly Series[],
  name: string,
  labels: SeriesLabels = {},
): number | undefined {
  const found = series.filter(
    (it) =>
      it.name === name &&
      Object.entries(labels).every(([label, value]) => it.labels[label] === value),
  )
  return found.length === 0 ? undefined : found.reduce((sum, { value }) => sum + value, 0)
}

/** The same of an agent, by the address of its admin server. */
export async function scraped(
  adminUrl: string,
  name: string,
  labels?: SeriesLabels,
): Promise<number | undefined> {
  const response = await fetch(`${adminUrl}/metrics`)
  return sumOf(parseMetrics(await response.text()), name, labels)
}

/** The same of the metrics of a part that has no server. */
export async function counted(
  metrics: Metrics,
  name: string,
  labels?: SeriesLabels,
): Promise<number | undefined> {
  return sumOf(parseMetrics((await metrics.text()).text), name, labels)
}
