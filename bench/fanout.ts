import { fileURLToPath } from 'node:url'
import { describeNatsServer, findNatsServer } from '../src/demo/nats-server-binary.ts'
import type { FanOutRun } from './fanout-rig.ts'
import { FanOutRig } from './fanout-rig.ts'

export interface FanOutOptions {
  /** How many stamps, one federation for each number. */
  readonly stamps: readonly number[]
  /** Answers of stamps that are measured for each number: so many fan-outs as it takes, five at least. */
  readonly answers: number
}

/** What fan-outs to so many stamps took: medians, and the worst in brackets of the same name. */
interface FanOutFigures {
  readonly stamps: number
  readonly fanouts: number
  readonly deliveredMs: number
  readonly aggregateMs: number
  readonly aggregateWorstMs: number
  readonly totalMs: number
  readonly yardstickMs: number
  /** Above 1, a fan-out takes longer than the bare publishes of what it stores. */
  readonly ratio: number
  readonly hubCpuMsPerStamp: number
}

export interface FanOutReport {
  readonly bench: 'fanout'
  readonly node: string
  readonly natsServer: string
  readonly runs: readonly FanOutFigures[]
  /** The cost of a stamp at the largest number beside that at the smallest: 1 is flat, above it grows. */
  readonly costGrowth: number
}

type Tell = (line: string) => void

/** The command line, in the build that this file is part of. */
const CLI = fileURLToPath(new URL('../src/cli.js', import.meta.url))
const LEAST_FANOUTS = 5
/** Answers before the first that counts: a program is slow until its code is compiled. */
const WARM_UP_ANSWERS = 1_000

/** One `.triggered` to ever more stamps that answer at once, beside the bare publishes of what it stores. */
export async function fanout(options: FanOutOptions, tell: Tell): Promise<FanOutReport> {
  const found = await findNatsServer({ progress: tell })
  tell(describeNatsServer(found))
  const runs: FanOutFigures[] = []
  for (const stamps of options.stamps) {
    const figures = await measure(found.path, stamps, options.answers)
    runs.push(figures)
    tell(JSON.stringify(figures))
  }
  const first = runs[0]?.hubCpuMsPerStamp ?? Number.NaN
  const last = runs.at(-1)?.hubCpuMsPerStamp ?? Number.NaN
  return {
    bench: 'fanout',
    node: process.version,
    natsServer: found.version,
    runs,
    costGrowth: rounded(last / first),
  }
}

async function measure(binary: string, stamps: number, answers: number): Promise<FanOutFigures> {
  await using rig = await FanOutRig.start({ binary, cli: CLI, stamps })
  const warmUps = Math.ceil(Math.min(WARM_UP_ANSWERS, answers) / stamps)
  for (let round = 0; round < warmUps; round += 1) await rig.run()
  const fanouts = Math.max(LEAST_FANOUTS, Math.ceil(answers / stamps))
  const runs: FanOutRun[] = []
  const yards: number[] = []
  const before = await rig.hubCpuSeconds()
  for (let round = 0; round < fanouts; round += 1) runs.push(await rig.run())
  const cpuMs = ((await rig.hubCpuSeconds()) - before) * 1_000
  for (let round = 0; round < LEAST_FANOUTS; round += 1) yards.push(await rig.yardstick())
  const total = median(runs.map(({ totalMs }) => totalMs))
  const yardstick = median(yards)
  return {
    stamps,
    fanouts,
    deliveredMs: rounded(median(runs.map(({ deliveredMs }) => deliveredMs))),
    aggregateMs: rounded(median(runs.map(({ aggregateMs }) => aggregateMs))),
    aggregateWorstMs: rounded(Math.max(...runs.map(({ aggregateMs }) => aggregateMs))),
    totalMs: rounded(total),
    yardstickMs: rounded(yardstick),
    ratio: rounded(total / yardstick),
    hubCpuMsPerStamp: rounded(cpuMs / fanouts / stamps),
  }
}

function median(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b)
  return sorted[Math.floor(sorted.length / 2)] ?? Number.NaN
}

function rounded(value: number): number {
  return Number(value.toFixed(2))
}
