import { readFile } from 'node:fs/promises'
import test from 'ava'
import { metricsPage } from '../../scripts/metrics-page.ts'
import type { Label, LabelValues } from '../../src/observe/instruments.ts'
import { Count, LABEL_LIMITS, Level, OTHER, Spread } from '../../src/observe/instruments.ts'
import { Metrics } from '../../src/observe/metrics.ts'
import { counted, parseMetrics } from '../support/metrics.ts'

const PLACE = { geo: 'eu', ring: 'canary', stamp: 'eu-canary-1' }
/** As DESIGN 9 has them. */
const LABELS = new Set(['direction', 'geo', 'ring', 'stamp', 'link', 'task', 'result', 'reason'])

function instruments(metrics: Metrics) {
  const all: readonly unknown[] = Object.values(metrics)
  return all.filter((it) => it instanceof Count || it instanceof Level || it instanceof Spread)
}

/** Says the same number of every metric once, with labels that are all `value`. */
function sayAll(metrics: Metrics, value: string): void {
  const labels = Object.fromEntries([...LABELS].map((label) => [label, value]))
  for (const it of instruments(metrics)) {
    const { labels: own } = it
    const given = Object.fromEntries(own.map((label) => [label, labels[label]]))
    say(it as Count<Label> | Level<Label> | Spread<Label>, given as LabelValues<Label>, own.length)
  }
}

function say(
  it: Count<Label> | Level<Label> | Spread<Label>,
  labels: LabelValues<Label>,
  count: number,
): void {
  if (it instanceof Spread) it.observe(labels, 1)
  else if (it instanceof Count) it.inc(labels)
  else if (count > 0) it.set(labels, 1)
  else (it as unknown as Level<never>).set(1)
}

test('every metric has a name of its kind, a sentence, and labels of DESIGN 9 only', async (t) => {
  const metrics = new Metrics()
  t.is(metrics.facts.length, instruments(metrics).length)
  const types = new Map(
    (await metrics.registry.getMetricsAsJSON()).map(({ name, type }) => [name, String(type)]),
  )
  for (const { name, help, labels } of metrics.facts) {
    t.regex(name, /^signet_[a-z]+(_[a-z]+)*$/)
    t.is(name.endsWith('_total'), types.get(name) === 'counter', name)
    t.regex(help, /^[A-Z].*\.$/, name)
    for (const label of labels) t.true(LABELS.has(label), `${name}: ${label}`)
  }
  t.deepEqual(Object.keys(LABEL_LIMITS).toSorted(), [...LABELS].toSorted())
})

test('a flood of stamps, tasks and reasons that nobody knows fills no memory', async (t) => {
  const metrics = new Metrics()
  for (let index = 0; index < 5_000; index += 1) sayAll(metrics, `unknown-${index}`)
  sayAll(metrics, 'x'.repeat(101))
  const series = parseMetrics((await metrics.text()).text)
  for (const { name, labels } of metrics.facts) {
    const own = series.filter((it) => it.name === name || it.name === `${name}_count`)
    const most = Math.max(0, ...labels.map((label) => LABEL_LIMITS[label]))
    // With each label a value of its own every time, the largest limit is reached, and no more than that.
    t.is(own.length, labels.length === 0 ? 1 : most + 1, name)
    if (labels.length === 0) continue
    const others = own.filter((it) => labels.every((label) => it.labels[label] === OTHER))
    t.is(others.length, 1, name)
  }
  t.is(
    await counted(metrics, 'signet_late_answers_total', { stamp: 'unknown-7' }),
    1,
    'the first ones keep their names',
  )
  t.true(((await counted(metrics, 'signet_late_answers_total', { stamp: OTHER })) ?? 0) > 4_000)
})

test('a label that a number has by itself wins over the place of its agent', async (t) => {
  const metrics = new Metrics()
  metrics.lateAnswers.inc({ geo: 'us', ring: 'broad', stamp: 'us-1' })
  metrics.leader.set(1)
  const { text } = await metrics.text(PLACE)
  const of = (name: string) => parseMetrics(text).find((it) => it.name === name)?.labels
  t.deepEqual(of('signet_late_answers_total'), { geo: 'us', ring: 'broad', stamp: 'us-1' })
  t.deepEqual(of('signet_leader'), PLACE)
  t.deepEqual(of('process_start_time_seconds'), PLACE)
  const moved = await metrics.text({ ...PLACE, ring: '' })
  const leader = parseMetrics(moved.text).find(({ name }) => name === 'signet_leader')
  t.deepEqual(leader?.labels, { geo: 'eu', stamp: 'eu-canary-1' })
})

test('what only a leader knows is said neither before its term nor after it', async (t) => {
  const metrics = new Metrics()
  const ofTerm = new Set(metrics.facts.filter(({ by }) => by !== 'agent').map(({ name }) => name))
  const levels = new Set(
    (await metrics.registry.getMetricsAsJSON())
      .filter(({ type }) => String(type) === 'gauge')
      .map(({ name }) => name)
      .filter((name) => ofTerm.has(name)),
  )
  t.true(levels.has('signet_fanouts_open') && levels.has('signet_consumer_pending'))
  const said = async () => {
    const names = parseMetrics((await metrics.text()).text).map(({ name }) => name)
    return new Set(names.filter((name) => levels.has(name)))
  }
  t.deepEqual(await said(), new Set())
  sayAll(metrics, 'x')
  metrics.linkUp.set({ link: 'https' }, 1)
  metrics.linkUp.set({ link: 'keptn' }, 1)
  t.deepEqual(await said(), levels)
  metrics.endTerm()
  t.deepEqual(await said(), new Set())
  t.is(await counted(metrics, 'signet_link_up', { link: 'https' }), undefined)
  t.is(await counted(metrics, 'signet_link_up', { link: 'keptn' }), 1)
})

test('docs/metrics.md is what an agent exports', async (t) => {
  t.is(await readFile('docs/metrics.md', 'utf8'), await metricsPage())
})
