import type { Exporter, MetricFacts } from '../src/observe/instruments.ts'
import { LABEL_LIMITS, OTHER } from '../src/observe/instruments.ts'
import { Metrics } from '../src/observe/metrics.ts'

const BY: Readonly<Record<Exporter, string>> = {
  agent: 'each agent',
  leader: 'the leader',
  hub: 'the hub',
}

const LABELS: Readonly<Record<keyof typeof LABEL_LIMITS, string>> = {
  direction:
    '`down` from Keptn to stamps, `up` from them to Keptn, and what each metric says besides',
  link: '`gateway`, `keptn`, `https`; of a stamp’s link to its control plane `nats` or `https`',
  result: 'what became of it',
  reason: 'why, in the words of [errors.md](errors.md)',
  task: 'a task of Keptn',
  geo: 'where the stamp stands, or where the one stands that the metric is about',
  ring: 'the same; absent for a home stamp that no ring lists',
  stamp: 'the same',
}

/** `docs/metrics.md`: every metric, from the registry of an agent. */
export async function metricsPage(): Promise<string> {
  const metrics = new Metrics()
  const types = new Map(
    (await metrics.registry.getMetricsAsJSON()).map(({ name, type }) => [name, String(type)]),
  )
  return [
    '<!-- Generated from src/observe by `npm run docs`; do not edit. -->',
    '',
    '# Metrics',
    '',
    'What an agent exports at `/metrics` of its admin port (`SIGNET_ADMIN_PORT`), in the text format of Prometheus. Every series',
    'carries `geo`, `ring` and `stamp` of its agent; where a metric is about another stamp, that one’s. Beside these there are the',
    'usual `process_` and `nodejs_` metrics. Rules and dashboards over them are in `deploy/prometheus` and `deploy/grafana`;',
    '[runbooks.md](runbooks.md) has what to do when an alert fires.',
    '',
    'Several agents run in a stamp, and one leads. _From_ says who exports a metric: each agent; the leader of each stamp; or the hub,',
    'which is the leader of the home stamp. What only a leader knows about now (the gauges) is not exported by the others, and no more',
    'by one that was the leader; its counters and histograms stay, since they only grow.',
    '',
    ...section('Gauges', 'gauge'),
    ...section('Counters', 'counter'),
    'A counter with labels appears with its first event; without labels it is 0 from the start.',
    '',
    ...section('Histograms', 'histogram'),
    'In seconds, but for `signet_fanout_targets`.',
    '',
    '## Labels',
    '',
    `One metric tells so many values of a label apart; all others, and those above 100 characters, are counted as \`${OTHER}\`.`,
    '',
    ...table(
      ['label', 'values', 'at most'],
      Object.entries(LABELS).map(([label, text]) => [
        `\`${label}\``,
        text,
        String(LABEL_LIMITS[label as keyof typeof LABEL_LIMITS]),
      ]),
    ),
    '',
  ].join('\n')

  function section(title: string, type: string): string[] {
    const rows = metrics.facts.filter(({ name }) => types.get(name) === type).map(row)
    return [`## ${title}`, '', ...table(['metric', 'says', 'labels', 'from'], rows), '']
  }
}

function row({ name, help, labels, by }: MetricFacts): string[] {
  return [`\`${name}\``, help, labels.map((label) => `\`${label}\``).join(', '), BY[by]]
}

function table(head: readonly string[], rows: readonly (readonly string[])[]): string[] {
  return [head, head.map(() => '---'), ...rows].map((cells) => `| ${cells.join(' | ')} |`)
}
