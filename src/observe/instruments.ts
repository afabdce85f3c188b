import { Counter, Gauge, Histogram, type Registry } from 'prom-client'

/**
 * The labels that a number may have (DESIGN 9), and how many values of each one metric tells apart. Most are
 * words of ours; stamps, rings and tasks come from files and events, and a sender without sense must not be
 * able to fill the memory of the agent and of whoever collects its numbers.
 */
export const LABEL_LIMITS = {
  direction: 16,
  link: 8,
  result: 32,
  reason: 64,
  task: 50,
  geo: 50,
  ring: 50,
  stamp: 1_000,
} as const

export type Label = keyof typeof LABEL_LIMITS

export type LabelValues<L extends Label> = Readonly<Record<L, string>>

/** The labels of a metric before its value; nothing for one without labels. */
type Labelled<L extends Label> = [L] extends [never] ? [] : [labels: LabelValues<L>]

/** What stands for all values beyond the limit of a label, and for those that are too long. */
export const OTHER = 'other'

/** Longer than every name of DESIGN 4; tasks of Keptn may have any length. */
const MOST_CHARACTERS = 100

/** Which agents export a metric: each one, the one that leads its stamp, or the one that leads the home stamp. */
export type Exporter = 'agent' | 'leader' | 'hub'

/** A metric as it is documented. `help` is a sentence; the unit is the end of the name. */
export interface MetricFacts {
  readonly name: string
  readonly help: string
  readonly labels: readonly Label[]
  readonly by: Exporter
}

/** Tells the first values of each label apart, and no more of them than its limit. */
class LabelBounds<L extends Label> {
  readonly #seen: ReadonlyMap<L, Set<string>>

  constructor(labels: readonly L[]) {
    this.#seen = new Map(labels.map((label) => [label, new Set()]))
  }

  fit(values: LabelValues<L>): LabelValues<L> {
    let fitting: Record<L, string> | undefined
    for (const [label, seen] of this.#seen) {
      const value = values[label]
      if (seen.has(value)) continue
      if (seen.size < LABEL_LIMITS[label] && value.length <= MOST_CHARACTERS) seen.add(value)
      else fitting = { ...(fitting ?? values), [label]: OTHER }
    }
    return fitting ?? values
  }

  forget(): void {
    for (const seen of this.#seen.values()) seen.clear()
  }
}

/** A number that only grows. Without labels it is 0 from the start. */
export class Count<L extends Label> {
  readonly labels: readonly L[]
  readonly #counter: Counter
  readonly #bounds: LabelBounds<L>

  constructor({ name, help, labels }: MetricFacts & { labels: readonly L[] }, registry: Registry) {
    this.#counter = new Counter({ name, help, labelNames: labels, registers: [registry] })
    this.#bounds = new LabelBounds(labels)
    this.labels = labels
  }

  inc(...given: [...Labelled<L>, by?: number]): void {
    const { labels, value = 1 } = parts<L>(given)
    this.#counter.inc(this.#bounds.fit(labels), value)
  }
}

/** How something stands now. Not exported until it is set. */
export class Level<L extends Label> {
  readonly labels: readonly L[]
  readonly #gauge: Gauge
  readonly #bounds: LabelBounds<L>

  constructor({ name, help, labels }: MetricFacts & { labels: readonly L[] }, registry: Registry) {
    this.#gauge = new Gauge({ name, help, labelNames: labels, registers: [registry] })
    this.#bounds = new LabelBounds(labels)
    this.labels = labels
    this.clear()
  }

  set(...given: [...Labelled<L>, value: number]): void {
    const { labels, value = 0 } = parts<L>(given)
    this.#gauge.set(this.#bounds.fit(labels), value)
  }

  /** Takes one series out. */
  remove(labels: LabelValues<L>): void {
    this.#gauge.remove(labels)
  }

  /** Takes all series out: an agent that does not know says nothing, and not 0. */
  clear(): void {
    this.#gauge.reset()
    this.#gauge.remove({})
    this.#bounds.forget()
  }
}

/** How often something took how long, or was how large. */
export class Spread<L extends Label> {
  readonly labels: readonly L[]
  readonly #histogram: Histogram
  readonly #bounds: LabelBounds<L>

  constructor(
    facts: MetricFacts & { labels: readonly L[]; buckets: readonly number[] },
    registry: Registry,
  ) {
    const { name, help, labels, buckets } = facts
    const registers = [registry]
    this.#histogram = new Histogram({
      name,
      help,
      labelNames: labels,
      buckets: [...buckets],
      registers,
    })
    this.#bounds = new LabelBounds(labels)
    this.labels = labels
  }

  observe(labels: LabelValues<L>, value: number): void {
    this.#histogram.observe(this.#bounds.fit(labels), value)
  }
}

function parts<L extends Label>(given: readonly unknown[]) {
  const [first, second] = given
  const isLabelled = typeof first === 'object'
  return {
    // Without labels there is nothing that could be missing here.
    labels: (isLabelled ? first : {}) as LabelValues<L>,
    value: (isLabelled ? second : first) as number | undefined,
  }
}
