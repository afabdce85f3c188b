/** What one run of one hop gave, by our agents or by the copy loop. */
export interface Run {
  /** From the first event stored at the far end until all are stored and acknowledged. */
  readonly eventsPerSecond: number
  /** Events for each second that the processor spent on the process or processes, servers left out. */
  readonly eventsPerCpuSecond: number
  /** The most resident memory of one process, in MB, within each third of the run. */
  readonly rssMb: readonly [number, number, number]
}

/** A hop beside its yardstick: medians of all rounds. */
export interface HopReport {
  readonly eventsPerSecond: number
  readonly yardstickPerSecond: number
  /** Above 1, the hop is faster than the bare copy loop. */
  readonly ratio: number
  readonly eventsPerCpuSecond: number
  readonly yardstickPerCpuSecond: number
  /** The most that an agent took in any round. */
  readonly rssMb: number
  /** The same by the thirds of a run: memory that grows with the events shows here. */
  readonly rssMbByThird: readonly [number, number, number]
}

export interface ForwardReport {
  readonly bench: 'forward'
  readonly node: string
  readonly natsServer: string
  readonly events: number
  readonly rounds: number
  readonly window: number
  readonly bodyBytes: number
  readonly hops: { readonly [hop in 'hub' | 'stamp' | 'endToEnd']: HopReport }
}

/** Sets the runs of a hop beside those of the copy loop. */
export function reportHop(ours: readonly Run[], yardstick: readonly Run[]): HopReport {
  const eventsPerSecond = median(ours.map((run) => run.eventsPerSecond))
  const yardstickPerSecond = median(yardstick.map((run) => run.eventsPerSecond))
  const third = (index: 0 | 1 | 2): number => Math.max(...ours.map(({ rssMb }) => rssMb[index]))
  const rssMbByThird = [third(0), third(1), third(2)] as const
  return {
    eventsPerSecond: Math.round(eventsPerSecond),
    yardstickPerSecond: Math.round(yardstickPerSecond),
    ratio: Number((eventsPerSecond / yardstickPerSecond).toFixed(2)),
    eventsPerCpuSecond: Math.round(median(ours.map((run) => run.eventsPerCpuSecond))),
    yardstickPerCpuSecond: Math.round(median(yardstick.map((run) => run.eventsPerCpuSecond))),
    rssMb: Math.max(...rssMbByThird),
    rssMbByThird,
  }
}

function median(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b)
  const middle = Math.floor(sorted.length / 2)
  const upper = sorted[middle] ?? Number.NaN
  return sorted.length % 2 === 1 ? upper : (upper + (sorted[middle - 1] ?? upper)) / 2
}
