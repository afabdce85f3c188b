import { readdir, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import test from 'ava'
import { parse } from 'yaml'
import { Metrics } from '../../src/observe/metrics.ts'
import { parseQuery } from '../support/promql.ts'
import { alertRules, dashboards, filledIn, RULE_TESTS } from '../support/watched-queries.ts'

/** Labels that every series has: the place of its agent, and what Prometheus adds of the scrape. */
const EVERYWHERE = ['geo', 'ring', 'stamp', 'instance']

/** Every series name that an agent exports, with its labels. */
async function exported(): Promise<ReadonlyMap<string, ReadonlySet<string>>> {
  const metrics = new Metrics()
  const own = new Map(metrics.facts.map(({ name, labels }) => [name, labels]))
  const names = new Map<string, ReadonlySet<string>>()
  for (const { name, type } of await metrics.registry.getMetricsAsJSON()) {
    const labels = [...EVERYWHERE, ...(own.get(name) ?? [])]
    if (String(type) !== 'histogram') names.set(name, new Set(labels))
    else {
      names.set(`${name}_bucket`, new Set([...labels, 'le']))
      for (const end of ['sum', 'count']) names.set(`${name}_${end}`, new Set(labels))
    }
  }
  return names
}

/** Every query of alerts and dashboards, with where it stands. */
async function queries(): Promise<readonly { readonly at: string; readonly expr: string }[]> {
  const found = (await alertRules()).map(({ alert, expr }) => ({ at: alert, expr }))
  for (const [file, { panels }] of await dashboards())
    for (const { title, targets = [] } of panels)
      for (const { expr } of targets) found.push({ at: `${file}: ${title}`, expr: filledIn(expr) })
  return found
}

test('alerts and dashboards ask only for names and labels that an agent exports', async (t) => {
  const names = await exported()
  const all = await queries()
  t.true(all.length > 60, 'queries are found at all')
  for (const { at, expr } of all) {
    const { selectors, groupings } = parseQuery(expr)
    t.true(selectors.length > 0, at)
    const known = new Set<string>()
    for (const { metric, labels } of selectors) {
      const own = names.get(metric)
      t.truthy(own, `${at}: ${metric}`)
      for (const label of own ?? []) known.add(label)
      for (const { name } of labels) t.true(own?.has(name), `${at}: ${metric}{${name}}`)
    }
    for (const label of groupings) t.true(known.has(label), `${at}: by ${label}`)
  }
})

test('the values that alerts and dashboards ask for are words of the code', async (t) => {
  const files = (await readdir('src', { recursive: true })).filter((name) => name.endsWith('.ts'))
  const source = (
    await Promise.all(files.map((name) => readFile(join('src', name), 'utf8')))
  ).join()
  let found = 0
  for (const { at, expr } of await queries()) {
    for (const { labels } of parseQuery(expr).selectors) {
      for (const { op, value } of labels) {
        if (value === '' || value === '.*') continue
        for (const word of op.includes('~') ? value.split('|') : [value]) {
          found += 1
          const isWord = new RegExp(`'${word}'|^ *${word}: `, 'm').test(source)
          t.true(isWord, `${at}: "${word}"`)
        }
      }
    }
  }
  t.true(found > 30, 'values are found at all')
})

test('every alert says how bad it is, what it means and where to read on', async (t) => {
  const alerts = await alertRules()
  t.is(new Set(alerts.map(({ alert }) => alert)).size, alerts.length)
  for (const { alert, labels, annotations } of alerts) {
    t.regex(alert, /^Signet[A-Z][A-Za-z]+$/)
    t.deepEqual(Object.keys(labels), ['severity'], alert)
    t.true(['critical', 'warning', 'info'].includes(labels['severity'] ?? ''), alert)
    t.deepEqual(Object.keys(annotations), ['summary', 'description', 'runbook_url'], alert)
    t.regex(annotations['summary'] ?? '', /\S{3}/, alert)
    t.regex(annotations['description'] ?? '', /\.$/, alert)
    t.is(annotations['runbook_url'], `docs/runbooks.md#${alert.toLowerCase()}`)
  }
})

test('docs/runbooks.md has a section for each alert, and none for another', async (t) => {
  const page = await readFile(join('docs', 'runbooks.md'), 'utf8')
  const sections = page.split(/^## /m).slice(1)
  const titles = sections.map((section) => section.split('\n', 1)[0] ?? '')
  t.deepEqual(titles.toSorted(), (await alertRules()).map(({ alert }) => alert).toSorted())
  for (const section of sections)
    for (const part of ['Means:', 'Look:', 'Mend:'])
      t.true(section.includes(`**${part}**`), section)
})

test('every alert has a test in which it fires, and one in which it does not', async (t) => {
  interface RuleTest {
    readonly alertname: string
    readonly exp_alerts: readonly unknown[]
  }
  const { tests } = parse(await readFile(RULE_TESTS, 'utf8')) as {
    tests: readonly { readonly alert_rule_test: readonly RuleTest[] }[]
  }
  const all = tests.flatMap((it) => it.alert_rule_test)
  const names = (are: (it: RuleTest) => boolean) =>
    [...new Set(all.filter(are).map(({ alertname }) => alertname))].toSorted()
  const alerts = (await alertRules()).map(({ alert }) => alert).toSorted()
  t.deepEqual(
    names(({ exp_alerts }) => exp_alerts.length > 0),
    alerts,
  )
  t.deepEqual(
    names(({ exp_alerts }) => exp_alerts.length === 0),
    alerts,
  )
})

test('dashboards have no id twice, no panels on each other, and say what is shown', async (t) => {
  const all = await dashboards()
  t.deepEqual([...all.keys()].toSorted(), [
    'federation.json',
    'link.json',
    'rollout.json',
    'tunnel.json',
  ])
  t.is(new Set([...all.values()].map(({ uid }) => uid)).size, all.size)
  for (const [file, { panels, templating, schemaVersion }] of all) {
    t.true(schemaVersion >= 39, file)
    t.deepEqual(
      templating.list.map(({ name }) => name),
      ['datasource', 'geo', 'ring', 'stamp'],
    )
    t.is(new Set(panels.map(({ id }) => id)).size, panels.length, file)
    t.is(new Set(panels.map(({ title }) => title)).size, panels.length, file)
    const taken = new Set<string>()
    for (const { title, type, gridPos, description, fieldConfig, targets = [] } of panels) {
      const at = `${file}: ${title}`
      t.true(gridPos.x + gridPos.w <= 24, at)
      for (let x = gridPos.x; x < gridPos.x + gridPos.w; x += 1)
        for (let y = gridPos.y; y < gridPos.y + gridPos.h; y += 1) {
          t.false(taken.has(`${x},${y}`), at)
          taken.add(`${x},${y}`)
        }
      if (type === 'row') continue
      t.regex(description ?? '', /\.$/, at)
      t.truthy(fieldConfig?.defaults.unit, at)
      t.true(targets.length > 0, at)
      t.is(new Set(targets.map(({ refId }) => refId)).size, targets.length, at)
      if (type !== 'stat') for (const { legendFormat } of targets) t.truthy(legendFormat, at)
    }
  }
})
